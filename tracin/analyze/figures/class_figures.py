"""One pass over the class means: the sums and the strongest images of every class. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracin.analyze.read.label_index import LabelIndex
from tracin.analyze.read.scan import ClassMeans, Float64Array, Int64Array

VALUES_PER_BLOCK = 250_000
"""Means that are looked at at a time: 2 MB, so that a block stays near the processor."""


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
    helpful, harmful = _Strongest(classes, k), _Strongest(classes, k, sign=-1)
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
        harmful.add(start, block)
    return ClassFigures(sums, helpful.rankings(), harmful.rankings())


def _add_sums(sums: Float64Array, labels: Int64Array, block: Float64Array) -> None:
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    in_order = block if (np.diff(order) > 0).all() else block[order]
    sums[present] += np.add.reduceat(in_order, starts, axis=0)


class _Strongest:
    """The ``k`` largest scores above zero of each column, brought up to date block by block.

    ``sign=-1``: the scores are turned.
    """

    def __init__(self, columns: int, k: int, sign: int = 1) -> None:
        self._k, self._sign = k, sign
        self._least = np.zeros(columns)  # a later score must be larger to come among the k
        self._found: list[tuple[Int64Array, Int64Array, Float64Array]] = []
        self._waiting, self._most_waiting = 0, k * columns

    def add(self, start: int, scores: Float64Array) -> None:
        """Take in the next rows, the first of them row ``start``."""
        best = scores.max(axis=0) if self._sign > 0 else -scores.min(axis=0)
        columns = np.flatnonzero(best > self._least)  # soon there are few
        if not len(columns):
            return
        scores = self._sign * scores[:, columns]
        row, place = np.nonzero(scores > self._least[columns])
        self._found.append((columns[place], row + start, scores[row, place]))
        self._waiting += len(row)
        if self._waiting > self._most_waiting:
            self._found, self._waiting = [self._kept()], 0

    def _kept(self) -> tuple[Int64Array, Int64Array, Float64Array]:
        """(column, row, score) of what is among the k, column by column, best first."""
        column, row, score = (np.concatenate(parts) for parts in zip(*self._found, strict=True))
        order = np.lexsort((row, -score, column))
        counts = np.bincount(column, minlength=len(self._least))
        rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = order[rank < self._k]
        full = np.flatnonzero(counts >= self._k)
        last = np.cumsum(np.minimum(counts, self._k))[full] - 1
        self._least[full] = score[kept][last]
        return column[kept], row[kept], score[kept]

    def rankings(self) -> tuple[Ranking, ...]:
        """Of each column."""
        nothing = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        self._found.append(nothing)
        column, row, score = self._kept()
        ends = np.cumsum(np.bincount(column, minlength=len(self._least)))[:-1]
        parts = zip(np.split(row, ends), np.split(score, ends), strict=True)
        return tuple(Ranking(rows, scores) for rows, scores in parts)
