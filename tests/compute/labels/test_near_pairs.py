"""Pairs that look alike against brute force in float64, on features of many forms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels import grid
from tracin.compute.labels import near_pairs as module
from tracin.compute.labels.near_pairs import DUPLICATE_COSINE, NearPairs, near_pairs
from tracin.machine.held_rows import HeldRows
from tracin.machine.processes import Processes


def pairs_of(found: NearPairs) -> set[tuple[int, int]]:
    return {*zip(found.row.tolist(), found.column.tolist(), strict=True)}


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_in_blocks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "ROWS_PER_BLOCK", rows)
    monkeypatch.setattr(grid, "COLUMNS_PER_BLOCK", 3 * rows)
    features = torch.randn(30, 16, generator=torch.Generator().manual_seed(0))
    features[20] = 2 * features[3]
    features[29] = features[3] + 1e-3
    found = near_pairs(features)
    assert pairs_of(found) == {(3, 20), (3, 29), (20, 29)}
    assert (found.cosine > 0.999).all()
    across = near_pairs(features, features[[5, 3]])
    assert pairs_of(across) == {(5, 0), (3, 1), (20, 1), (29, 1)}


def spread_out(spread: float) -> Tensor:
    """From images that differ to images that all look alike."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 2048, generator=generator) * spread
    features += torch.rand(2048, generator=generator)
    features[150:200] = features[:50] + 0.02 * spread * torch.randn(50, 2048, generator=generator)
    return features


