"""Gauss-Newton influence: what the loss on a test image would be without a training image.

``influence[i, j] = g_jᵀ (H + λI)⁻¹ g_i`` with last-layer gradients ``g = e ⊗ [a; 1]`` and the exact
softmax Gauss-Newton matrix ``H = 1/n Σ_i (diag p_i − p_i p_iᵀ) ⊗ [a_i; 1][a_i; 1]ᵀ`` over the
run's training images (Koh & Liang 2017). Divided by n, a score
estimates by how much the test loss would rise if the training image were left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.scores.factors import Factors, with_bias
from tracin.compute.scores.tracin import Scores
from tracin.errors import TracInError
from tracin.machine.held_rows import HeldRows
from tracin.machine.threads import one_thread, one_thread_each, product

MAX_PARAMETERS = 24_576
"""Largest last layer, (d + 1)·C. The matrix and its Cholesky factor take 16 bytes per parameter
squared while it is factorised: 0.1 GB for Animals-10's 2,570, 6.7 GB for a single Linear 2048→10,
9.7 GB at the limit."""

IMAGES_PER_STEP = 4096

IMAGES_PER_SOLUTION = 512

FEW_PARAMETERS = 8192
"""Up to so many one thread factorises the matrix, within five seconds, so that no digit depends on
how many threads there are; more share the work on a larger one."""


class GaussNewton:
    """The solved test side of one checkpoint: turns training factors into scores.

    One: the derivation asks for a model at its minimum, and earlier checkpoints of a training are
    far from it. Averaged with them the scores predict retraining worse (docs/quality.md).

    Everything is float64 but the last product: the damped matrix's condition number multiplies
    rounding errors. Float32 was not tried.
    """

    def __init__(self, train: Factors, damping: float, held: HeldRows | None = None) -> None:
        """Build and factorise the matrix.

        Args:
            train: factors of the training images that this process holds.
            damping: λ as a multiple of the matrix's mean eigenvalue, above 0.
            held: which these are; None: all.

        Raises:
            TracInError: the last layer has more than ``MAX_PARAMETERS`` parameters, or the damping
                is too small for the matrix to be factorised.
        """
        size = parameters(train)
        if size > MAX_PARAMETERS:
            raise TracInError(
                f"--method gauss_newton needs a matrix of {size:,} × {size:,} for this last layer, "
                f"and {MAX_PARAMETERS:,} is the limit ({16 * MAX_PARAMETERS**2 / 1e9:.1f} GB). "
                "Use --method tracin."
            )
        self._train, self._held = train, held or HeldRows.alone(len(train))
        self._cholesky = _factorise(gauss_newton_matrix(train, held), damping)

    def solve(self, factors: Factors) -> Tensor:
        """``(H + λI)⁻¹ g`` (parameters, n), float64, of images."""
        lower = self._cholesky
        solved = lower.new_empty(len(lower), len(factors))

        def fill(start: int) -> None:
            some = factors.rows(start, start + IMAGES_PER_SOLUTION)
            # Not cholesky_solve, which copies the factor each time.
            half = torch.linalg.solve_triangular(lower, gradients(some).T, upper=False)
            part = torch.linalg.solve_triangular(lower.T, half, upper=True)
            solved[:, start : start + len(some)] = part

        one_thread_each(fill, range(0, len(factors), IMAGES_PER_SOLUTION), solved.device)
        return solved

    def rows(self, test: Factors) -> Callable[[int, int], Tensor]:
        """A function (start, stop) → these rows of the matrix (≤ stop − start, n_test), float32."""
        solved = self.solve(test).float()

        def rows(start: int, stop: int) -> Tensor:
            return product(gradients(self._train.rows(start, stop)).float(), solved)

        return rows

    def self_influence(self) -> Tensor:
        """``gᵀ (H + λI)⁻¹ g`` (n_train,), float32, of the images held; never negative."""
        found = torch.empty(len(self._train))

        def fill(block: slice) -> None:
            step = gradients(self._train.rows(block.start, block.stop)).T
            whitened = torch.linalg.solve_triangular(self._cholesky, step, upper=False)
            found[block] = whitened.square().sum(dim=0).cpu().float()

        one_thread_each(fill, self._held.blocks(), self._cholesky.device)
        return found


def gauss_newton_scores(
    train: Factors, test: Factors, damping: float, held: HeldRows | None = None
) -> Scores:
    """Gauss-Newton's scores of one checkpoint, the last of a training.

    Args:
        train: factors of the training images that this process holds.
        test: factors of all test images.
        damping: λ as a multiple of the matrix's mean eigenvalue, above 0.
        held: which training images these are; None: all.
    """
    if train.errors.device.type == "mps":  # which has no float64
        train, test = (side.to(torch.device("cpu")) for side in (train, test))
    method = GaussNewton(train, damping, held)
    return Scores(method.rows(test), method.self_influence())


def parameters(factors: Factors) -> int:
    """Parameters of the last layer, weights and biases: (d + 1)·C."""
    return factors.width * factors.logits.shape[1]


def gradients(factors: Factors) -> Tensor:
    """Last-layer gradients (n, C·(d + 1)), float64: the outer products ``e ⊗ [a; 1]``."""
    outer = factors.errors.double().unsqueeze(2) * factors.inputs.double().unsqueeze(
        1
    )  # (n, C, d+1)
    return outer.flatten(1)


def gauss_newton_matrix(factors: Factors, held: HeldRows | None = None) -> Tensor:
    """H (C·(d + 1), C·(d + 1)), float64, of the images: exact, built class pair by class pair.

    Of several processes each sees all images pass by and builds some of the pairs.

    Args:
        factors: of the images that this process holds.
        held: which these are; None: all.
    """
    held = held or HeldRows.alone(len(factors))
    classes, width = factors.logits.shape[1], factors.width
    matrix = torch.zeros(
        classes, width, classes, width, dtype=torch.float64, device=factors.logits.device
    )
    pairs = [(row, column) for row in range(classes) for column in range(row + 1)]
    for start in range(0, held.total, IMAGES_PER_STEP):
        rows = np.arange(start, min(start + IMAGES_PER_STEP, held.total))
        inputs = with_bias(held.bring(factors.activations, rows), bias=factors.bias).double()
        probabilities = functional.softmax(held.bring(factors.logits, rows).double(), dim=1)
        _add_images(matrix, pairs[held.processes.share], inputs, probabilities)
    if held.processes.count > 1:  # of each entry one process has the value, the others zero
        matrix.copy_(held.processes.sum(matrix.cpu()))
    for row in range(classes):
        for column in range(row):
            matrix[column, :, row, :] = matrix[row, :, column, :].T
    return matrix.view(classes * width, classes * width).div_(held.total)


def _add_images(
    matrix: Tensor, pairs: Sequence[tuple[int, int]], inputs: Tensor, probabilities: Tensor
) -> None:
    """Add what images contribute to the blocks of these pairs of classes.

    Args:
        matrix: (C, d + 1, C, d + 1)
        pairs: of classes.
        inputs: (n, d + 1)
        probabilities: (n, C)
    """

    def add(pair: tuple[int, int]) -> None:
        row, column = pair
        weight = -probabilities[:, row] * probabilities[:, column]
        if row == column:
            # p(1 − p) as p times the sum of the others: no cancellation near 1
            weight = probabilities[:, row] * (probabilities.sum(dim=1) - probabilities[:, row])
        matrix[row, :, column, :] += inputs.T @ (inputs * weight.unsqueeze(1))

    one_thread_each(add, pairs, matrix.device)


def _factorise(matrix: Tensor, damping: float) -> Tensor:
    """Lower Cholesky factor of H + λI; the unit matrix's where all predictions are certain."""
    mean_eigenvalue = float(matrix.diagonal().mean())
    # Where all predictions are certain there is no curvature: λ = 1 leaves plain products.
    matrix.diagonal().add_(damping * mean_eigenvalue if mean_eigenvalue > 0 else 1.0)
    few = matrix.device.type == "cpu" and len(matrix) <= FEW_PARAMETERS
    with one_thread() if few else nullcontext():
        lower, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        raise TracInError(
            f"The Gauss-Newton matrix cannot be factorised with --damping {damping:g}: give a "
            "larger one (0.1 is the default)."
        )
    return torch.as_tensor(lower)
