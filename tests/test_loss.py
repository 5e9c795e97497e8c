"""The weights of classes in the training loss."""

from __future__ import annotations

import torch

from tracin.loss import balanced_weights


def test_balanced_weights() -> None:
    labels = torch.tensor([0, 0, 0, 1, 3, 3])
    assert balanced_weights(labels, 4) == (0.5, 1.5, 0.0, 0.75)
