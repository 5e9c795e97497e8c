"""Pooled features → pairs of images that look nearly the same to the model. None is missed.

Two vectors of length one whose cosine is c lie √(2 − 2c) apart, and a projection onto orthonormal
directions makes no distance larger. So images lie on a grid of the three directions in which they
differ most, and only those of cells next to each other are compared: by their shadows in more
directions, and in full where these are near, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from tracin.compute.labels.grid import ROWS_PER_BLOCK, Grid
from tracin.machine.held_rows import HeldRows, Int64Array
from tracin.machine.processes import Processes

DUPLICATE_COSINE = 0.999
"""Cosine of pooled features from which two images are looked at as duplicates."""

DIRECTIONS = 64
"""In which pairs are compared before any is compared in full."""

COORDINATES = 3
"""Of the grid: the first of these directions."""

ROUNDING = 1e-5
"""Allowed for in that first comparison, whose terms are below 1."""

REACH = math.sqrt(2 * (1 - DUPLICATE_COSINE + ROUNDING)) + ROUNDING
"""How far apart duplicates may lie in a direction."""

PAIRS_PER_STEP = 4096

MANY = 1 / 64
"""From this share of a block's pairs on, multiplying all of it is faster than pair by pair."""

MAX_CANDIDATES = 2000
"""Pairs that are returned at most, the most alike first."""

MAX_COMPARISONS = 1_000_000_000_000
"""Pairs whose shadows are compared at most, so that a run's time stays bounded: 50 minutes of two
cores (measured: 350 million a second)."""

MAX_IN_FULL = 1_000_000_000
"""Pairs that are compared in full at most, about: two to four minutes. Beyond it the model sees no
difference."""

SAMPLE = 1024
"""Images among which the share of pairs is counted that will be compared in full."""


@dataclass(frozen=True)
class NearPairs:
    """Pairs that look alike, the most alike first."""

    row: Tensor
    """(p,), int64: row of the left table"""
    column: Tensor
    """(p,), int64: row of the right table"""
    cosine: Tensor
    """(p,), float32, at most 1"""
    undone: str = ""
    """Why pairs were not looked for; empty where they were."""

    @classmethod
    def none(cls, undone: str = "") -> NearPairs:
        """No pair."""
        empty = torch.empty(0, dtype=torch.int64)
        return cls(empty, empty, torch.empty(0), undone)

    def best(self, others: NearPairs) -> NearPairs:
        """The ``MAX_CANDIDATES`` most alike of these and others; ties by row, then by column."""
        row = torch.cat([self.row, others.row])
        column = torch.cat([self.column, others.column])
        cosine = torch.cat([self.cosine, others.cosine])
        if len(cosine) > MAX_CANDIDATES:
            ahead = cosine > torch.topk(cosine, MAX_CANDIDATES).values[-1]
            (ties,) = torch.nonzero(cosine == cosine[~ahead].max(), as_tuple=True)
            first = torch.topk(
                row[ties] * 2**32 + column[ties], MAX_CANDIDATES - int(ahead.sum()), largest=False
            )
            kept = torch.cat([torch.nonzero(ahead)[:, 0], ties[first.indices]])
            row, column, cosine = row[kept], column[kept], cosine[kept]
        order = torch.from_numpy(np.lexsort((column.numpy(), row.numpy(), -cosine.numpy())))
        return NearPairs(row[order], column[order], cosine[order])

    def least(self) -> float:
        """The cosine below which no further pair is among the best."""
        full = len(self.cosine) == MAX_CANDIDATES
        return max(DUPLICATE_COSINE, float(self.cosine[-1]) if full else -1.0)


