"""Points in cells, so that those near one another are found without comparing each with all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tracin.machine.held_rows import Int64Array

Float64Array = npt.NDArray[np.float64]

CELL = 4.0
"""From one cell to the next in a key; places along a cell lie between −1 and 1."""

ROWS_PER_BLOCK = 1024
COLUMNS_PER_BLOCK = 4096
"""Points that are compared with one another at a time, at most."""


@dataclass(frozen=True)
class Grid:
    """Points in the order of the grid: cell by cell, along each cell.

    Cells are as wide as the reach in all coordinates but the last, in which they have no end.
    """

    rows: Int64Array
    """(m,): which point stands there"""
    key: Float64Array
    """(m,), ascending: the cell times ``CELL``, plus the place along it"""
    reach: float
    """How far apart two points may lie and still be near."""
    across: int
    """Coordinates in which cells lie side by side."""

    @classmethod
    def of(cls, rows: Int64Array, points: Tensor, reach: float) -> Grid:
        """Points that go by these numbers.

        Args:
            rows: (m,)
            points: (m, coordinates), in the unit ball.
            reach: how far apart two may lie and still be near.
        """
        key = points[:, -1].double().numpy()
        across = points.shape[1] - 1
        for place, coordinate in zip(_places(reach, across), points.T, strict=False):
            key = key + (coordinate.double() / reach).floor().numpy() * place
        order = np.argsort(key, kind="stable")
        return cls(rows[order], key[order], reach, across)

    def blocks(self) -> Iterator[slice]:
        """Points that follow one another in one cell."""
        cell = np.round(self.key / CELL)
        ends = [0, *(np.flatnonzero(np.diff(cell)) + 1), len(cell)]
        for start, stop in pairwise(ends):
            for block in range(start, stop, ROWS_PER_BLOCK):
                yield slice(block, min(block + ROWS_PER_BLOCK, stop))

    def near(self, others: Grid, block: slice, first: int = 0) -> Iterator[slice]:
        """Where points of this grid stand that may be near some of another grid's block.

        Args:
            others: whose block it is.
            block: of points that follow one another there.
            first: points before this one are left out.
        """
        lowest = others.key[block.start] - self.reach
        highest = others.key[block.stop - 1] + self.reach
        steps = [(-place, 0.0, place) for place in _places(self.reach, self.across)]
        for step in sorted(map(sum, product(*steps))):
            start = int(np.searchsorted(self.key, lowest + step, side="left"))
            stop = int(np.searchsorted(self.key, highest + step, side="right"))
            for part in range(max(start, first), stop, COLUMNS_PER_BLOCK):
                yield slice(part, min(part + COLUMNS_PER_BLOCK, stop))


def _places(reach: float, across: int) -> list[float]:
    """What a step to the next cell adds to a key, for each coordinate."""
    cells = 2 * math.ceil(1 / reach) + 3  # side by side, with one beyond on each side
    return [CELL * cells**number for number in range(across)]
