"""What correcting a label is worth: the predicted drop of the test loss, for each suspect.

For suspect i with given class y and suggested class s, and the last checkpoint's last layer,

    gain_i = (1/n) · ḡᵀ (H + λI)⁻¹ [(onehot(y) − onehot(s)) ⊗ (a_i; 1)],

with ḡ the mean gradient of the test loss and H the Gauss-Newton matrix of the training images
(Koh & Liang 2017, section 2.2, for a changed instead of a removed image). Relabelling i changes its
gradient by (onehot(y) − onehot(s)) ⊗ (a_i; 1); the minimum moves against it. Positive = helps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.scores.factors import Factors, error_signals
from tracin.compute.scores.gauss_newton import parameters

MOST_WORK = 4_000_000_000
"""Images × parameters of the last layer that H is built from at most: Animals-10 has 54 million,
some seconds; all of ImageNet, 2.6·10¹², would take days. Above, images are drawn evenly."""

MOST_STEPS = 500
TOLERANCE = 1e-3
"""Of the solution's residual, relative to the right-hand side: the order of suspects needs less."""


def label_gain(
    train: Factors, test: Factors, rows: Tensor, suggested: Tensor, damping: float
) -> Tensor:
    """The predicted drop of the mean test loss (m,), float64, nats; positive = relabelling helps.

    Args:
        train: factors of all training images, last checkpoint.
        test: factors of the test images, last checkpoint.
        rows: (m,), int64: training images to be relabelled, each on its own.
        suggested: (m,), int64: the class that each would get.
        damping: λ as a multiple of the matrix's mean eigenvalue, above 0.
    """
    if len(rows) == 0:
        return torch.zeros(0, dtype=torch.float64)
    if train.errors.device.type == "mps":  # which has no float64
        train, test = (each.to(torch.device("cpu")) for each in (train, test))
    rows, suggested = (each.to(train.labels.device) for each in (rows, suggested))
    step = -(-len(train) * parameters(train) // MOST_WORK)
    some = train.take(torch.arange(0, len(train), step))
    inputs = some.inputs.double()  # (n, d+1)
    probabilities = functional.softmax(some.logits.double(), dim=1)
    errors = error_signals(test.logits, test.labels).double()
    mean_gradient = errors.T @ test.inputs.double() / len(test)  # (C, d+1)
    direction = _solve(inputs, probabilities, mean_gradient, damping)
    change = direction[train.labels[rows]] - direction[suggested]  # (m, d+1)
    return (change * train.take(rows).inputs.double()).sum(dim=1).cpu() / len(train)


def _solve(inputs: Tensor, probabilities: Tensor, right: Tensor, damping: float) -> Tensor:
    """``(H + λI)⁻¹ right`` (C, d + 1) by conjugate gradients: products with H, never H itself.

    Args:
        inputs: (n, d + 1), [a; 1] of the training images.
        probabilities: (n, C), softmax of their logits.
        right: (C, d + 1)
        damping: λ as a multiple of H's mean eigenvalue.
    """
    spread = (probabilities * (1.0 - probabilities)).sum(dim=1)
    trace = float((spread * inputs.square().sum(dim=1)).mean())
    # Where all predictions are certain there is no curvature: λ = 1 leaves plain products.
    ridge = damping * trace / right.numel() if trace > 0 else 1.0

    def product(vector: Tensor) -> Tensor:
        logits = inputs @ vector.T  # (n, C): how the logits change along the vector
        weighted = probabilities * logits
        curved = weighted - probabilities * weighted.sum(dim=1, keepdim=True)
        return curved.T @ inputs / len(inputs) + ridge * vector

    solution, residual = torch.zeros_like(right), right.clone()
    step, size = residual, float(residual.square().sum())
    enough = TOLERANCE**2 * size
    for _ in range(MOST_STEPS):
        if size <= enough:
            break
        along = product(step)
        length = size / float((step * along).sum())
        solution = solution + length * step
        residual = residual - length * along
        former, size = size, float(residual.square().sum())
        step = residual + (size / former) * step
    return solution
