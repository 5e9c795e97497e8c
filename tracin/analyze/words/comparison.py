"""Two runs side by side, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracin.analyze.figures.comparison import Comparison, HealthShare, PairedAccuracy
from tracin.model_check import FEWEST_TO_JUDGE
from tracin.wording import count, first_few

GONE = "not in this run: deleted, relabelled, or not drawn for its subset"
"""Why a path that was a suspect is a suspect no longer, where this run does not have it."""

NAMED = 3
"""So many images a line names."""

CHANCE_OF_TRAINING = (
    "Two trainings on the same data differ by chance as well, which this interval does not cover."
)


def conclusion(comparison: Comparison) -> str:
    """What may be concluded, a sentence or two."""
    accuracy = comparison.accuracy
    if accuracy.n == 0:
        return "The two runs share no test image under the same label: they cannot be compared."
    if accuracy.n < FEWEST_TO_JUDGE:
        return f"There are too few shared test images for a verdict ({accuracy.n:,})."
    low, high = accuracy.interval
    if low <= 0 <= high:
        return (
            "The difference in accuracy is within the noise: these test images do not tell which "
            "model is better."
        )
    better = "better" if accuracy.difference > 0 else "worse"
    return (
        f"On these test images the model of this run is {better}, beyond the chance of their "
        f"choice. {CHANCE_OF_TRAINING}"
    )


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The comparison for the console, a line each; the conclusion first."""
    accuracy = comparison.accuracy
    yield f"Compared with {comparison.before}"
    yield f"  {conclusion(comparison)}"
    if accuracy.n == 0:
        return
    yield f"  accuracy       {accuracy_change(accuracy)}"
    yield f"  mended         {_images(comparison.mended)}"
    yield f"  new mistakes   {_images(comparison.spoilt)}"
    if comparison.withheld:
        yield "  labels         withheld, since one of the two models cannot judge"
    else:
        before, now = map(health_in_words, (comparison.health_before, comparison.health_now))
        yield f"  health         {before} → {now}"
        yield f"  suspects gone  {_images(comparison.suspects_removed)}: {GONE}"
        yield f"  now look right {_images(comparison.suspects_cleared)}"
        yield f"  new suspects   {_images(comparison.suspects_new)}"
    yield f"  not compared   {not_compared(comparison)}"


def accuracy_change(accuracy: PairedAccuracy) -> str:
    """``91.0% → 94.0% of 200 shared test images: +3.0 points (95% interval +0.2 to +5.8)``."""
    before, now = (right / accuracy.n for right in (accuracy.right_before, accuracy.right_now))
    return (
        f"{before:.1%} → {now:.1%} of {count(accuracy.n, 'shared test image')}: "
        f"{points_change(accuracy)}"
    )


def points_change(accuracy: PairedAccuracy) -> str:
    """``+3.0 points (95% interval +0.2 to +5.8)``; "—" where no test image is shared."""
    if accuracy.n == 0:
        return "—"
    low, high = accuracy.interval
    return f"{points(accuracy.difference)} points (95% interval {points(low)} to {points(high)})"


def points(share: float) -> str:
    """A difference of shares in percentage points: ``+3.0``, ``−0.5``, ``0.0``."""
    text = f"{abs(100 * share):.1f}"
    return text if float(text) == 0 else f"{'+' if share > 0 else '−'}{text}"


def health_in_words(health: HealthShare | None) -> str:
    """``97.5% (95% interval 96.1% to 98.4%)``; "—" where there is none."""
    if health is None:
        return "—"
    low, high = health.interval
    return f"{health.good / health.n:.1%} (95% interval {low:.1%} to {high:.1%})"


def not_compared(comparison: Comparison) -> str:
    """Which test images no figure is about."""
    parts = [
        f"{count(comparison.only_before, 'test image')} of the other run alone",
        f"{comparison.only_now:,} of this one alone",
    ]
    if comparison.relabelled:
        parts.append(f"{comparison.relabelled:,} under two labels")
    return ", ".join(parts)


def _images(paths: Sequence[str]) -> str:
    return f"{len(paths):,}{f', such as {first_few(paths, NAMED)}' if paths else ''}"
