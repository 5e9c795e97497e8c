"""Pooled features → images that look alike: neighbours of suspects, and duplicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.data import Crop, ImageTable, PixelDataset

ROWS_PER_BLOCK = 1024

DUPLICATE_COSINE = 0.999
"""Cosine of pooled features from which two images are looked at as duplicates."""

DUPLICATE_GREY_LEVELS = 4.0
"""Mean absolute difference of the pixels, 0 to 255, up to which they are. A re-saved JPEG is below
(tested); how often two different pictures do was not measured."""

MAX_CANDIDATES = 2000
"""Pairs whose pixels are compared at most, the most alike first."""

MAX_COMPARISONS = 4_000_000_000
"""Pairs of features compared at most, so that a run's time stays bounded. Larger runs list none."""


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
        features: (n, 2048), float32: pooled features of the training images.
        labels: (n,), int64: their given labels.
        images: (m,) rows to find neighbours for.
        classes: (m,) the label that the neighbours of each shall carry.
        k: how many; fewer where the class has fewer others.
    """
    unit = functional.normalize(features, dim=1)
    found: list[tuple[int, int, int, float]] = []
    for image, label in zip(images, classes, strict=True):
        others = (labels == label).nonzero().squeeze(1)
        others = others[others != image]
        similarity = unit[others] @ unit[image]
        order = torch.argsort(similarity, descending=True, stable=True)[:k]
        for rank, place in enumerate(order.tolist(), start=1):
            found.append((image, int(others[place]), rank, float(similarity[place])))
    return Neighbours(
        image=torch.tensor([row[0] for row in found], dtype=torch.int64),
        neighbour=torch.tensor([row[1] for row in found], dtype=torch.int64),
        rank=torch.tensor([row[2] for row in found], dtype=torch.int64),
        similarity=torch.tensor([row[3] for row in found], dtype=torch.float32),
    )


def near_duplicates(left: Tensor, right: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(rows of left, rows of right, cosines) of pairs with nearly the same features, best first.

    Args:
        left: (n, 2048), float32: pooled features.
        right: (m, 2048), likewise; None: pairs within ``left``, each once.
    """
    a = functional.normalize(left, dim=1)
    b = a if right is None else functional.normalize(right, dim=1)
    rows, columns, cosines = [], [], []
    for start in range(0, len(a), ROWS_PER_BLOCK):
        block = a[start : start + ROWS_PER_BLOCK] @ b.T
        if right is None:
            block = block.triu(diagonal=start + 1)  # each pair once, and none with itself
        row, column = torch.nonzero(block >= DUPLICATE_COSINE, as_tuple=True)
        rows.append(row + start)
        columns.append(column)
        cosines.append(block[row, column])
    similarity = torch.cat(cosines)
    order = torch.argsort(similarity, descending=True, stable=True)[:MAX_CANDIDATES]
    return torch.cat(rows)[order], torch.cat(columns)[order], similarity[order]


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
            seen[key] = PixelDataset(table, [row], crop)[0][1]
        return seen[key]

    differences = []
    for row, column in zip(rows, columns, strict=True):
        one, other = pixels(left, row), pixels(right, column)
        if one is None or other is None:
            differences.append(math.inf)
        else:
            differences.append(float((one.float() - other.float()).abs().mean()))
    return differences
