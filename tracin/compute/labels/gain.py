"""What correcting a label is worth: the predicted drop of the test loss, for each suspect.

For suspect i with given class y and suggested class s, and the last checkpoint's last layer,

    gain_i = (1/n) · ḡᵀ (H + λI)⁻¹ [(onehot(y) − onehot(s)) ⊗ (a_i; 1)],

with ḡ the mean gradient of the test loss and H the Gauss-Newton matrix of the training images
(Koh & Liang 2017, section 2.2, for a changed instead of a removed image). Relabelling i changes its
gradient by (onehot(y) − onehot(s)) ⊗ (a_i; 1); the minimum moves against it. Positive = helps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from tracin.compute.scores.factors import Factors, error_signals, with_bias
from tracin.compute.scores.gauss_newton import parameters
from tracin.machine.exact_sums import on_grid, spacing
from tracin.machine.held_rows import ROWS_PER_BLOCK, HeldRows
from tracin.machine.threads import one_thread, one_thread_each, product

MOST_WORK = 4_000_000_000
"""Images × parameters of the last layer that H is built from at most: Animals-10 has 54 million,
some seconds; all of ImageNet, 2.6·10¹², would take days. Above, images are drawn evenly."""

MOST_STEPS = 500
TOLERANCE = 1e-3
"""Of the solution's residual, relative to the right-hand side: the order of suspects needs less."""


def label_gain(
    train: Factors,
    test: Factors,
    rows: Tensor,
    suggested: Tensor,
    damping: float,
    held: HeldRows | None = None,
) -> Tensor:
    """The predicted drop of the mean test loss (m,), float64, nats; positive = relabelling helps.

    Args:
        train: factors of the training images that this process holds, last checkpoint.
        test: factors of the test images, last checkpoint.
        rows: (m,), int64: training images to be relabelled, each on its own.
        suggested: (m,), int64: the class that each would get.
        damping: λ as a multiple of the matrix's mean eigenvalue, above 0.
        held: which training images this process holds; None: all.
    """
    if len(rows) == 0:
        return torch.zeros(0, dtype=torch.float64)
    if train.errors.device.type == "mps":  # which has no float64
        train, test = (each.to(torch.device("cpu")) for each in (train, test))
    held = held or HeldRows.alone(len(train))
    suggested = suggested.to(train.labels.device)
    curvature = _Curvature(train, held)
    direction = _solve(curvature, _mean_gradient(test), damping)
    asked = rows.cpu().numpy()
    given = held.bring(train.labels, asked)
    inputs = with_bias(held.bring(train.activations, asked), bias=train.bias).double()
    change = direction[given] - direction[suggested]  # (m, d+1)
    return (change * inputs).sum(dim=1).cpu() / held.total


def _mean_gradient(factors: Factors) -> Tensor:
    """(C, d + 1), float64: the mean gradient of the plain cross-entropy, a block at a time."""
    total = factors.logits.new_zeros(factors.logits.shape[1], factors.width, dtype=torch.float64)
    for start in range(0, len(factors), ROWS_PER_BLOCK):
        some = factors.rows(start, start + ROWS_PER_BLOCK)
        errors = error_signals(some.logits, some.labels).double()
        total += product(errors.T, some.inputs.double())
    return total / len(factors)


class _Curvature:
    """H of the training images, or of some of them drawn evenly: products with it, never itself."""

    def __init__(self, factors: Factors, held: HeldRows) -> None:
        self._processes = held.processes
        step = -(-held.total * parameters(factors) // MOST_WORK)
        self._images, activations, logits = (
            len(range(0, held.total, step)),
            *_drawn(factors, held, step),
        )
        self._device = factors.logits.device
        self._blocks = [
            (
                with_bias(some.to(self._device), bias=factors.bias).double(),  # (b, d+1)
                functional.softmax(others.to(self._device).double(), dim=1),  # (b, C)
            )
            for some, others in zip(
                activations.split(ROWS_PER_BLOCK), logits.split(ROWS_PER_BLOCK), strict=True
            )
            if len(some)
        ]

    def trace(self) -> float:
        """Of H."""

        def of_block(inputs: Tensor, probabilities: Tensor) -> Tensor:
            spread = (probabilities * (1.0 - probabilities)).sum(dim=1)  # (b,)
            return (spread * inputs.square().sum(dim=1)).sum()

        return float(self._mean(of_block))

    def product(self, vector: Tensor) -> Tensor:
        """H · ``vector`` (C, d + 1)."""

        def curved(inputs: Tensor, probabilities: Tensor) -> Tensor:
            weighted = probabilities * (inputs @ vector.T)  # (b, C): how the logits change
            along = weighted - probabilities * weighted.sum(dim=1, keepdim=True)
            return along.T @ inputs

        return self._mean(curved)

    @property
    def first(self) -> bool:
        """Whether this process speaks."""
        return self._processes.first

    def agree(self, going_on: bool) -> bool:
        """The first process's word on whether to go on, so that all stop at one step."""
        return self._processes.of_first(going_on)

    def _mean(self, term: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The terms of all blocks of all processes, added exactly and divided by the images."""
        own = [torch.empty(0)] * len(self._blocks)

        def fill(block: int) -> None:
            own[block] = term(*self._blocks[block]).cpu()

        one_thread_each(fill, range(len(own)), self._device)
        largest = self._processes.largest(max((float(term.abs().max()) for term in own), default=0))
        blocks = -(-self._images // ROWS_PER_BLOCK)
        step = spacing(largest * blocks)
        shape = self._processes.exchange(own[0].shape if own else None)
        total = torch.zeros(next(one for one in shape if one is not None), dtype=torch.float64)
        for each in own:
            total += on_grid(each, step)
        return self._processes.sum(total).to(self._device) / self._images


def _drawn(factors: Factors, held: HeldRows, step: int) -> tuple[Tensor, Tensor]:
    """(activations, logits) of every ``step``-th image, dealt out anew among the processes."""
    both = factors.activations, factors.logits
    if step == 1:
        return both
    rows = np.arange(0, held.total, step)
    here, places = held.places(rows)
    dealt = HeldRows(len(rows), held.processes)
    taken = []
    for values in both:
        kept = torch.empty(len(dealt.rows), values.shape[1])
        dealt.take_in(kept, values[places.to(values.device)].cpu(), here.numpy())
        taken.append(kept)
    return taken[0], taken[1]


def _solve(curvature: _Curvature, right: Tensor, damping: float) -> Tensor:
    """``(H + λI)⁻¹ right`` (C, d + 1) by conjugate gradients: products with H, never H itself.

    Args:
        curvature: H.
        right: (C, d + 1)
        damping: λ as a multiple of H's mean eigenvalue.
    """
    trace = curvature.trace()
    # Where all predictions are certain there is no curvature: λ = 1 leaves plain products.
    ridge = damping * trace / right.numel() if trace > 0 else 1.0
    solution, residual = torch.zeros_like(right), right.clone()
    step, size = residual, _inner(residual, residual)
    enough = TOLERANCE**2 * size
    for _ in tqdm(
        range(MOST_STEPS),
        desc="Weighing corrections",
        unit="step",
        delay=2,  # seconds from which on it is worth its line
        leave=False,
        disable=None if curvature.first else True,
    ):
        if not curvature.agree(size > enough):
            break
        along = curvature.product(step) + ridge * step
        length = size / _inner(step, along)
        solution = solution + length * step
        residual = residual - length * along
        former, size = size, _inner(residual, residual)
        step = residual + (size / former) * step
    return solution


def _inner(left: Tensor, right: Tensor) -> float:
    with one_thread():  # several would share out the sum
        return float((left * right).sum())
