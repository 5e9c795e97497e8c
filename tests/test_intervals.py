"""Intervals against published figures and SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from tracin.intervals import paired_interval, wilson_interval


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (1, 20), (19, 20), (33, 1000), (0, 50)])
def test_the_interval_is_wilsons(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(right, n)
    assert math.isclose(low, expected.low, abs_tol=1e-4)
    assert math.isclose(high, expected.high, abs_tol=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_the_paired_interval_is_bonett_and_prices() -> None:
    """Cavo et al. 2012, as in chapter 8 of Fagerland, Lydersen and Laake, "Statistical Analysis of
    Contingency Tables": of 161, 6 in the first alone and 16 in the second alone."""
    assert paired_interval(6, 16, 161) == pytest.approx((-0.1195, -0.0032), abs=5e-5)
    assert paired_interval(16, 6, 161) == pytest.approx((0.0032, 0.1195), abs=5e-5)
    assert paired_interval(0, 0, 0) == (-1.0, 1.0)


@pytest.mark.parametrize("n", [5, 20, 100, 1000])
@pytest.mark.parametrize(("gained", "lost"), [(0.0, 0.0), (0.02, 0.01), (0.1, 0.1), (0.4, 0.05)])
def test_the_paired_interval_covers_the_truth(gained: float, lost: float, n: int) -> None:
    draws = np.random.default_rng(0).multinomial(n, (gained, lost, 1 - gained - lost), 1000)
    ends = [paired_interval(int(more), int(less), n) for more, less, _ in draws]
    covered = np.mean([low <= gained - lost <= high for low, high in ends])
    assert covered >= 0.93
