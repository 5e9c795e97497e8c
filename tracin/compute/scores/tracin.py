"""Factors → influence: the matrix in row blocks, self-influence, and figures of its columns.

Orientation everywhere ``(n_train, n_test)``; positive = proponent = a gradient step on the training
image lowers the test image's loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tracin.compute.scores.factors import Factors, figures_of
from tracin.machine.held_rows import ROWS_PER_BLOCK
from tracin.machine.threads import product

LEAST_SELF_INFLUENCE = 1e-38
"""A smaller one is divided by as if it were this: here float32 ends, and with it the precision of
the root that a score is divided by."""


def influence_rows(
    train: Sequence[Factors], test: Sequence[Factors], learning_rates: Sequence[float]
) -> Callable[[int, int], Tensor]:
    """A function (start, stop) → these rows (≤ stop − start, n_test), float32, of the matrix.

    ``influence[i, j] = Σ_k η_k (a_ik·a'_jk + 1)(e_ik·e'_jk)``: the product of last-layer gradients,
    weight and bias, summed over checkpoints (Pruthi et al. 2020, section 3, TracInCP). The 1 is the
    bias's, and is missing with it.

    Args:
        train: factors of the training images, one entry per checkpoint.
        test: factors of the test images, one entry per checkpoint.
        learning_rates: η_k, one per checkpoint.

    Raises:
        ValueError: the three sequences differ in length or are empty.
    """
    if not len(train) == len(test) == len(learning_rates) > 0:
        raise ValueError(
            f"one entry per checkpoint: {len(train)} train, {len(test)} test, "
            f"{len(learning_rates)} learning rates"
        )

    def rows(start: int, stop: int) -> Tensor:
        block = torch.zeros((), device=train[0].errors.device)
        for train_k, test_k, rate in zip(train, test, learning_rates, strict=True):
            part = train_k.rows(start, stop)
            scores = product(part.activations, test_k.activations.T)  # (rows, n_test)
            scores.add_(float(train_k.bias)).mul_(product(part.errors * rate, test_k.errors.T))
            block = scores.add_(block)
        return block

    return rows


def self_influence(train: Sequence[Factors], learning_rates: Sequence[float]) -> Tensor:
    """Influence of each image on itself, ``Σ_k η_k (‖a‖² + 1)‖e‖²``: (n,), float32, never negative.

    High for an image that the model had to learn by heart: rare, hard, or mislabelled
    (Pruthi et al. 2020, section 4.1).
    """
    total = torch.zeros(len(train[0]), device=train[0].errors.device)
    for factors, rate in zip(train, learning_rates, strict=True):
        total += rate * figures_of(factors, _gradient_size)
    return total


def _gradient_size(factors: Factors) -> Tensor:
    activation = factors.activations.square().sum(dim=1) + float(factors.bias)
    return activation * factors.errors.square().sum(dim=1)


def normalizer(self_influences: Tensor) -> Tensor:
    """1/√(self-influence) (n,), by which a score is multiplied to be normalised; 0 for 0.

    Normalised scores ask which image helps most for a given change of the model, not which has the
    largest gradient (RelatIF; Barshan et al. 2020).
    """
    return torch.where(
        self_influences > 0, self_influences.clamp(min=LEAST_SELF_INFLUENCE).rsqrt(), 0.0
    )


@dataclass(frozen=True)
class Scores:
    """What a method makes of the factors of m training images, for one run."""

    rows: Callable[[int, int], Tensor]
    """(start, stop) → these rows (≤ stop − start, n_test) of the m, float32."""
    self_influence: Tensor
    """(m,), float32, on the CPU"""

    def __len__(self) -> int:
        return len(self.self_influence)

    def blocks(self, rows: int = ROWS_PER_BLOCK) -> Iterator[Tensor]:
        """The matrix as blocks (≤ rows, n_test), in row order."""
        for start in range(0, len(self), rows):
            yield self.rows(start, start + rows)


def tracin_scores(
    train: Sequence[Factors], test: Sequence[Factors], learning_rates: Sequence[float]
) -> Scores:
    """TracIn's scores of one or several checkpoints."""
    return Scores(
        influence_rows(train, test, learning_rates), self_influence(train, learning_rates).cpu()
    )


def column_sums(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(n_test,): sums of the rows of a block of the matrix."""
    with np.errstate(invalid="ignore"):
        sums: npt.NDArray[np.float64] = block.sum(axis=0, dtype=np.float64)
    return sums


class MatrixFigures:
    """Figures of the matrix's columns and rows, gathered block by block; ties go to the first row.

    After the last block, for test image j: ``highest[j]`` at row ``highest_row[j]``, ``lowest[j]``
    at ``lowest_row[j]``, ``mean[j]``, and ``positive_share[j]``, the share of training images with
    a score above zero. For training image i: ``train_mean[i]``.
    """

    def __init__(self, n_train: int, n_test: int) -> None:
        self._n_train = n_train
        self._sum = np.zeros(n_test)
        self._positive = np.zeros(n_test, dtype=np.int64)
        self.highest = np.full(n_test, -np.inf, dtype=np.float32)
        self.highest_row = np.zeros(n_test, dtype=np.int64)
        self.lowest = np.full(n_test, np.inf, dtype=np.float32)
        self.lowest_row = np.zeros(n_test, dtype=np.int64)
        self.train_mean = np.zeros(n_train)

    def add(self, first_row: int, block: npt.NDArray[np.float32]) -> None:
        """Take in rows (rows, n_test) of the matrix from ``first_row`` on."""
        self.add_but_sums(first_row, block)
        self.add_sums(column_sums(block))

    def add_sums(self, sums: npt.NDArray[np.float64]) -> None:
        """Take in the ``column_sums`` of rows: in the order of the matrix, for the same bits."""
        with np.errstate(invalid="ignore"):  # inf − inf: the file refuses such scores
            self._sum += sums

    def add_but_sums(self, first_row: int, block: npt.NDArray[np.float32]) -> None:
        """Take in the rows as ``add`` does, and leave their sums to ``add_sums`` elsewhere."""
        columns = np.arange(block.shape[1])
        row = block.argmax(axis=0)
        self._raise(block[row, columns], row + first_row)
        row = block.argmin(axis=0)
        self._lower(block[row, columns], row + first_row)
        self._positive += np.count_nonzero(block > 0, axis=0)
        with np.errstate(invalid="ignore"):  # inf − inf: the file refuses such scores
            means = block.mean(axis=1, dtype=np.float64)
        self.train_mean[first_row : first_row + len(block)] = means

    def merge(self, other: MatrixFigures) -> None:
        """Take in the figures of other rows of the same matrix."""
        self._raise(other.highest, other.highest_row)
        self._lower(other.lowest, other.lowest_row)
        self._sum += other._sum
        self._positive += other._positive
        self.train_mean += other.train_mean  # zero where a row was not seen

    def _raise(self, values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> None:
        earlier = (values == self.highest) & (rows < self.highest_row)
        better = (values > self.highest) | earlier
        self.highest_row[better], self.highest[better] = rows[better], values[better]

    def _lower(self, values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> None:
        earlier = (values == self.lowest) & (rows < self.lowest_row)
        worse = (values < self.lowest) | earlier
        self.lowest_row[worse], self.lowest[worse] = rows[worse], values[worse]

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean influence of the training images on each test image (n_test,)."""
        return self._sum / self._n_train

    @property
    def positive_share(self) -> npt.NDArray[np.float64]:
        """Share (n_test,), 0 to 1, of the training images with a score above zero."""
        return self._positive / self._n_train
