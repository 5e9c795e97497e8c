"""Error signals and losses against float64 autograd, at the logits where float32 is fragile."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tracin.compute.scores.factors import cross_entropy, error_signals
from tracin.loss import Loss


@pytest.mark.parametrize("confidence", [0.1, 1.0, 10.0, 20.0])
def test_error_signals_of_confident_predictions(confidence: float) -> None:
    """Relative error of each value, small ones too: p − 1 must not cancel."""
    torch.manual_seed(0)
    labels = torch.arange(40) % 10
    logits = torch.randn(40, 10) + confidence * functional.one_hot(labels, 10)
    exact = logits.double().requires_grad_()
    functional.cross_entropy(exact, labels, reduction="sum").backward()
    assert exact.grad is not None
    relative = (error_signals(logits, labels) - exact.grad).abs() / exact.grad.abs()
    assert relative.max() < 5e-6
    losses = functional.cross_entropy(logits.double(), labels, reduction="none")
    assert ((cross_entropy(logits, labels) - losses).abs() / losses).max() < 5e-6


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_error_signals_of_the_training_loss(smoothing: float, weighted: bool) -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 10, (50,))
    logits = 3 * torch.randn(50, 10)
    weights = torch.rand(10, dtype=torch.float64) + 0.5 if weighted else None
    exact = logits.double().requires_grad_()
    functional.cross_entropy(
        exact, labels, weight=weights, label_smoothing=smoothing, reduction="sum"
    ).backward()
    loss = Loss(smoothing, None if weights is None else tuple(weights.tolist()))
    torch.testing.assert_close(
        error_signals(logits, labels, loss).double(), exact.grad, rtol=1e-5, atol=1e-6
    )


def test_one_class_has_nothing_to_learn() -> None:
    labels = torch.zeros(3, dtype=torch.int64)
    assert (error_signals(torch.randn(3, 1), labels) == 0).all()
    assert (cross_entropy(torch.randn(3, 1), labels) == 0).all()
