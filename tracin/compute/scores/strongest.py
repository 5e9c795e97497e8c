"""The strongest proponents and opponents of every test image, from blocks of the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tracin.compute.scores.factors import Factors, unit_rows
from tracin.machine.held_rows import HeldRows

PAIRS_PER_STEP = 65_536
"""Pairs whose cosines are computed at a time: bounds the memory for their gathered activations."""


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


@dataclass(frozen=True)
class Candidates:
    """Entries of the matrix that may be among the strongest of their columns, (m,) each."""

    column: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    key: npt.NDArray[np.float32]
    """What is ranked by, larger first."""
    score: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.column)

    def take(self, order: npt.NDArray[np.int64]) -> Candidates:
        """The candidates at the positions ``order``, in that order."""
        return Candidates(*(getattr(self, name)[order] for name in self.__dataclass_fields__))


def _no_candidates() -> Candidates:
    index, value = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    return Candidates(index, index, value, value)


class StrongestFinder:
    """Gathers, block by block, each column's k largest values above zero, with exact ties.

    Memory is bounded by k, the number of columns and the size of a block, whatever the number of
    rows; so is time per block, since ever fewer values exceed the threshold that the former set.
    """

    def __init__(self, n_test: int, k: int) -> None:
        self._k = k
        self._threshold = torch.zeros(n_test)  # a candidate must exceed it; at first: zero
        self._parts = [_no_candidates()]
        self._first = True
        self._new_before_ranking = n_test * k // 2
        """So many new candidates wait until all are ranked: ranking costs more than comparing."""
        self._new = 0

    def add(self, first_row: int, keys: Tensor, scores: Tensor) -> None:
        """Take in rows of the matrix; later calls bring later rows.

        Args:
            first_row: row of the matrix that is the first here.
            keys: (rows, n_test), float32, on the CPU: what is ranked by, larger first, above zero.
            scores: (rows, n_test), float32: what is kept beside.
        """
        candidates = keys > self._threshold
        if self._first:
            # Later blocks meet the threshold that earlier ones set; the first sets its own.
            k = min(self._k, len(keys))
            candidates &= keys >= torch.topk(keys, k, dim=0, sorted=False).values.amin(dim=0)
        row, column = torch.nonzero(candidates, as_tuple=True)
        found = Candidates(
            column.numpy(),
            row.numpy() + first_row,
            keys[row, column].numpy(),
            scores[row, column].numpy(),
        )
        self._parts.append(found)
        self._new += len(found)
        if self._first or self._new > self._new_before_ranking:
            self._rank()
        self._first = False

    def merge(self, other: Candidates) -> None:
        """Take in what another finder gathered from other rows of the same matrix."""
        self._parts.append(other)

    def candidates(self) -> Candidates:
        """Rank what was gathered; return the strongest by column, ties in order of rows."""
        self._rank()
        return self._parts[0]

    def _rank(self) -> None:
        merged = Candidates(
            *(
                np.concatenate([getattr(part, name) for part in self._parts])
                for name in Candidates.__dataclass_fields__
            )
        )
        merged = merged.take(np.lexsort((merged.row, -merged.key, merged.column)))
        merged = merged.take(np.flatnonzero(_rank_in_group(merged.column) < self._k))
        full = _rank_in_group(merged.column) == self._k - 1
        self._threshold[merged.column[full]] = torch.from_numpy(merged.key[full])
        self._parts, self._new = [merged], 0

    def result(self) -> Strongest:
        """Rank what was gathered; return the pairs found so far."""
        found = self.candidates()
        return Strongest(found.column, found.row, found.score, _rank_in_group(found.column) + 1)


def _rank_in_group(sorted_groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Position, from 0, of each element within its run of equal values."""
    starts = np.flatnonzero(np.diff(sorted_groups, prepend=-1))
    lengths = np.diff(starts, append=len(sorted_groups))
    return np.arange(len(sorted_groups)) - np.repeat(starts, lengths)


def similarities(
    train: Sequence[Factors],
    test: Sequence[Factors],
    pairs: Strongest,
    held: HeldRows | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(activation similarity, error similarity) of the pairs, (m,) each, −1 to 1.

    The two cosines whose product is the cosine of the gradients: of ``[a; 1]``, whether the model
    sees the two images alike, and of ``e``, whether it errs on them alike. Averaged over
    checkpoints; 0 where an error signal is zero.

    Args:
        train: factors of the training images that this process holds, one entry per checkpoint.
        test: of all test images, likewise.
        pairs: the same in every process.
        held: which training images this process holds; None: all.
    """
    held = held or HeldRows.alone(len(train[0]))
    activation, error = torch.zeros(2, len(pairs.train))
    mine, places = held.places(pairs.train)
    columns = torch.from_numpy(pairs.test)[mine]
    for train_k, test_k in zip(train, test, strict=True):
        for step in torch.arange(len(mine)).split(PAIRS_PER_STEP):
            some, others = train_k.take(places[step]), test_k.take(columns[step])
            inputs = unit_rows(some.inputs) * unit_rows(others.inputs)
            activation[mine[step]] += inputs.sum(dim=1).cpu() / len(train)
            errors = unit_rows(some.errors) * unit_rows(others.errors)
            error[mine[step]] += errors.sum(dim=1).cpu() / len(train)
    for values in (activation, error):  # zero where another process holds the training image
        held.processes.sum(values).add_(0.0)
    return activation.numpy(), error.numpy()
