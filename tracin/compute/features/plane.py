"""Activations → the two directions in which the training images differ most: a map. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tracin.machine.exact_sums import on_grid, spacing
from tracin.machine.held_rows import ROWS_PER_BLOCK, HeldRows

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


def principal_plane(train: Tensor, test: Tensor, held: HeldRows | None = None) -> Plane:
    """Principal components of the training images at unit length; the test images in their plane.

    At unit length, since that is how images are compared: for the suggested class, for the nearest
    neighbours. The sign of a direction means nothing; its largest entry is made positive.

    Args:
        train: (m, d), activations of the training images that this process holds.
        test: (n_test, d), likewise of all test images.
        held: which training images this process holds; None: all.
    """
    held = held or HeldRows.alone(len(train))
    centre = _centre(train, held)
    scatter = _scatter(train, centre, held)
    found = _main_directions(scatter, held.total) if held.processes.first else None
    directions, variance = held.processes.of_first(found) or (centre, (0.0, 0.0))
    return Plane(
        train=held.of_all(_placed(train, centre, directions)),
        test=_placed(test, centre, directions),
        variance=variance,
    )


def _blocks(activations: Tensor) -> Iterator[Tensor]:
    """The rows (n, d) at unit length, on the CPU, a block at a time."""
    for some in activations.split(ROWS_PER_BLOCK):
        yield functional.normalize(some, dim=1).cpu()


def _centre(train: Tensor, held: HeldRows) -> Tensor:
    """(d,), float32: the mean of all training images at unit length."""
    total, step = torch.zeros(train.shape[1], dtype=torch.float64), spacing(held.total)
    for unit in _blocks(train):
        total += on_grid(unit, step).sum(dim=0)
    return (held.processes.sum(total) / held.total).float()


def _scatter(train: Tensor, centre: Tensor, held: HeldRows) -> Tensor:
    """(d, d), float64: n times the covariance of all training images at unit length."""
    width, step = train.shape[1], spacing(4 * held.total)  # a difference is 2 long at most
    total = torch.zeros(width, width, dtype=torch.float64)
    for unit in _blocks(train):
        centred = (unit - centre).double()
        total += on_grid(centred.T @ centred, step)
    return held.processes.sum(total)


def _main_directions(scatter: Tensor, images: int) -> tuple[Tensor, tuple[float, float]]:
    """(d, 2), float32, of the largest variance, zero where there is none, and its shares."""
    total, directions = float(scatter.trace()), torch.zeros(len(scatter), 2)
    if total <= NOISE * images:
        return directions, (0.0, 0.0)
    sizes, found = torch.linalg.eigh(scatter)
    sizes, found = sizes.flip(0)[:2], found.flip(1)[:, :2]  # eigenvalues rise
    found = torch.where(sizes > NOISE * images, found, 0.0).float()
    largest = found.gather(0, found.abs().argmax(dim=0, keepdim=True))
    directions[:, : found.shape[1]] = found * torch.where(largest < 0, -1.0, 1.0)
    shares = [*(sizes / total).clamp(0.0, 1.0).tolist(), 0.0]
    return directions, (shares[0], shares[1])


def _placed(activations: Tensor, centre: Tensor, directions: Tensor) -> Tensor:
    """(n, 2), float32: where the rows stand in the plane."""
    parts = [(unit - centre).double() @ directions.double() for unit in _blocks(activations)]
    return torch.cat(parts).float()
