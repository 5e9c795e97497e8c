"""What the training images of each class add up to for the test images of each class. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.analyze.read.scan import Float64Array
from tracin.wording import power_of_ten

MOST_CLASSES = 20
"""So many columns leave room for a number of four digits in each cell of a picture."""


@dataclass(frozen=True)
class ClassInfluence:
    """Training classes (rows) against the classes of test images (columns); positive = helps."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    sums: Float64Array
    """(rows, columns): the scores of the row's training images added up, on average over the test
    images of the column."""
    n_classes: int
    """Of which ``rows`` and ``columns`` are chosen."""

    @property
    def n_shown(self) -> int:
        """How many classes have a row or a column."""
        return len({*self.rows, *self.columns})

    @property
    def largest(self) -> float:
        """The size of the strongest influence, of either sign."""
        return float(np.abs(self.sums).max(initial=0.0))

    @property
    def exponent(self) -> int:
        """The power of ten in whose units the strongest has one to five digits before the point."""
        exponent = math.floor(math.log10(self.largest)) if self.largest else 0
        return 0 if 0 <= exponent <= 4 else 3 * (exponent // 3)

    @property
    def scale(self) -> str:
        """The unit of the numbers as a power of ten; "" for plain numbers."""
        return power_of_ten(self.exponent) if self.exponent else ""

    @property
    def strengths(self) -> Float64Array:
        """−1 to 1: signed root of the share of the strongest, so that small ones stay visible."""
        share = self.sums / (self.largest or 1.0)
        return np.sign(share) * np.sqrt(np.abs(share))

    def shown(self, value: float, *, fine: bool = True) -> str:
        """``value`` in the unit of the numbers: two digits or, where it is large, whole ones.

        Less than one hundredth is ``<0.01``; without ``fine`` one decimal is the end.
        """
        value = value / 10.0**self.exponent
        if value == 0:
            return "0"
        size, sign = abs(value), "+" if value > 0 else "−"
        # Each bound is where the shorter form begins to round into the longer one.
        if size >= 9.95:
            return f"{sign}{size:,.0f}"
        if size >= 0.95 or (size >= 0.095 and not fine):
            return f"{sign}{size:.1f}"
        if size >= 0.0095 and fine:
            return f"{sign}{size:.2g}"
        return f"{sign}<{'0.01' if fine else '0.1'}"


def class_influence(
    classes: Sequence[ClassSummary], rows: Sequence[str], columns: Sequence[str], n_classes: int
) -> ClassInfluence:
    """The influence of the training classes ``rows`` on the test classes ``columns``.

    Args:
        classes: the summaries of at least ``columns``.
        rows: labels; one that no training image carries adds up to zero.
        columns: classes of test images.
        n_classes: of which both are chosen.
    """
    wanted, by_name = set(columns), {}
    for summary in classes:
        if summary.name in wanted:
            by_name[summary.name] = {label: total for label, total, _ in summary.by_label}
    sums = np.array([[by_name[column].get(row, 0.0) for column in columns] for row in rows])
    return ClassInfluence(
        tuple(rows), tuple(columns), sums.reshape(len(rows), len(columns)), n_classes
    )


def strongest_class_influence(
    overall: OverallSummary, most_classes: int = MOST_CLASSES
) -> ClassInfluence | None:
    """All classes or, of more than ``most_classes``, those that influence others most strongly.

    None where the classes of the test images or the labels of the training images are not known.
    """
    if not overall.has_classes or not all(summary.by_label for summary in overall.classes):
        return None
    labels = [label for label, _, _ in overall.classes[0].by_label]
    columns = [summary.name for summary in overall.classes]
    all_names = list(dict.fromkeys([*columns, *labels]))
    if len(all_names) <= most_classes:
        rows = sorted(labels, key=all_names.index)
        return class_influence(overall.classes, rows, columns, len(all_names))
    strongest = _strongest_on_others(overall.classes, labels, columns)
    chosen = sorted(all_names, key=lambda name: -strongest[name])[:most_classes]
    kept = [name for name in all_names if name in chosen]
    return class_influence(
        overall.classes,
        [name for name in kept if name in labels],
        [name for name in kept if name in columns],
        len(all_names),
    )


def _strongest_on_others(
    classes: Sequence[ClassSummary], labels: Sequence[str], columns: Sequence[str]
) -> dict[str, float]:
    """Of each class the size of its strongest influence on another, or of another on it."""
    sizes = np.abs([[total for _, total, _ in summary.by_label] for summary in classes]).T
    row_of = {label: row for row, label in enumerate(labels)}
    for column, name in enumerate(columns):
        if name in row_of:
            sizes[row_of[name], column] = 0.0
    strongest = dict(zip(labels, sizes.max(axis=1).tolist(), strict=True))
    for name, size in zip(columns, sizes.max(axis=0).tolist(), strict=True):
        strongest[name] = max(strongest.get(name, 0.0), size)
    return strongest
