"""Pooled features → a head trained from scratch → which test images it names rightly."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tracin.loss import Loss

EPOCHS = 10
FEWEST_STEPS = 400
"""Few images are passed more often."""
STEPS_PER_EPOCH = 40
"""Aimed at by the size of a batch."""
SMALLEST_BATCH, LARGEST_BATCH = 16, 512
"""A smaller batch is mostly noise; a larger one leaves too few steps to learn in."""
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Split:
    """Images as the head sees them."""

    features: Tensor
    """(n, m), float32"""
    labels: Tensor
    """(n,), int64"""


def batch_size(n: int) -> int:
    """Images per step of training on ``n``."""
    return min(LARGEST_BATCH, max(SMALLEST_BATCH, n // STEPS_PER_EPOCH))


def rightly_named(
    template: nn.Sequential, train: Split, test: Split, loss: Loss, seed: int
) -> npt.NDArray[np.bool_]:
    """Train a head on ``train``; return (n,), whether it names each image of ``test`` rightly.

    Args:
        template: the head's layers; its weights are drawn anew.
        train: what it is trained on.
        test: what it is judged by.
        loss: that of the model's training.
        seed: of the weights and the order of images.
    """
    generator = torch.Generator().manual_seed(seed)
    head = _fresh(template, seed).to(train.features.device)
    optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
    size = batch_size(len(train.labels))
    steps = -(-len(train.labels) // size)
    epochs = max(EPOCHS, -(-FEWEST_STEPS // steps))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * steps)
    weights = None
    if loss.class_weights is not None:
        weights = torch.tensor(loss.class_weights, device=train.features.device)
    for _ in range(epochs):
        order = torch.randperm(len(train.labels), generator=generator)
        for batch in order.to(train.features.device).split(size):
            value = functional.cross_entropy(
                head(train.features[batch]),
                train.labels[batch],
                weight=weights,
                label_smoothing=loss.label_smoothing,
            )
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
    with torch.inference_mode():
        right = head(test.features).argmax(dim=1) == test.labels
    named: npt.NDArray[np.bool_] = right.cpu().numpy()
    return named


def _fresh(template: nn.Sequential, seed: int) -> nn.Sequential:
    """A copy of ``template`` with newly drawn weights; without Dropout, of which most files tell
    nothing and which would draw at random while both arms are compared.
    """
    layers = (layer for layer in template if not isinstance(layer, nn.Dropout))
    head = copy.deepcopy(nn.Sequential(*layers)).requires_grad_(True).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in head.modules():
            if isinstance(layer, nn.Linear | nn.LayerNorm):
                layer.reset_parameters()
    return head
