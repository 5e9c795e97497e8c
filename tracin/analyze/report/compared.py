"""The section of ``--compare``: this run beside an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracin.analyze.figures.comparison import ClassComparison, PairedAccuracy
from tracin.analyze.report.analysis import Analysis, PagePicture
from tracin.analyze.words.comparison import (
    GONE,
    accuracy_change,
    conclusion,
    health_in_words,
    not_compared,
    points_change,
)
from tracin.wording import remaining

MOST_PICTURES = 24
"""Of each kind of change."""


@dataclass(frozen=True)
class ComparedClass:
    """A class in both runs, in words."""

    name: str
    before: str
    now: str
    change: str
    health_before: str
    health_now: str


@dataclass(frozen=True)
class Changed:
    """Images of which something changed from one run to the other."""

    heading: str
    total: int
    images: tuple[PagePicture, ...]
    more: str
    """How many are not shown; "" where all are."""


@dataclass(frozen=True)
class ComparisonSection:
    """What changed, and what may be concluded."""

    before: str
    """The other run's folder."""
    conclusion: str
    accuracy: str
    health: str
    """"" where nothing is said of labels, since one of the models cannot judge."""
    not_compared: str
    classes: tuple[ComparedClass, ...]
    changes: tuple[Changed, ...]
    removed: int
    """Suspects of the other run that this one does not have: there is nothing to show."""

    gone = GONE

    def pictures(self) -> Iterator[PagePicture]:
        """All, mistakes first."""
        for change in self.changes:
            yield from change.images


def comparison_section(analysis: Analysis) -> ComparisonSection | None:
    """The two runs of ``--compare`` side by side; None without that flag."""
    found = analysis.comparison
    if found is None:
        return None
    test, train = _test_labels(analysis), _train_labels(analysis)
    changes = [
        _changed("New mistakes: right before, wrong now", found.spoilt, test, is_test=True),
        _changed("Mended: wrong before, right now", found.mended, test, is_test=True),
    ]
    if not found.withheld:
        changes += [
            _changed("New suspects", found.suspects_new, train),
            _changed("Suspects before that look right now", found.suspects_cleared, train),
        ]
    health = f"{health_in_words(found.health_before)} → {health_in_words(found.health_now)}"
    return ComparisonSection(
        before=found.before,
        conclusion=conclusion(found),
        accuracy=accuracy_change(found.accuracy) if found.accuracy.n else "",
        health="" if found.withheld else health,
        not_compared=not_compared(found),
        classes=tuple(_class(compared) for compared in found.classes),
        changes=tuple(changes),
        removed=len(found.suspects_removed),
    )


def _class(compared: ClassComparison) -> ComparedClass:
    accuracy = compared.accuracy
    return ComparedClass(
        compared.name,
        _right(accuracy, accuracy.right_before),
        _right(accuracy, accuracy.right_now),
        points_change(accuracy),
        health_in_words(compared.health_before),
        health_in_words(compared.health_now),
    )


def _right(accuracy: PairedAccuracy, right: int) -> str:
    return f"{right:,} of {accuracy.n:,}"


def _changed(
    heading: str, paths: Sequence[str], label_of: Mapping[str, str], *, is_test: bool = False
) -> Changed:
    shown = tuple(
        PagePicture(path, label_of.get(path, ""), is_test) for path in paths[:MOST_PICTURES]
    )
    return Changed(heading, len(paths), shown, remaining(len(paths), MOST_PICTURES))


def _test_labels(analysis: Analysis) -> dict[str, str]:
    test = analysis.inputs.test
    labels = (test.groups[group] for group in test.group_of)
    return dict(zip(test.paths or (), labels, strict=False))


def _train_labels(analysis: Analysis) -> dict[str, str]:
    train = analysis.inputs.train
    return dict(zip(train.paths or (), train.all_labels or (), strict=False))
