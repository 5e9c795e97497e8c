"""The one pass over the matrix: every mean and extreme that the analysis needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tracin.errors import TracInError
from tracin.matrix import read_blocks

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Means and extremes of the influence matrix (n_train, n_test); positive = helps."""

    group_mean: Float64Array
    """(n_train, groups): mean over the group's test images."""
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
    test_positive_share: Float64Array
    """(n_test,): share of training images with a score above zero, 0 to 1."""


def scan(
    path: Path,
    shape: tuple[int, int],
    group_of: Int64Array,
    n_groups: int,
    *,
    rows: int | None = None,
) -> Scores:
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
    test_max = np.full(n_test, -np.inf)
    test_min = np.full(n_test, np.inf)
    test_argmax = np.zeros(n_test, np.int64)
    test_argmin = np.zeros(n_test, np.int64)
    test_sum = np.zeros(n_test)
    test_positive = np.zeros(n_test, np.int64)
    done = 0
    # disable=None: no bar where stderr is no terminal.
    with tqdm(total=n_train, desc="Reading scores", unit=" rows", disable=None) as bar:
        for block in read_blocks(path, rows):
            end = done + len(block)
            if end > n_train:
                break
            sums = np.empty((len(block), n_groups))
            for group, columns in enumerate(members):
                # take, not block[:, columns]: rows stay contiguous, so that equal rows have
                # exactly equal sums and ties remain ties.
                np.sum(
                    np.take(block, columns, axis=1), axis=1, dtype=np.float64, out=sums[:, group]
                )
            group_mean[done:end] = sums / [len(columns) for columns in members]
            train_mean[done:end] = sums.sum(axis=1) / n_test
            _update(block, done, np.greater, test_max, test_argmax)
            _update(block, done, np.less, test_min, test_argmin)
            for row in block:  # one by one: the sum does not depend on where blocks begin
                test_sum += row
            test_positive += np.count_nonzero(block > 0, axis=0)
            done = end
            bar.update(len(block))
    if done != n_train or end != n_train:
        raise TracInError(
            f"{path} changed while it was read, or has empty lines. Run TracIn_Resnet50.py again."
        )
    return Scores(
        group_mean=group_mean,
        train_mean=train_mean,
        test_max=test_max,
        test_argmax=test_argmax,
        test_min=test_min,
        test_argmin=test_argmin,
        test_mean=test_sum / n_train,
        test_positive_share=test_positive / n_train,
    )


def _update(
    block: npt.NDArray[np.float32],
    start: int,
    beats: np.ufunc,
    best: Float64Array,
    where: Int64Array,
) -> None:
    """Bring ``best`` and ``where`` (n_test,) up to date with a block that begins at row ``start``.

    Only a strictly better score takes over: ties stay with the lowest index.
    """
    rows = block.argmax(axis=0) if beats is np.greater else block.argmin(axis=0)
    values = block[rows, np.arange(block.shape[1])]
    better = beats(values, best)
    best[better] = values[better]
    where[better] = start + rows[better]
