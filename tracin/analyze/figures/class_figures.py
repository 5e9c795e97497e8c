"""One pass over the class means: the sums and the strongest images of every class. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracin.analyze.read.label_index import LabelIndex
from tracin.analyze.read.scan import ClassMeans, Float64Array, Int64Array

VALUES_PER_BLOCK = 1_000_000
"""Means that are looked at at a time: 8 MB, so that a block stays near the processor."""


@dataclass(frozen=True)
class Ranking:
    """Training images with a score above zero, best first, ties in order of index."""

    rows: Int64Array
    scores: Float64Array


@dataclass(frozen=True)
class ClassFigures:
    """What the means of each class of test images come to; positive = helps."""

    sums: Float64Array
    """(labels, classes): the means of all training images of a label, added up."""
    helpful: tuple[Ranking, ...]
    """By class; the scores are means or, with self-influence, means over its root."""
    harmful: tuple[Ranking, ...]
    """By class; the scores are means with their sign turned."""


def class_figures(
    means: ClassMeans, labels: LabelIndex | None, self_influence: Float64Array | None, k: int
) -> ClassFigures:
    """The sums and rankings of every class.

    Args:
        means: (n_train, classes) of the matrix.
        labels: of the training images; None: there are no sums.
        self_influence: (n_train,), 0 or above, by whose root helpful images are ranked; an image
            without any has no gradient, and scores 0. None: by their means.
        k: length of the rankings.
    """
    n_train, classes = means.shape
    step = max(1, VALUES_PER_BLOCK // classes)
    sums = np.zeros((0 if labels is None else len(labels.names), classes))
    helpful, harmful = (_Strongest(classes, k) for _ in range(2))
    roots = None if self_influence is None else np.sqrt(self_influence)[:, np.newaxis]
    for start in range(0, n_train, step):
        block = np.asarray(means[start : start + step], dtype=np.float64)
        rows = slice(start, start + step)
        if labels is not None:
            _add_sums(sums, labels.of[rows], block)
        if roots is None:
            helpful.add(start, block)
        else:
            divisor = np.where(roots[rows] > 0, roots[rows], np.inf)
            helpful.add(start, block / divisor)
        harmful.add(start, -block)
    return ClassFigures(sums, helpful.rankings(), harmful.rankings())


def _add_sums(sums: Float64Array, labels: Int64Array, block: Float64Array) -> None:
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    in_order = block if (np.diff(order) > 0).all() else block[order]
    sums[present] += np.add.reduceat(in_order, starts, axis=0)


class _Strongest:
    """The ``k`` largest scores above zero of each column, brought up to date block by block."""

    def __init__(self, columns: int, k: int) -> None:
        self._k = k
        self._least = np.zeros(columns)  # a later score must be larger to come among the k
        self._column, self._row = np.empty(0, np.int64), np.empty(0, np.int64)
        self._score = np.empty(0)

    def add(self, start: int, scores: Float64Array) -> None:
        """Take in the next rows, the first of them row ``start``."""
        row, column = np.nonzero(scores > self._least)
        if not len(row):
            return
        self._column = np.concatenate([self._column, column])
        self._row = np.concatenate([self._row, row + start])
        self._score = np.concatenate([self._score, scores[row, column]])
        order = np.lexsort((self._row, -self._score, self._column))
        counts = np.bincount(self._column, minlength=len(self._least))
        place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = order[place < self._k]
        self._column, self._row = self._column[kept], self._row[kept]
        self._score = self._score[kept]
        full = np.flatnonzero(counts >= self._k)
        last = np.cumsum(np.minimum(counts, self._k))[full] - 1
        self._least[full] = self._score[last]

    def rankings(self) -> tuple[Ranking, ...]:
        """Of each column."""
        ends = np.cumsum(np.bincount(self._column, minlength=len(self._least)))[:-1]
        parts = zip(np.split(self._row, ends), np.split(self._score, ends), strict=True)
        return tuple(Ranking(rows, scores) for rows, scores in parts)
