"""The strongest proponents and opponents of every test image, from blocks of the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tracin.compute.factors import Factors, unit_rows

PAIRS_PER_STEP = 65_536


@dataclass(frozen=True)
class Strongest:
    """Pairs of a test and a training image, by test image, strongest first; ties by row."""

    test: npt.NDArray[np.int64]
    """(m,): column of the matrix"""
    train: npt.NDArray[np.int64]
    """(m,): row of the matrix"""
    scores: npt.NDArray[np.float32]
    """(m,)"""
    rank: npt.NDArray[np.int64]
    """(m,), from 1 for each test image"""


class StrongestFinder:
    """Gathers, block by block, each column's k largest values above zero, with exact ties.

    Memory is bounded by k and the number of columns, whatever the number of rows.
    """

    def __init__(self, n_test: int, k: int) -> None:
        self._k = k
        self._rows_seen = 0
        self._weakest = torch.zeros(n_test)  # a candidate must exceed it; at first: zero
        self._column = np.empty(0, dtype=np.int64)
        self._row = np.empty(0, dtype=np.int64)
        self._key = np.empty(0, dtype=np.float32)
        self._score = np.empty(0, dtype=np.float32)

    def add(self, keys: Tensor, scores: Tensor) -> None:
        """Take in the next rows of the matrix.

        Args:
            keys: (rows, n_test), float32, on the CPU: what is ranked by, larger first, above zero.
            scores: (rows, n_test), float32: what is kept beside.
        """
        candidates = keys > self._weakest
        if self._rows_seen == 0:
            # Later blocks meet the bar that earlier ones set; the first sets its own.
            k = min(self._k, len(keys))
            candidates &= keys >= torch.topk(keys, k, dim=0, sorted=False).values.amin(dim=0)
        row, column = torch.nonzero(candidates, as_tuple=True)
        self._column = np.concatenate([self._column, column.numpy()])
        self._row = np.concatenate([self._row, row.numpy() + self._rows_seen])
        self._key = np.concatenate([self._key, keys[row, column].numpy()])
        self._score = np.concatenate([self._score, scores[row, column].numpy()])
        self._rows_seen += len(keys)
        self._keep_strongest()

    def _keep_strongest(self) -> None:
        order = np.lexsort((self._row, -self._key, self._column))
        order = order[_rank_in_group(self._column[order]) < self._k]
        self._column, self._row = self._column[order], self._row[order]
        self._key, self._score = self._key[order], self._score[order]
        full = _rank_in_group(self._column) == self._k - 1
        self._weakest[self._column[full]] = torch.from_numpy(self._key[full])

    def result(self) -> Strongest:
        """The pairs found so far."""
        return Strongest(self._column, self._row, self._score, _rank_in_group(self._column) + 1)


def _rank_in_group(sorted_groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Position, from 0, of each element within its run of equal values."""
    starts = np.flatnonzero(np.diff(sorted_groups, prepend=-1))
    lengths = np.diff(starts, append=len(sorted_groups))
    return np.arange(len(sorted_groups)) - np.repeat(starts, lengths)


def similarities(
    train: Sequence[Factors], test: Sequence[Factors], pairs: Strongest
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(activation similarity, error similarity) of the pairs, (m,) each, −1 to 1.

    The two cosines whose product is the cosine of the gradients: of ``[a; 1]``, whether the model
    sees the two images alike, and of ``e``, whether it errs on them alike. Averaged over
    checkpoints; 0 where an error signal is zero.
    """
    activation = torch.zeros(len(pairs.train))
    error = torch.zeros(len(pairs.train))
    for train_k, test_k in zip(train, test, strict=True):
        for start in range(0, len(pairs.train), PAIRS_PER_STEP):
            step = slice(start, start + PAIRS_PER_STEP)
            i, j = torch.from_numpy(pairs.train[step]), torch.from_numpy(pairs.test[step])
            a, b = _unit_inputs(train_k, i), _unit_inputs(test_k, j)
            activation[step] += (a * b).sum(dim=1).cpu() / len(train)
            e, f = _unit(train_k.errors, i), _unit(test_k.errors, j)
            error[step] += (e * f).sum(dim=1).cpu() / len(train)
    return activation.numpy(), error.numpy()


def _unit(values: Tensor, rows: Tensor) -> Tensor:
    return unit_rows(values[rows.to(values.device)])


def _unit_inputs(factors: Factors, rows: Tensor) -> Tensor:
    activations = factors.activations[rows.to(factors.activations.device)]
    ones = torch.ones_like(activations[:, :1])
    return unit_rows(torch.cat([activations, ones], dim=1))
