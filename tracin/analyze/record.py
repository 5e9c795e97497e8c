"""What an analysis found, as JSON for other programs. Pure but for the writing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracin.analyze.figures.comparison import Comparison, HealthShare, PairedAccuracy
from tracin.analyze.figures.health import Health
from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.analyze.words.certain import contradictions, leaked_test_images
from tracin.analyze.words.comparison import conclusion
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
        "suspects": _listed(overall, overall.suspects),
        "test_suspects": _listed(overall, overall.test_suspects),
        "leaked_test_images": len(leaked_test_images(overall)) if compared else None,
        "pictures_under_two_labels": (
            len({pair.path for pair in contradictions(overall)}) if compared else None
        ),
        "classes": [_class(summary) for summary in overall.classes if summary.is_class],
        "findings": list(words.findings),
        "recommendations": list(words.recommendations),
        "left_out": list(left_out),
    }


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """Two runs side by side, in plain values."""
    return {
        "with": comparison.before,
        "conclusion": conclusion(comparison),
        "test_accuracy": _paired(comparison.accuracy),
        "classes": [
            {
                "name": each.name,
                "test_accuracy": _paired(each.accuracy),
                "health_before": _labels(each.health_before),
                "health_now": _labels(each.health_now),
            }
            for each in comparison.classes
        ],
        "health_before": _labels(comparison.health_before),
        "health_now": _labels(comparison.health_now),
        "mended": list(comparison.mended),
        "new_mistakes": list(comparison.spoilt),
        "suspects_removed": list(comparison.suspects_removed),
        "suspects_cleared": list(comparison.suspects_cleared),
        "suspects_new": list(comparison.suspects_new),
        "labels_withheld": comparison.withheld,
        "test_images_only_before": comparison.only_before,
        "test_images_only_now": comparison.only_now,
        "test_images_under_two_labels": comparison.relabelled,
    }


def _paired(accuracy: PairedAccuracy) -> dict[str, Any]:
    return {
        "n": accuracy.n,
        "right_before": accuracy.right_before,
        "right_now": accuracy.right_now,
        "mended": accuracy.mended,
        "new_mistakes": accuracy.spoilt,
        "difference_interval_95": list(accuracy.interval) if accuracy.n else None,
    }


def _labels(health: HealthShare | None) -> dict[str, Any] | None:
    if health is None:
        return None
    return {"good": health.good, "n": health.n, "interval_95": list(health.interval)}


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


def _listed(overall: OverallSummary, images: Sequence[object] | None) -> int | None:
    """How many look wrong; None where no file tells, or the model's opinion is withheld."""
    if images is None or not overall.can_judge:
        return None
    return len(images)


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