def near_pairs(
    left: Tensor,
    right: Tensor | None = None,
    *,
    held: HeldRows | None = None,
    left_out: Int64Array | None = None,
) -> NearPairs:
    """Pairs with nearly the same features.

    Of several processes each compares those that it holds: with ``right``, or with all of ``left``
    as these pass by, block after block. What is returned is the same in every process.

    Args:
        left: (m, width), float32: pooled features of the rows of left that this process holds.
        right: (n_right, width), likewise, all; None: pairs within ``left``, each once.
        held: which rows of left these are; None: all.
        left_out: rows of left that no pair within left shall hold.
    """
    held = held or HeldRows.alone(len(left))
    kept = np.setdiff1d(np.arange(held.total), [] if left_out is None else left_out)
    if len(kept) == 0 or (right is not None and len(right) == 0):
        return NearPairs.none()
    sample = held.bring(left, kept[:: -(-len(kept) // SAMPLE)])
    basis, share = held.processes.of_first(_basis_and_share(sample))
    if right is None:
        found = _within(left, held, kept, basis, share)
    else:
        found = _across(left, held, right, basis, share)
    for rank, part in enumerate(held.processes.exchange(found)):
        found = part if rank == 0 or found.undone else found.best(part)
    return found


def _within(
    left: Tensor, held: HeldRows, kept: Int64Array, basis: Tensor, share: float
) -> NearPairs:
    """Pairs of the ``kept`` rows of left whose later one on the grid this process holds."""
    shadows = _shadows(left, basis)
    rows = Grid.of(kept, held.of_all(_coordinates(shadows))[torch.from_numpy(kept)], REACH)
    near_blocks = ((block, rows.near(rows, block, block.start + 1)) for block in rows.blocks())
    undone = _refusal(_comparisons(near_blocks), share * len(kept) * (len(kept) - 1) / 2)
    if undone:
        return NearPairs.none(undone)
    place = np.full(held.total, -1)
    place[rows.rows] = np.arange(len(kept))
    own = np.flatnonzero(place[held.rows] >= 0)
    columns = Grid.of(own, _coordinates(shadows)[torch.from_numpy(own)], REACH)
    shadows, places = shadows[torch.from_numpy(columns.rows)], place[held.rows[columns.rows]]
    found = NearPairs.none()
    for block in _with_bar(rows, held.processes):
        passing = functional.normalize(held.bring(left, rows.rows[block]), dim=1)
        shadow = _shadows(passing, basis)
        first = int(np.searchsorted(places, block.start, side="right"))
        for part in columns.near(rows, block, first):
            near = _near(shadow, shadows[part], found.least())
            near &= torch.from_numpy(places[part] > np.arange(block.start, block.stop)[:, None])
            row, column, cosine = _compare(near, passing, left, columns.rows[part])
            others = held.rows[columns.rows[part]]
            pair = np.sort([rows.rows[block][row.numpy()], others[column.numpy()]], axis=0)
            earlier, later = torch.from_numpy(pair)
            found = found.best(NearPairs(earlier, later, cosine))
    return found


def _across(left: Tensor, held: HeldRows, right: Tensor, basis: Tensor, share: float) -> NearPairs:
    """Pairs of a row of left that this process holds and one of right."""
    on_left, on_right = _shadows(left, basis), _shadows(right, basis)
    own = Grid.of(np.arange(len(left)), _coordinates(on_left), REACH)
    others = Grid.of(np.arange(len(right)), _coordinates(on_right), REACH)
    # The blocks are those of the table that all processes have: so they are the same in all.
    near_blocks = ((block, own.near(others, block)) for block in others.blocks())
    comparisons = sum(held.processes.exchange(_comparisons(near_blocks)))
    undone = _refusal(comparisons, share * held.total * len(right))
    if undone:
        return NearPairs.none(undone)
    on_left = on_left[torch.from_numpy(own.rows)]
    found = NearPairs.none()
    for block in _with_bar(others, held.processes):
        numbers = torch.from_numpy(others.rows[block])
        unit = functional.normalize(right[numbers], dim=1)
        for part in own.near(others, block):
            near = _near(on_right[numbers], on_left[part], found.least())
            row, column, cosine = _compare(near, unit, left, own.rows[part])
            here = torch.from_numpy(held.rows[own.rows[part]])
            found = found.best(NearPairs(here[column], numbers[row], cosine))
    return found


def _with_bar(rows: Grid, processes: Processes) -> Iterator[slice]:
    """The blocks, under a progress bar where they take long."""
    with tqdm(
        total=len(rows.rows),
        desc="Looking for duplicates",
        unit="image",
        delay=2,  # seconds from which on it is worth its line
        leave=False,
        disable=None if processes.first else True,
    ) as bar:
        for block in rows.blocks():
            yield block
            bar.update(block.stop - block.start)


def _comparisons(near_blocks: Iterable[tuple[slice, Iterable[slice]]]) -> int:
    """How many pairs blocks and what is near them make."""
    return sum(
        (block.stop - block.start) * (part.stop - part.start)
        for block, near in near_blocks
        for part in near
    )


def _refusal(comparisons: int, in_full: float) -> str:
    """Why pairs are not compared, or nothing.

    Args:
        comparisons: of shadows.
        in_full: how many pairs, about, will be near by their shadows.
    """
    if comparisons > MAX_COMPARISONS:
        return f"about {comparisons / 1e9:,.0f} billion pairs of images would have to be compared"
    if in_full > MAX_IN_FULL:
        return (
            f"the model hardly tells the images apart: about {in_full / 1e6:,.0f} million pairs "
            "look alike to it"
        )
    return ""


def _basis_and_share(sample: Tensor) -> tuple[Tensor, float]:
    """((width, directions) orthonormal directions, share of the pairs that will be near by their
    shadows).

    There are at most ``DIRECTIONS``, those first in which the images differ most. Any would do;
    those that some of the rows span let the fewest pairs pass.

    Args:
        sample: (n, width), of the images.
    """
    unit = functional.normalize(sample[:: -(-len(sample) // DIRECTIONS)], dim=1)
    directions: Tensor = torch.linalg.svd(unit - unit.mean(dim=0), full_matrices=False).Vh
    basis = directions.T
    shadows = _shadows(sample, basis)
    near = _near(shadows, shadows, DUPLICATE_COSINE)
    near.fill_diagonal_(fill_value=False)
    return basis, int(near.sum()) / max(1, len(near) * (len(near) - 1))


def _shadows(features: Tensor, basis: Tensor) -> Tensor:
    """(n, directions + 1): each unit vector's shadow, and minus half its squared length."""
    parts = []
    for part in features.split(ROWS_PER_BLOCK):
        shadow = functional.normalize(part, dim=1) @ basis
        parts.append(torch.cat([shadow, shadow.square().sum(1, keepdim=True) / -2], dim=1))
    return torch.cat(parts)


def _coordinates(shadows: Tensor) -> Tensor:
    """(n, ``COORDINATES`` or fewer): where they lie on the grid."""
    return shadows[:, :-1][:, :COORDINATES]


def _near(left: Tensor, right: Tensor, cosine: float) -> Tensor:
    """(n, m), bool: pairs whose shadows are near enough for a ``cosine``.

    −½ ‖shadow − other shadow‖² is then at least cosine − 1.
    """
    product = torch.addmm(right[:, -1], left[:, :-1], right[:, :-1].T)
    return product.add_(left[:, -1:]) >= cosine - 1 - ROUNDING


def _compare(
    near: Tensor, unit: Tensor, others: Tensor, numbers: Int64Array
) -> tuple[Tensor, Tensor, Tensor]:
    """(rows of near, columns of near, cosines) of marked pairs that are alike in full.

    In float64, so that the rounded cosines do not depend on how they are computed.

    Args:
        near: (n, m), bool.
        unit: (n, width), of length one.
        others: features of any length.
        numbers: (m,), which of the others stand for the columns.
    """
    row, column = torch.nonzero(near, as_tuple=True)
    if len(row) == 0:
        return row, column, torch.empty(0)
    asked, where = torch.unique(column, return_inverse=True)
    b = functional.normalize(others[torch.from_numpy(numbers)[asked]], dim=1)
    if len(row) > MANY * near.numel():  # images that all look alike to the model
        cosine = (unit.double() @ b.double().T)[row, where].float()
    else:
        parts = zip(row.split(PAIRS_PER_STEP), where.split(PAIRS_PER_STEP), strict=True)
        cosine = torch.cat([(unit[i].double() * b[j].double()).sum(1).float() for i, j in parts])
    cosine.clamp_(max=1)
    alike = cosine >= DUPLICATE_COSINE
    return row[alike], column[alike], cosine[alike]
