"""Pairs that look alike against brute force in float64, on features of many forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels import grid
from tracin.compute.labels import near_pairs as module
from tracin.compute.labels.near_pairs import DUPLICATE_COSINE, NearPairs, near_pairs


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
    return torch.randn(900, width, generator=generator)


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


def test_the_grid_spares_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of points spread over a circle an eighth is compared at most, and every duplicate found."""
    angle = torch.rand(4000, generator=torch.Generator().manual_seed(0)) * 2 * torch.pi
    features = torch.stack([angle.cos(), angle.sin()], dim=1)
    monkeypatch.setattr(module, "MAX_COMPARISONS", 4000 * 3999 // 2 // 8)
    monkeypatch.setattr(module, "MAX_CANDIDATES", 10**6)
    unit = features.double()
    expected = int(((unit @ unit.T).triu(diagonal=1) >= DUPLICATE_COSINE).sum())
    assert abs(len(near_pairs(features).row) - expected) <= 10  # some lie on the threshold


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COMPARISONS", 100)
    features = on_a_sphere(3)
    for right in (None, features[:50]):
        found = near_pairs(features, right)
        assert found.undone.endswith("pairs would have to be compared")
        assert len(found.row) == 0


def test_a_model_that_sees_no_difference_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.ones(100, 8)
    features[::4] = torch.randn(25, 8, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(module, "MAX_ALIKE", 1000)
    share = (75 * 74) / (100 * 99)
    for right in (None, features[:50]):
        found = near_pairs(features, right)
        assert found.undone == f"about {share:.0%} of all pairs of images look alike to the model"
    monkeypatch.setattr(module, "MAX_ALIKE", 10_000)
    assert len(near_pairs(features).row) == 2000
