"""Factors → what the model makes of each image: a few numbers, which every process may have."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tracin.compute.scores.factors import Factors, cross_entropy, figures_of
from tracin.machine.held_rows import HeldRows


@dataclass(frozen=True)
class Seen:
    """What the model makes of n images."""

    predicted: Tensor
    """(n,), int64: the class that it names."""
    probability: Tensor
    """(n,), float32, 0 to 1: of the given class."""
    loss: Tensor
    """(n,), float32, in nats: cross-entropy of the given class."""


def seen_by_model(factors: Factors, held: HeldRows) -> Seen:
    """What the model makes of all images, in every process.

    Args:
        factors: of the images that this process holds.
        held: which these are.
    """

    def probability(some: Factors) -> Tensor:
        every = torch.softmax(some.logits, dim=1)
        return every.gather(1, some.labels.unsqueeze(1)).squeeze(1)

    return Seen(
        predicted=held.of_all(factors.logits.argmax(dim=1)).cpu(),
        probability=held.of_all(figures_of(factors, probability)).cpu(),
        loss=held.of_all(
            figures_of(factors, lambda some: cross_entropy(some.logits, some.labels))
        ).cpu(),
    )
