"""The one pass over the matrix: every mean and extreme that the analysis needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tracin.errors import TracInError
from tracin.results.class_means import StoredMeans
from tracin.results.matrix import read_blocks

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
ClassMeans = Float64Array | StoredMeans


@dataclass(frozen=True)
class MatrixSummary:
    """Means and extremes of the influence matrix (n_train, n_test); positive = helps."""

    group_mean: ClassMeans
    """(n_train, groups): mean over the group's test images. Many stand on disk: take rows of it."""
    train_mean: Float64Array
    """(n_train,): mean over all test images."""
    test_max: Float64Array
    """(n_test,): the largest score of each column, and the row where it stands first."""
    test_argmax: Int64Array
    test_min: Float64Array
    """(n_test,): the smallest score of each column, and the row where it stands first."""
    test_argmin: Int64Array
    test_mean: Float64Array
    """(n_test,): mean over all training images."""


def scan(
    path: Path,
    shape: tuple[int, int],
    group_of: Int64Array,
    n_groups: int,
    *,
    rows: int | None = None,
) -> MatrixSummary:
    """Means and extremes of the matrix in ``path``, read once, the same for every block size.

    Args:
        path: ``influence_scores.csv``.
        shape: (n_train, n_test) of the matrix.
        group_of: (n_test,) the group of each test image; every group has at least one.
        n_groups: number of groups.
        rows: rows of a block; None lets the reader choose.

    Raises:
        TracInError: the file is no matrix of finite numbers, or was changed while it was read.
    """
    n_train, n_test = shape
    members = [np.flatnonzero(group_of == group) for group in range(n_groups)]
    group_mean = np.empty((n_train, n_groups))
    train_mean = np.empty(n_train)
    columns = _Columns(n_test)
    done = 0
    # disable=None: no bar where stderr is no terminal.
    with tqdm(total=n_train, desc="Reading scores", unit=" rows", disable=None) as bar:
        for block in read_blocks(path, rows):
            end = done + len(block)
            if end > n_train:
                raise _changed(path)
            sums = _group_sums(block, members)
            group_mean[done:end] = sums / [len(group) for group in members]
            train_mean[done:end] = sums.sum(axis=1) / n_test
            columns.add(block)
            done = end
            bar.update(len(block))
    if done != n_train:
        raise _changed(path)
    return MatrixSummary(
        group_mean=group_mean,
        train_mean=train_mean,
        test_max=columns.largest,
        test_argmax=columns.argmax,
        test_min=columns.smallest,
        test_argmin=columns.argmin,
        test_mean=columns.total / n_train,
    )


def _changed(path: Path) -> TracInError:
    return TracInError(
        f"{path} changed while it was read, or has empty lines. Run TracIn_Resnet50.py again."
    )


def _group_sums(block: npt.NDArray[np.float32], members: list[Int64Array]) -> Float64Array:
    """(rows, groups): the sum of each row over each group's columns."""
    sums = np.empty((len(block), len(members)))
    for group, columns in enumerate(members):
        # take, not block[:, columns]: rows stay contiguous, so that equal rows have exactly equal
        # sums and ties remain ties.
        np.sum(np.take(block, columns, axis=1), axis=1, dtype=np.float64, out=sums[:, group])
    return sums


class _Columns:
    """Sums and extremes of the matrix's columns, brought up to date block by block."""

    def __init__(self, n_test: int) -> None:
        self.rows = 0
        self.total = np.zeros(n_test)
        self.largest = np.full(n_test, -np.inf)
        self.smallest = np.full(n_test, np.inf)
        self.argmax = np.zeros(n_test, np.int64)
        self.argmin = np.zeros(n_test, np.int64)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take in the next rows; only a strictly better score replaces an earlier extreme."""
        for row in block:  # one by one: the sum does not depend on where blocks begin
            self.total += row
        columns = np.arange(block.shape[1])
        high, low = block.argmax(axis=0), block.argmin(axis=0)
        above = block[high, columns] > self.largest
        below = block[low, columns] < self.smallest
        self.largest[above] = block[high, columns][above]
        self.smallest[below] = block[low, columns][below]
        self.argmax[above] = self.rows + high[above]
        self.argmin[below] = self.rows + low[below]
        self.rows += len(block)
