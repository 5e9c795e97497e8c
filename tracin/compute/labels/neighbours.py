"""Pooled features → images that look alike: neighbours of suspects, and duplicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tracin.decoding import PixelDataset
from tracin.images import Crop, ImageTable

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
    features: Tensor, labels: Tensor, images: Sequence[int], classes: Sequence[int], k: int
) -> Neighbours:
    """For each image its ``k`` nearest other images that carry the label asked for.

    Args:
        features: (n, width), float32: pooled features of the training images.
        labels: (n,), int64: their given labels.
        images: (m,) rows to find neighbours for.
        classes: (m,) the label that the neighbours of each shall carry.
        k: how many; fewer where the class has fewer others.
    """
    rows = torch.tensor(images, dtype=torch.int64)
    best: dict[int, list[tuple[int, int, int, float]]] = {}
    for label in sorted(set(classes)):
        asking = [number for number, wanted in enumerate(classes) if wanted == label]
        members = (labels == label).nonzero().squeeze(1)
        own = rows[asking].unsqueeze(1)  # (a, 1)
        similarity = _unit(features, rows[asking]) @ _unit(features, members).T  # (a, members)
        similarity.masked_fill_(members == own, -torch.inf)  # no image is its own neighbour
        order = torch.argsort(similarity, dim=1, descending=True, stable=True)[:, :k]
        ordered = similarity.gather(1, order)
        for number, nearest, values in zip(asking, members[order], ordered, strict=True):
            ranked = zip(nearest.tolist(), values.tolist(), strict=True)
            best[number] = [
                (images[number], neighbour, rank, value)
                for rank, (neighbour, value) in enumerate(ranked, start=1)
                if value > -torch.inf
            ]
    found = [row for number in range(len(images)) for row in best[number]]
    return Neighbours(
        image=torch.tensor([row[0] for row in found], dtype=torch.int64),
        neighbour=torch.tensor([row[1] for row in found], dtype=torch.int64),
        rank=torch.tensor([row[2] for row in found], dtype=torch.int64),
        similarity=torch.tensor([row[3] for row in found], dtype=torch.float32),
    )


def _unit(features: Tensor, rows: Tensor) -> Tensor:
    return functional.normalize(features[rows], dim=1)


def near_duplicates(left: Tensor, right: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(rows of left, rows of right, cosines) of pairs with nearly the same features, best first.

    A projection onto an orthonormal basis makes no distance larger. So pairs whose shadows in a few
    directions are further apart than duplicates may be need no full comparison: a tenth of the time
    of comparing all, and no pair is missed.

    Args:
        left: (n, width), float32: pooled features.
        right: (m, width), likewise; None: pairs within ``left``, each once.
    """
    a = functional.normalize(left, dim=1)
    b = a if right is None else functional.normalize(right, dim=1)
    basis = _basis(a)
    shadow_a, shadow_b = a @ basis, b @ basis
    ones_a, ones_b = torch.ones(len(a), 1), torch.ones(len(b), 1)
    # The inner product of these is −½ ‖shadow_a − shadow_b‖²; for cos ≥ c it is at least c − 1.
    p = torch.cat([shadow_a, -shadow_a.square().sum(1, keepdim=True) / 2, ones_a], dim=1)
    q = torch.cat([shadow_b, ones_b, -shadow_b.square().sum(1, keepdim=True) / 2], dim=1)
    found = (torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), torch.empty(0))
    for start in range(0, len(a), ROWS_PER_BLOCK):
        stop = start + ROWS_PER_BLOCK
        first = start if right is None else 0  # within one side each pair is looked at once
        near = p[start:stop] @ q[first:].T >= DUPLICATE_COSINE - 1 - ROUNDING
        if right is None:
            near = near.triu(diagonal=1)
        row, column, cosine = _compare(near, a[start:stop], b[first:])
        parts = zip(found, (row + start, column + first, cosine), strict=True)
        rows, columns, cosines = (torch.cat(part) for part in parts)
        order = torch.argsort(cosines, descending=True, stable=True)[:MAX_CANDIDATES]
        found = rows[order], columns[order], cosines[order]
    return found


def _basis(unit: Tensor) -> Tensor:
    """(width, ``DIRECTIONS`` or fewer) orthonormal directions in which the rows of ``unit`` differ.

    Any would do; those that some of the rows span let the fewest pairs pass.
    """
    step = max(1, len(unit) // DIRECTIONS)
    sample = unit[::step][:DIRECTIONS]
    basis: Tensor = torch.linalg.qr((sample - sample.mean(dim=0)).T).Q
    return basis


def _compare(near: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(rows of a, rows of b, cosines) of those pairs marked in ``near`` that are alike in full."""
    row, column = torch.nonzero(near, as_tuple=True)
    if len(row) > MANY * near.numel():  # images that all look alike to the model
        cosine = (a @ b.T)[row, column]
    else:
        parts = zip(row.split(PAIRS_PER_STEP), column.split(PAIRS_PER_STEP), strict=True)
        cosine = torch.cat([(a[i] * b[j]).sum(dim=1) for i, j in parts])
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
