"""The assignment against every permutation, and against SciPy's."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from tracin.compute.check.assignment import best_assignment


@pytest.mark.parametrize("size", [1, 2, 5])
def test_no_permutation_is_better(size: int) -> None:
    random = np.random.default_rng(0)
    rows = np.arange(size)
    for largest in (1, 3, 100):
        for _ in range(20):
            gain = random.integers(0, largest + 1, (size, size))
            found = best_assignment(gain)
            assert sorted(found) == rows.tolist()
            best = max(gain[rows, list(order)].sum() for order in permutations(range(size)))
            assert gain[rows, found].sum() == best


@pytest.mark.parametrize("size", [1, 2, 30])
def test_largest_first_is_the_same_where_each_row_has_one_large_cell(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(size)
    order = random.permutation(size)
    gain = random.integers(0, 5, (size, size))
    gain[np.arange(size), order] = 20
    gain[size // 2] = 0  # an output that is never named takes what is left
    exact = best_assignment(gain)
    monkeypatch.setattr("tracin.compute.check.assignment.EXACT", 0)
    assert best_assignment(gain).tolist() == exact.tolist() == order.tolist()


@pytest.mark.parametrize("size", [10, 60, 300])
def test_it_is_as_good_as_scipys(size: int) -> None:
    assign = pytest.importorskip("scipy.optimize").linear_sum_assignment
    random = np.random.default_rng(size)
    rows = np.arange(size)
    for share in (0.0, 0.5, 0.9):
        gain = random.integers(0, 1000, (size, size)) * (random.random((size, size)) > share)
        best = gain[assign(gain, maximize=True)].sum()
        assert gain[rows, best_assignment(gain)].sum() == best
