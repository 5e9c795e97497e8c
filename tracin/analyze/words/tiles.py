"""The figures in tiles above the charts, and what the rows of images are ranked by. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tracin.analyze.figures.health import Health
from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.flags import RankBy
from tracin.wording import count, signed

Effect = Literal["helpful", "harmful"]
"""What the images of a row did, as estimated."""


@dataclass(frozen=True)
class Tile:
    """A figure with its name above and a remark below."""

    name: str
    value: str
    remark: str = ""
    band: str | None = None
    """The health band whose colour marks it; None: no mark."""


def overall_tiles(overall: OverallSummary) -> list[Tile]:
    """The overview: health, accuracy, and the size of everything."""
    classes = overall.n_train_classes
    low, high = (signed(score) for score in overall.score_range)
    return [
        _health_tile("Health score", overall.health, overall.can_judge),
        _accuracy_tile("Test accuracy", overall.test_accuracy, overall.n_right, overall.n_test),
        Tile(
            "Test images",
            f"{overall.n_test:,}",
            f"of {count(len(overall.groups), 'class')}"
            if overall.has_classes
            else "classes unknown",
        ),
        Tile(
            "Training images",
            f"{overall.n_train:,}",
            f"of {count(classes, 'class')}" if classes else "labels unknown",
        ),
        Tile("Scores", f"{low} … {high}" if low != high else low, overall.unit),
    ]


def class_tiles(summary: ClassSummary, overall: OverallSummary) -> list[Tile]:
    """The same for one class."""
    accuracy = None if summary.n_right is None else summary.n_right / summary.n_test
    if summary.is_class:
        labelled = "—" if summary.n_train is None else f"{summary.n_train:,}"
        trained = Tile(
            "Training images",
            labelled,
            "labels unknown" if summary.n_train is None else "with this label",
        )
    else:
        trained = Tile("Training images", f"{overall.n_train:,}", "labels unknown")
    return [
        _health_tile("Health score", summary.health, overall.can_judge),
        _accuracy_tile("Test accuracy", accuracy, summary.n_right, summary.n_test),
        Tile("Test images", f"{summary.n_test:,}", f"of {overall.n_test:,} in all"),
        trained,
        Tile("Average score", signed(summary.mean), summary.unit),
    ]


def _health_tile(name: str, health: Health | None, can_judge: bool) -> Tile:
    if health is None:
        why = "no training image has this label" if can_judge else "the model cannot judge"
        return Tile(name, "withheld" if not can_judge else "—", why)
    value = f"{health.shown} {health.verdict}"
    verb = "looks" if health.good == 1 else "look"
    what = (
        f"{count(health.n, 'label')} {verb} right"
        if health.of_labels
        else f"{health.n:,} helped on average"
    )
    remark = f"{health.good:,} of {what}"
    if health.doubt and not health.band:
        remark = "may be learnt by heart" if health.doubt_of_all else health.doubt
    return Tile(name, value, remark, health.band or None)


def _accuracy_tile(name: str, accuracy: float | None, right: int | None, n: int) -> Tile:
    if accuracy is None:
        return Tile(name, "—", "not in these results")
    return Tile(name, f"{accuracy:.1%}", "" if right is None else f"{right:,} of {n:,} right")


def remark_on(rank_by: RankBy, unit: str, n_test: int, effect: Effect) -> str:
    """What the scores under a row of images are."""
    what = "score on the test image" if n_test == 1 else f"mean score over {n_test:,} test images"
    if effect == "helpful" and rank_by == "normalized":
        return (
            f"similar training signal; {what}, divided by the root of the image's influence on "
            "itself (RelatIF)"
        )
    signal = "similar" if effect == "helpful" else "opposite"
    return f"{signal} training signal; {what} ({unit})"
