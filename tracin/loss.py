"""The training loss, as training, scoring and --what_if use it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """The cross-entropy a model was trained with, as in ``torch.nn.CrossEntropyLoss``."""

    label_smoothing: float = 0.0
    """0 to 1"""
    class_weights: tuple[float, ...] | None = None
    """One weight per class; None: all 1."""


def balanced_weights(labels: Tensor, classes: int) -> tuple[float, ...]:
    """Class weights n / (C · n_c), the usual "balanced"; 0 for a class without images.

    Args:
        labels: (n,), int64, of all training images.
        classes: C.
    """
    counts = torch.bincount(labels, minlength=classes).double()
    weights = len(labels) / (classes * counts)
    return tuple(torch.where(counts > 0, weights, 0.0).tolist())
