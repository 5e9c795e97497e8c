"""Activations → the two directions in which the training images differ most: a map. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

NOISE = 1e-10
"""A variance per image below this is that of rounding: the images are all alike."""


@dataclass(frozen=True)
class Plane:
    """Places on the map; float32."""

    train: Tensor
    """(n_train, 2)."""
    test: Tensor
    """(n_test, 2)."""
    variance: tuple[float, float]
    """Shares of the training images' variance along each direction, 0 to 1, the larger first."""


def principal_plane(train: Tensor, test: Tensor) -> Plane:
    """Principal components of the training images at unit length; the test images in their plane.

    At unit length, since that is how images are compared: for the suggested class, for the nearest
    neighbours. The sign of a direction means nothing; its largest entry is made positive.

    Args:
        train: (n_train, d), activations.
        test: (n_test, d), likewise.
    """
    unit = functional.normalize(train, dim=1)
    centre = unit.mean(dim=0)
    centred = unit - centre
    total = float(centred.square().sum())
    differ = total > NOISE * len(train)
    directions = torch.zeros(train.shape[1], 2, device=train.device)
    if differ:
        found = torch.linalg.eigh((centred.T @ centred).double().cpu()).eigenvectors
        found = found[:, -2:].flip(1).to(directions)  # eigenvalues rise
        largest = found.gather(0, found.abs().argmax(dim=0, keepdim=True))
        directions[:, : found.shape[1]] = found * torch.where(largest < 0, -1.0, 1.0)
    placed = centred @ directions
    shares = (placed.square().sum(dim=0) / total).tolist() if differ else [0.0, 0.0]
    return Plane(
        train=placed,
        test=(functional.normalize(test, dim=1) - centre) @ directions,
        variance=(min(shares[0], 1.0), min(shares[1], 1.0)),
    )
