"""Pooled features → images that look alike: neighbours of suspects, and duplicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels.members import ClassMembers
from tracin.decoding import PixelDataset
from tracin.images import Crop, ImageTable
from tracin.machine.held_rows import HeldRows, Int64Array

ROWS_PER_BLOCK = 1024

DUPLICATE_COSINE = 0.999
"""Cosine of pooled features from which two images are looked at as duplicates."""

DIRECTIONS = 128
"""In which all pairs are compared before any is compared in full."""

ROUNDING = 1e-5
"""Allowed for in that first comparison, whose terms are below 1."""

PAIRS_PER_STEP = 4096

MANY = 1 / 64
"""From this share of a block's pairs on, multiplying all of it is faster than pair by pair."""

DUPLICATE_GREY_LEVELS = 4.0
"""Mean absolute difference of the pixels, 0 to 255, up to which they are. A re-saved JPEG is below
(tested); how often two different pictures do was not measured."""

MAX_CANDIDATES = 2000
"""Pairs whose pixels are compared at most, the most alike first."""

MAX_COMPARISONS = 4_000_000_000
"""Pairs of features compared at most, so that a run's time stays bounded. Larger runs list equal
pictures only."""


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


def near_duplicates(
    left: Tensor,
    right: Tensor | None = None,
    *,
    held: HeldRows | None = None,
    left_out: Int64Array | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(rows of left, rows of right, cosines) of pairs with nearly the same features, best first.

    A projection onto an orthonormal basis makes no distance larger. So pairs whose shadows in a few
    directions are further apart than duplicates may be need no full comparison: a tenth of the time
    of comparing all, and no pair is missed.

    Of several processes each compares those that it holds: with ``right``, or with all of ``left``
    as these pass by, block after block. What is returned is the same in every process.

    Args:
        left: (m, width), float32: pooled features of the rows of left that this process holds.
        right: (n_right, width), likewise, all; None: pairs within ``left``, each once.
        held: which rows of left these are; None: all.
        left_out: rows of left that no pair within left shall hold.
    """
    held = held or HeldRows.alone(len(left))
    own = functional.normalize(left, dim=1)
    basis = _basis(own, held)
    found = _Pairs.none()
    if right is None:
        shadows = _shadows(own, basis)
        for start in range(0, held.total, ROWS_PER_BLOCK):
            rows = np.arange(start, min(start + ROWS_PER_BLOCK, held.total))
            first = int(np.searchsorted(held.rows, start))  # each pair is looked at once
            passing = held.bring(own, rows)
            later = torch.from_numpy(held.rows[first:])
            near = _near(_shadows(passing, basis), shadows[first:])
            near &= later > torch.from_numpy(rows).unsqueeze(1)
            if left_out is not None:
                near[torch.from_numpy(np.isin(rows, left_out))] = False
                near[:, torch.from_numpy(np.isin(later.numpy(), left_out))] = False
            row, column, cosine = _compare(near, passing, own[first:])
            found = found.best(_Pairs(row + start, later[column], cosine))
    else:
        others = functional.normalize(right, dim=1)
        shadows = _shadows(others, basis)
        for start in range(0, len(own), ROWS_PER_BLOCK):
            some = own[start : start + ROWS_PER_BLOCK]
            row, column, cosine = _compare(_near(_shadows(some, basis), shadows), some, others)
            found = found.best(_Pairs(torch.from_numpy(held.rows)[row + start], column, cosine))
    for rank, part in enumerate(held.processes.exchange(found)):
        found = part if rank == 0 else found.best(part)
    return found.row, found.column, found.cosine


@dataclass(frozen=True)
class _Pairs:
    """Pairs that look alike, the most alike first."""

    row: Tensor
    column: Tensor
    cosine: Tensor

    @classmethod
    def none(cls) -> _Pairs:
        empty = torch.empty(0, dtype=torch.int64)
        return cls(empty, empty, torch.empty(0))

    def best(self, others: _Pairs) -> _Pairs:
        """The ``MAX_CANDIDATES`` most alike of these and others; ties by row, then by column."""
        row = torch.cat([self.row, others.row])
        column = torch.cat([self.column, others.column])
        cosine = torch.cat([self.cosine, others.cosine])
        ranked = np.lexsort((column.numpy(), row.numpy(), -cosine.numpy()))
        order = torch.from_numpy(ranked[:MAX_CANDIDATES])
        return _Pairs(row[order], column[order], cosine[order])


def _shadows(unit: Tensor, basis: Tensor) -> Tensor:
    """(n, directions + 1): each row's shadow, and half its squared length."""
    shadow = unit @ basis
    return torch.cat([shadow, shadow.square().sum(1, keepdim=True) / 2], dim=1)


def _near(left: Tensor, right: Tensor) -> Tensor:
    """(n, m), bool: pairs whose shadows are near enough for a cosine c of duplicates.

    −½ ‖shadow − other shadow‖² is then at least c − 1.
    """
    ones = torch.ones(len(left), 1), torch.ones(len(right), 1)
    p = torch.cat([left[:, :-1], -left[:, -1:], ones[0]], dim=1)
    q = torch.cat([right[:, :-1], ones[1], -right[:, -1:]], dim=1)
    return p @ q.T >= DUPLICATE_COSINE - 1 - ROUNDING


def _basis(unit: Tensor, held: HeldRows) -> Tensor:
    """(width, ``DIRECTIONS`` or fewer) orthonormal directions in which the held rows differ.

    Any would do; those that some of the rows span let the fewest pairs pass.
    """
    step = max(1, held.total // DIRECTIONS)
    sample = held.bring(unit, np.arange(0, held.total, step)[:DIRECTIONS])
    basis: Tensor = torch.linalg.qr((sample - sample.mean(dim=0)).T).Q
    return basis


def _compare(near: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(rows of a, rows of b, cosines) of those pairs marked in ``near`` that are alike in full.

    In float64: the rounded cosines are the same either way.
    """
    row, column = torch.nonzero(near, as_tuple=True)
    if len(row) > MANY * near.numel():  # images that all look alike to the model
        cosine = (a.double() @ b.double().T)[row, column].float()
    else:
        parts = zip(row.split(PAIRS_PER_STEP), column.split(PAIRS_PER_STEP), strict=True)
        cosine = torch.cat([(a[i].double() * b[j].double()).sum(dim=1).float() for i, j in parts])
    alike = cosine >= DUPLICATE_COSINE
    return row[alike], column[alike], cosine[alike]


def pixel_differences(
    left: ImageTable, rows: Sequence[int], right: ImageTable, columns: Sequence[int], crop: Crop
) -> list[float]:
    """Mean absolute difference (0 to 255) of each pair's pixels as the model sees them.

    Infinite where an image can no longer be read.
    """
    seen: dict[tuple[str, int], Tensor | None] = {}

    def pixels(table: ImageTable, row: int) -> Tensor | None:
        key = (table.split, row)
        if key not in seen:
            seen[key] = PixelDataset(table, [row], crop)[0].pixels
        return seen[key]

    differences = []
    for row, column in zip(rows, columns, strict=True):
        first, second = pixels(left, row), pixels(right, column)
        if first is None or second is None:
            differences.append(math.inf)
        else:
            differences.append(float((first.float() - second.float()).abs().mean()))
    return differences
