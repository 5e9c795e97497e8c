"""What an analysis found, as JSON for other programs. Pure but for the writing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracin.analyze.figures.summary import ClassSummary, Health, OverallSummary
from tracin.analyze.words.certain import contradictions, leaked_test_images
from tracin.analyze.words.findings import Words
from tracin.intervals import wilson_interval

FORMAT = 1
"""Rises when a field changes its meaning."""


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write ``record`` as JSON to ``path``."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def analysis_record(
    overall: OverallSummary, words: Words, left_out: Sequence[str], run_id: str
) -> dict[str, Any]:
    """What was found, in plain values.

    Args:
        overall: the figures.
        words: what is said about them.
        left_out: sentences on what is missing, and for want of what.
        run_id: of the run that the scores come from; "" where no file tells.
    """
    check, compared = overall.check, overall.same_pictures is not None
    return {
        "format": FORMAT,
        "run_id": run_id,
        "method": overall.method,
        "n_train": overall.n_train,
        "n_test": overall.n_test,
        "model_can_judge": None if check is None else check.can_judge,
        "withheld": _withheld(overall),
        "test_accuracy": _accuracy(overall.n_right, overall.n_test),
        "health": _health(overall.health),
        "suspects": None if overall.suspects is None else len(overall.suspects),
        "test_suspects": len(overall.test_suspects),
        "leaked_test_images": len(leaked_test_images(overall)) if compared else None,
        "pictures_under_two_labels": (
            len({pair.path for pair in contradictions(overall)}) if compared else None
        ),
        "classes": [_class(summary) for summary in overall.classes if summary.is_class],
        "findings": list(words.findings),
        "recommendations": list(words.recommendations),
        "left_out": list(left_out),
    }


def _withheld(overall: OverallSummary) -> dict[str, Any] | None:
    """Why the verdicts of the model are withheld; None where they are not."""
    if overall.check is None or overall.check.can_judge:
        return None
    check = overall.check
    return {
        "reason": check.headline,
        "problems": list(check.problems),
        "causes": list(check.causes),
        "verdicts": ["health", "suspects", "test_suspects", "weakest class", "confusions"],
    }


def _accuracy(right: int | None, n: int) -> dict[str, Any] | None:
    if right is None:
        return None
    low, high = wilson_interval(right, n)
    return {"right": right, "n": n, "share": right / n, "interval_95": [low, high]}


def _health(health: Health | None) -> dict[str, Any] | None:
    if health is None:
        return None
    return {
        "percent": health.percent,
        "band": health.band or None,
        "good": health.good,
        "n": health.n,
        "of_labels": health.of_labels,
        "doubt": health.doubt or None,
    }


def _class(summary: ClassSummary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "n_train": summary.n_train,
        "test_accuracy": _accuracy(summary.n_right, summary.n_test),
        "health": _health(summary.health),
    }
