"""The confusion matrix: test images by their label and by the class that the model named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tracin.analyze.read.sides import TestImages
from tracin.analyze.report.analysis import PagePicture

MOST_CLASSES = 20
"""Rows and columns at most; of more classes, those with the most mistakes."""
PER_CELL = 12
"""Test images shown of a confused pair."""

ClassPair = tuple[str, str]
"""(true class, predicted class)"""


@dataclass(frozen=True)
class ConfusionCell:
    """Test images of one class (row) that the model took for another (column), or named rightly."""

    n: int
    right: bool
    strength: float
    """0 to 1: the square root of its share of the row, so that few stay visible."""
    pair: int
    """The number, from 1, of the confused pair that shows the images; 0 for none."""


@dataclass(frozen=True)
class ConfusionRow:
    """The cells of a true class."""

    label: str
    n: int
    """Its test images, those named with a class that has no column too."""
    cells: tuple[ConfusionCell, ...]


@dataclass(frozen=True)
class ConfusionMatrix:
    """The matrix."""

    classes: tuple[str, ...]
    """Of the columns, in the order of the rows."""
    rows: tuple[ConfusionRow, ...]
    left_out: int
    """Classes beyond ``MOST_CLASSES``."""


def confusion_of(test: TestImages, pairs: Sequence[ClassPair]) -> ConfusionMatrix | None:
    """The confusion matrix of the test images; None where no file tells what the model named.

    Args:
        test: the test images.
        pairs: the confused pairs that the page shows, in their order.
    """
    if test.predicted is None or not test.has_classes:
        return None
    true = [test.groups[group] for group in test.group_of]
    counts = Counter(zip(true, test.predicted, strict=True))
    sizes, mistakes = Counter(true), Counter[str]()
    for (label, named), n in counts.items():
        if label != named:
            mistakes.update({label: n, named: n})
    known = dict.fromkeys([*test.groups, *test.predicted])
    chosen = set(sorted(known, key=lambda name: -mistakes[name])[:MOST_CLASSES])
    classes = tuple(name for name in known if name in chosen)
    number_of = {pair: number for number, pair in enumerate(pairs, start=1)}

    def cell(label: str, named: str) -> ConfusionCell:
        n = counts[label, named]
        strength = math.sqrt(n / sizes[label])
        return ConfusionCell(n, label == named, strength, number_of.get((label, named), 0))

    rows = tuple(
        ConfusionRow(label, sizes[label], tuple(cell(label, named) for named in classes))
        for label in classes
        if sizes[label]
    )
    return ConfusionMatrix(classes, rows, len(known) - len(classes))


def mistaken(test: TestImages, pair: ClassPair) -> tuple[PagePicture, ...]:
    """The first test images of ``pair``, as many as are shown."""
    if test.paths is None or test.predicted is None:
        return ()
    rows = zip(test.paths, test.group_of, test.predicted, strict=True)
    found = [path for path, group, named in rows if (test.groups[group], named) == pair]
    return tuple(PagePicture(path, pair[0], is_test=True) for path in found[:PER_CELL])
