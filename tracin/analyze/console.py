"""What analyze_results.py prints: figures, findings, and the paths written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.run import Outcome
from tracin.analyze.words.comparison import comparison_lines
from tracin.results.schema import TOP_INFLUENCES
from tracin.wording import count, signed

MOST_PAGES = 20
"""So many class pages are named one by one."""


def closing_summary(outcome: Outcome, results_dir: Path) -> str:
    """The closing summary: figures, what was left out, health, findings, paths."""
    parts = [_figures(outcome.overall)]
    if outcome.left_out:
        parts.append(_bulleted("Left out", outcome.left_out))
    parts += [
        f"Health score: {_health(outcome.overall)}",
        _bulleted("Key findings", outcome.words.findings),
        _bulleted("Recommendations", outcome.words.recommendations),
        *(["\n".join(comparison_lines(outcome.comparison))] if outcome.comparison else []),
        "\n".join(["Written", *(f"  {line}" for line in _written(outcome, results_dir))]),
    ]
    return "\n\n".join(parts)


def _health(overall: OverallSummary) -> str:
    if overall.health is None:
        return "withheld, since the model cannot judge the labels"
    measure = "" if overall.health.of_labels else ", the share of test images helped on average"
    return f"{overall.health}{measure}"


def _figures(overall: OverallSummary) -> str:
    low, high = (signed(score) for score in overall.score_range)
    accuracy = "unknown" if overall.test_accuracy is None else f"{overall.test_accuracy:.1%}"
    if overall.n_right is not None:
        accuracy += f" ({overall.n_right:,} of {overall.n_test:,} right)"
    ranked = (
        "mean score divided by the root of self-influence"
        if overall.rank_by == "normalized"
        else "mean score"
    )
    lines = (
        f"Influence of {count(overall.n_train, 'training image')} on "
        f"{count(overall.n_test, 'test image')}",
        f"  method         {' · '.join(filter(None, (overall.method, overall.provenance)))}",
        f"  test accuracy  {accuracy}",
        f"  scores         {low} to {high} (above zero: helped)",
        f"  ranked by      {ranked}",
    )
    return "\n".join(lines)


def _bulleted(heading: str, sentences: Iterable[str]) -> str:
    return "\n".join([heading, *(f"  - {' '.join(sentence.split())}" for sentence in sentences)])


def _written(outcome: Outcome, results_dir: Path) -> Iterator[str]:
    yield str(outcome.report)
    yield str(outcome.dashboard)
    yield from map(str, outcome.more)
    pages = outcome.class_pages
    if len(pages) <= MOST_PAGES:
        yield from map(str, pages)
    else:
        yield f"{pages[0]} and {count(len(pages) - 1, 'more class page')}"
    if n := len(outcome.copies):
        yield f"{results_dir / TOP_INFLUENCES} ({count(n, 'image')})"