def on_a_sphere(width: int) -> Tensor:
    """So close that duplicates lie in the same cell of the grid, and on both sides of its lines."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(500, width, generator=generator)


@pytest.mark.parametrize(
    "features",
    [
        *(pytest.param(spread_out(each), id=f"spread {each}") for each in (1.0, 0.03, 1e-4)),
        *(pytest.param(on_a_sphere(width), id=f"{width} wide") for width in (1, 2, 3, 5)),
        pytest.param(torch.ones(50, 8), id="all the same"),
        pytest.param(torch.zeros(50, 8), id="zero"),
    ],
)
def test_none_is_missed(features: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many pairs as brute force finds, within and across, in the same order."""
    monkeypatch.setattr(grid, "ROWS_PER_BLOCK", 64)
    monkeypatch.setattr(grid, "COLUMNS_PER_BLOCK", 100)
    monkeypatch.setattr(module, "MAX_CANDIDATES", 10**6)
    unit = functional.normalize(features.double(), dim=1)
    exact = unit @ unit.T
    # Cosines closer to the threshold than float32 rounds may fall on either side of it.
    margin = 1e-6
    for table in (exact.triu(diagonal=1), exact[:, :40]):
        whole = table.shape[1] == len(features)
        found = near_pairs(features, None if whole else features[:40])
        mine = pairs_of(found)
        must = (table >= DUPLICATE_COSINE + margin).nonzero()
        may = (table >= DUPLICATE_COSINE - margin).nonzero()
        assert mine >= {(int(i), int(j)) for i, j in must}
        assert mine <= {(int(i), int(j)) for i, j in may}
        assert len(mine) == len(found.row)
        assert (found.cosine.diff() <= 0).all()
        torch.testing.assert_close(
            found.cosine, table[found.row, found.column].float(), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("features", [on_a_sphere(2), torch.ones(60, 8)])
def test_the_most_alike_are_kept(features: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the whole list, however early they drive out others; ties by row and column."""
    monkeypatch.setattr(grid, "ROWS_PER_BLOCK", 16)
    monkeypatch.setattr(module, "MAX_CANDIDATES", 10**6)
    every = near_pairs(features)
    assert len(every.row) > 500
    monkeypatch.setattr(module, "MAX_CANDIDATES", 37)
    some = near_pairs(features)
    for name in ("row", "column", "cosine"):
        assert torch.equal(getattr(some, name), getattr(every, name)[:37])


def test_images_that_are_left_out() -> None:
    features = torch.eye(6, 8)[torch.tensor([0, 1, 0, 2, 0, 1])]
    assert pairs_of(near_pairs(features)) == {(0, 2), (0, 4), (2, 4), (1, 5)}
    found = near_pairs(features, left_out=torch.tensor([2, 5]).numpy())
    assert pairs_of(found) == {(0, 4)}


def test_nothing_to_compare() -> None:
    assert pairs_of(near_pairs(torch.ones(1, 4))) == set()
    assert pairs_of(near_pairs(torch.ones(3, 4), torch.empty(0, 4))) == set()
    assert pairs_of(near_pairs(torch.ones(3, 4), left_out=np.arange(3))) == set()


def test_the_grid_spares_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of points spread over a circle an eighth is compared at most, and every duplicate found."""
    angle = torch.rand(2000, generator=torch.Generator().manual_seed(0)) * 2 * torch.pi
    features = torch.stack([angle.cos(), angle.sin()], dim=1)
    monkeypatch.setattr(module, "MAX_COMPARISONS", 2000 * 1999 // 2 // 8)
    monkeypatch.setattr(module, "MAX_CANDIDATES", 10**6)
    unit = features.double()
    expected = int(((unit @ unit.T).triu(diagonal=1) >= DUPLICATE_COSINE).sum())
    assert abs(len(near_pairs(features).row) - expected) <= 10  # some lie on the threshold


class InThreads(Processes):
    """Processes that are threads of one: what each exchanges lies in a list for all."""

    def __init__(self, rank: int, values: list[Any], barrier: Barrier) -> None:
        super().__init__(torch.device("cpu"), rank, len(values))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "barrier", barrier)

    values: list[Any]
    barrier: Barrier

    def exchange(self, value: Any) -> list[Any]:
        self.values[self.rank] = value
        self.barrier.wait()
        everyones = [*self.values]
        self.barrier.wait()
        return everyones

    def of_first(self, value: Any) -> Any:
        return self.exchange(value)[0]

    def sum(self, values: Tensor) -> Tensor:
        parts = self.exchange(values.clone())
        return values.copy_(torch.stack(parts).sum(dim=0))


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("most", [10**12, 100])
def test_several_processes_find_the_same(
    count: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one holds nothing, where many are alike, and where there are too many to look."""
    monkeypatch.setattr(grid, "ROWS_PER_BLOCK", 64)
    monkeypatch.setattr(module, "MAX_CANDIDATES", 50)
    monkeypatch.setattr(module, "MAX_COMPARISONS", most)
    features = torch.cat([on_a_sphere(3)[:300], torch.ones(20, 3)])
    out = np.arange(0, 320, 3)
    values: list[Any] = [None] * count
    barrier = Barrier(count, timeout=60)

    def found_by(rank: int, block: int) -> list[NearPairs]:
        held = HeldRows(len(features), InThreads(rank, values, barrier), block)
        mine = features[torch.from_numpy(held.rows)]
        return [
            near_pairs(mine, held=held),
            near_pairs(mine, held=held, left_out=out),
            near_pairs(mine, features[::7], held=held),
        ]

    alone = [
        near_pairs(features),
        near_pairs(features, left_out=out),
        near_pairs(features, features[::7]),
    ]
    assert all(bool(each.undone) == (most == 100) for each in alone)
    for block in (16, 100):  # of the latter, the fifth process holds none
        with ThreadPoolExecutor(count) as pool:
            for found in pool.map(found_by, range(count), [block] * count):
                for mine, expected in zip(found, alone, strict=True):
                    assert mine.undone == expected.undone
                    for name in ("row", "column", "cosine"):
                        assert torch.equal(getattr(mine, name), getattr(expected, name))


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COMPARISONS", 10)
    features = on_a_sphere(3)
    for right in (None, features[:50]):
        found = near_pairs(features, right)
        assert found.undone == "about 0 billion pairs of images would have to be compared"
        assert len(found.row) == 0


def test_a_model_that_sees_no_difference_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the pairs that look alike, without those that are left out."""
    features = torch.ones(100, 8)
    features[::4] = torch.randn(25, 8, generator=torch.Generator().manual_seed(0))
    alike = 75 * 74 // 2
    monkeypatch.setattr(module, "MAX_IN_FULL", alike - 10)
    refusal = "the model hardly tells the images apart: about 0 million pairs look alike to it"
    assert near_pairs(features).undone == refusal
    assert near_pairs(features, torch.ones(100, 8)).undone == refusal
    repeated = np.flatnonzero(features[:, 0] == 1)[1:]
    assert near_pairs(features, left_out=repeated).undone == ""
    monkeypatch.setattr(module, "MAX_IN_FULL", alike + 10)
    assert len(near_pairs(features).row) == 2000
