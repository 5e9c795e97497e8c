"""Which images are the same, and which look the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALIKE = 0.98
"""Images look alike from this likeness on. Measured on pieces of two photos: of copies resized by
0.5 to 1.3 and compressed to quality 30 to 90, 19 of 20 reach 0.99; different pieces at most 0.74.
"""
MAX_PAIRS = 10_000
"""No more pairs than this are reported: the most alike."""
FLAT = 1e-3
"""Length of the grey values around their mean below which an image is of one colour: a single value
that differs by one makes it almost 1."""
_BLOCK, _COLUMNS = 1024, 16_384
"""Images that are compared with one another at a time: a block of correlations stays small."""


@dataclass(frozen=True)
class AlikePair:
    """Two images that look alike without being equal, as positions in the list of images."""

    first: int
    second: int
    likeness: float
    """Correlation of their 16 x 16 grey values, at most 1."""


_Found = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""(likeness, first, second) of pairs"""


def group_equal(pixel_hashes: Sequence[str]) -> list[list[int]]:
    """The positions of images with equal pixels, together; in order of their first."""
    groups: dict[str, list[int]] = {}
    for position, value in enumerate(pixel_hashes):
        groups.setdefault(value, []).append(position)
    return list(groups.values())


def alike_pairs(grey_values: Sequence[str], groups: Sequence[Sequence[int]]) -> list[AlikePair]:
    """Pairs of images that look alike, most alike first, one image for each group of equal ones.

    Compares all pairs in blocks: exact, and 26,000 images take seconds.

    Args:
        grey_values: the grey values of each image, in hexadecimal.
        groups: positions of images with equal pixels.
    """
    firsts = np.array([group[0] for group in groups])
    values = _normalised([grey_values[position] for position in firsts])
    found: list[_Found] = []
    for start in range(0, len(values), _BLOCK):
        for first in range(start, len(values), _COLUMNS):
            likeness = values[start : start + _BLOCK] @ values[first : first + _COLUMNS].T
            rows, columns = np.nonzero(likeness >= ALIKE)
            later = columns + first > rows + start
            rows, columns = rows[later], columns[later]
            found.append((likeness[rows, columns], rows + start, columns + first))
            if sum(len(part[0]) for part in found) > MAX_PAIRS:
                found = [_most_alike(found)]
    likeness, rows, columns = _most_alike(found)
    return [
        AlikePair(int(firsts[row]), int(firsts[column]), min(1.0, float(value)))
        for value, row, column in zip(likeness, rows, columns, strict=True)
    ]


def _most_alike(parts: Sequence[_Found]) -> _Found:
    likeness, rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((columns, rows, -likeness))[:MAX_PAIRS]
    return likeness[order], rows[order], columns[order]


def _normalised(grey_values: Sequence[str]) -> npt.NDArray[np.float32]:
    """(n, 256): grey values with mean 0 and length 1, so that products are correlations.

    An image of one colour stays zero, and is like no other.
    """
    grey = np.frombuffer(bytes.fromhex("".join(grey_values)), dtype=np.uint8).reshape(
        len(grey_values), -1
    )
    values = grey.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    values[lengths[:, 0] < FLAT] = 0
    values /= np.maximum(lengths, FLAT)
    return values
