"""Factors without a network, for tests of pure computation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tracin.compute.scores.factors import Factors, error_signals
from tracin.loss import Loss
from tracin.model_check import ModelCheck, count_answers


def make_factors(activations: Tensor, logits: Tensor, labels: Tensor) -> Factors:
    """Factors of plain cross-entropy."""
    return Factors(activations, logits, error_signals(logits, labels, Loss()), labels)


def random_factors(n: int, seed: int, *, width: int = 5, classes: int = 3) -> Factors:
    """Factors of n images with random activations, logits and labels."""
    generator = torch.Generator().manual_seed(seed)
    return make_factors(
        torch.randn(n, width, generator=generator),
        2 * torch.randn(n, classes, generator=generator),
        torch.randint(classes, (n,), generator=generator),
    )


def permuted(factors: Factors, order: Tensor) -> Factors:
    """The same images in another order."""
    return factors.take(order)


def can_judge() -> ModelCheck:
    """The check of a model that is always right."""
    answers = count_answers(np.arange(300) % 3, np.arange(300) % 3, "abc")
    return ModelCheck(answers, answers)
