"""Pooled features → the nearest images of a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels.members import ClassMembers
from tracin.machine.held_rows import HeldRows, Int64Array


@dataclass(frozen=True)
class Neighbours:
    """The nearest images of some classes for each of m images."""

    image: Tensor
    """(p,), int64: the image's row"""
    neighbour: Tensor
    """(p,), int64: its neighbour's row"""
    rank: Tensor
    """(p,), int64, from 1 for each image"""
    similarity: Tensor
    """(p,), float32, −1 to 1: cosine of pooled features"""


def nearest_of_class(
    features: Tensor,
    labels: Tensor,
    images: Sequence[int],
    classes: Sequence[int],
    k: int,
    held: HeldRows | None = None,
) -> Neighbours:
    """For each image its ``k`` nearest other images that carry the label asked for.

    Args:
        features: (m, width), float32: pooled features of the training images held here.
        labels: (n,), int64: the given labels of all training images.
        images: rows to find neighbours for.
        classes: the label that the neighbours of each shall carry.
        k: how many; fewer where the class has fewer others.
        held: which training images this process holds; None: all.
    """
    held = held or HeldRows.alone(len(features))
    rows, wanted = np.array(images, dtype=np.int64), np.array(classes, dtype=np.int64)
    asked = held.bring(features, rows)
    members = ClassMembers(held, labels.numpy(), np.unique(wanted).tolist())
    found: dict[int, list[tuple[int, float]]] = {}
    for group in members.groups():
        asking = np.flatnonzero(wanted == members.mine(group))
        best = _Best(rows[asking], asked[torch.from_numpy(asking)], k)
        for others, values in members.of(group, lambda places: features[places]):
            best.add(others, values)
        found |= dict(zip(asking.tolist(), best.lists(), strict=True))
    for part in held.processes.exchange(found):
        found |= part
    listed = [
        (images[number], neighbour, rank, value)
        for number in range(len(images))
        for rank, (neighbour, value) in enumerate(found[number], start=1)
    ]
    return Neighbours(
        image=torch.tensor([row[0] for row in listed], dtype=torch.int64),
        neighbour=torch.tensor([row[1] for row in listed], dtype=torch.int64),
        rank=torch.tensor([row[2] for row in listed], dtype=torch.int64),
        similarity=torch.tensor([row[3] for row in listed], dtype=torch.float32),
    )


class _Best:
    """The nearest of the images so far to each of those that ask."""

    def __init__(self, asking: Int64Array, features: Tensor, k: int) -> None:
        self._asking, self._k = torch.from_numpy(asking).unsqueeze(1), k  # (a, 1)
        self._unit = functional.normalize(features, dim=1).double()
        self._rows = torch.empty(len(asking), 0, dtype=torch.int64)
        self._similarity = torch.empty(len(asking), 0)

    def add(self, rows: Int64Array, features: Tensor) -> None:
        """Take in images, in the order of the table, so that the earlier wins a tie."""
        # In float64: the rounded result does not depend on the order of the sum.
        unit = functional.normalize(features, dim=1).double()
        similarity = (self._unit @ unit.T).float()  # (a, members)
        number = torch.from_numpy(rows).expand(len(similarity), -1)
        similarity.masked_fill_(number == self._asking, -torch.inf)  # none is its own neighbour
        both = torch.cat([self._similarity, similarity], dim=1)
        order = torch.argsort(both, dim=1, descending=True, stable=True)[:, : self._k]
        self._similarity = both.gather(1, order)
        self._rows = torch.cat([self._rows, number], dim=1).gather(1, order)

    def lists(self) -> list[list[tuple[int, float]]]:
        """(row, similarity) of each one's nearest, the nearest first."""
        return [
            [(row, value) for row, value in zip(rows, values, strict=True) if value > -math.inf]
            for rows, values in zip(self._rows.tolist(), self._similarity.tolist(), strict=True)
        ]
