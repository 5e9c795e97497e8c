"""Error signals and losses against float64 autograd, at the logits where float32 is fragile."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tracin.compute.scores.factors import Factors, cross_entropy, error_signals
from tracin.compute.scores.gauss_newton import gradients, parameters
from tracin.compute.scores.tracin import influence_rows, self_influence
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


def test_a_last_layer_without_bias() -> None:
    """Its scores are products of the weight's gradients alone, and so is all that follows."""
    torch.manual_seed(0)
    weight = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    activations = torch.randn(20, 5)
    labels = torch.arange(20) % 3
    logits = (activations.double() @ weight.T).float().detach()
    factors = Factors(activations, logits, error_signals(logits, labels), labels, bias=False)
    rows = []
    for one, label in zip(activations.double(), labels, strict=True):
        loss = functional.cross_entropy(one[None] @ weight.T, label[None])
        rows.append(torch.autograd.grad(loss, weight)[0].flatten())
    exact = torch.stack(rows)
    train, test = factors.rows(0, 12), factors.take(torch.arange(12, 20))
    scores = influence_rows([train], [test], [1.0])(0, 12)
    torch.testing.assert_close(scores.double(), exact[:12] @ exact[12:].T, rtol=1e-5, atol=1e-6)
    own = self_influence([train], [1.0])
    torch.testing.assert_close(own.double(), exact[:12].square().sum(dim=1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients(factors), exact, rtol=1e-5, atol=1e-6)
    assert parameters(factors) == weight.numel()
