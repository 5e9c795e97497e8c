"""The interval of a difference: against published figures, and against known truth."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from tracin.what_if.interval import SEEDS, BoolArray, difference_interval

NORMAL = NormalDist()


def alike(first: list[bool], second: list[bool]) -> tuple[BoolArray, BoolArray]:
    """Both arms where every seed names the images in the same way."""
    return np.tile(first, (SEEDS, 1)), np.tile(second, (SEEDS, 1))


def test_without_chance_in_training_it_is_bonett_and_prices() -> None:
    """Cavo et al. 2012, as in chapter 8 of Fagerland, Lydersen and Laake, "Statistical Analysis of
    Contingency Tables": 59 right in both arms, 6 in the first alone, 16 in the second alone, 80 in
    neither."""
    first = [True] * 59 + [True] * 6 + [False] * 16 + [False] * 80
    second = [True] * 59 + [False] * 6 + [True] * 16 + [False] * 80
    low, high = difference_interval(*alike(first, second))
    assert (low, high) == pytest.approx((-0.1195, -0.0032), abs=5e-5)


def test_as_many_images_must_differ_as_in_mcnemars_exact_test() -> None:
    """Five that all speak for the change: p = 2 · 0.5⁵ = 0.06; six: 0.03."""
    for differing, significant in ((5, False), (6, True)):
        first, second = [True] * 300, [False] * differing + [True] * (300 - differing)
        assert (difference_interval(*alike(first, second))[0] > 0) == significant


def test_where_training_is_the_only_chance_it_is_students() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    n, shares = 40_000, random.uniform(0.2, 0.8, (2, SEEDS, 1))
    changed, at_random = random.random((2, SEEDS, n)) < shares
    of_seeds = changed.mean(axis=1) - at_random.mean(axis=1)
    expected = stats.ttest_1samp(of_seeds, 0).confidence_interval(0.95)
    found = difference_interval(changed, at_random)
    assert found == pytest.approx((expected.low, expected.high), abs=0.01)


@pytest.mark.parametrize("n", [1, 2, 5, 1000])
def test_it_never_leaves_what_is_possible_and_holds_what_was_seen(n: int) -> None:
    random = np.random.default_rng(n)
    right, wrong = [True] * n, [False] * n
    pairs = [alike(right, wrong), alike(wrong, right), alike(right, right)]
    pairs += [tuple(random.random((2, SEEDS, n)) < share) for share in (0.02, 0.5, 0.98)]
    half_of_the_seeds = np.repeat([[True], [False]], SEEDS // 2, axis=0) & np.array(right)
    pairs.append((half_of_the_seeds, ~half_of_the_seeds))
    for changed, at_random in pairs:
        low, high = difference_interval(changed, at_random)
        assert -1 <= low <= changed.mean() - at_random.mean() <= high <= 1
        assert low < high
        mirrored = difference_interval(at_random, changed)
        assert mirrored == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("changed", "at_random"),
    [((SEEDS, 3), (SEEDS, 4)), ((SEEDS - 1, 3), (SEEDS - 1, 3)), ((SEEDS, 0), (SEEDS, 0))],
)
def test_shapes_are_checked(changed: tuple[int, int], at_random: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"are not both \(10, n\)"):
        difference_interval(np.ones(changed, dtype=bool), np.ones(at_random, dtype=bool))


CHANCES = {
    "hard images": (0.90, 0.02, 0.001, 0.05),
    "training": (0.70, 0.02, 0.05, 0.20),
    "noise": (0.30, 0.00, 0.001, 0.70),
    "images of one arm": (0.00, 0.90, 0.00, 0.10),
}
"""Where the chance comes from: variances of an image's ease, of its ease for one arm, of a seed in
one arm, and of what is left."""


def experiment(
    random: np.random.Generator, n: int, accuracies: tuple[float, float], chances: str
) -> tuple[BoolArray, BoolArray]:
    """Both arms of one experiment whose true ``accuracies``, over all images and seeds, are known:
    an image is named rightly where a normal value of known mean and variance is above zero."""
    common, own, seed, rest = (math.sqrt(part) for part in CHANCES[chances])
    scale = math.hypot(common, own, seed, rest)
    ease = common * random.normal(size=n)
    arms = [
        scale * NORMAL.inv_cdf(accuracy)
        + ease
        + own * random.normal(size=n)
        + seed * random.normal(size=(SEEDS, 1))
        + rest * random.normal(size=(SEEDS, n))
        > 0
        for accuracy in accuracies
    ]
    return arms[0], arms[1]


@pytest.mark.parametrize("n", [5, 20, 100, 1000])
@pytest.mark.parametrize(
    "accuracies", [(0.5, 0.5), (0.92, 0.90), (0.99, 0.97), (0.995, 0.995), (0.3, 0.1)]
)
@pytest.mark.parametrize("chances", CHANCES)
def test_it_covers_the_truth(n: int, accuracies: tuple[float, float], chances: str) -> None:
    """In 95 of a hundred experiments, or more; of 200, chance may leave 180 (three standard
    errors)."""
    random = np.random.default_rng(0)
    truth = accuracies[0] - accuracies[1]
    covered = 0
    for _ in range(200):
        low, high = difference_interval(*experiment(random, n, accuracies, chances))
        covered += low <= truth <= high
    assert covered >= 180


def test_it_is_narrow_where_much_was_seen() -> None:
    """A true difference of ten points on a thousand images is found every time."""
    random = np.random.default_rng(0)
    for chances in ("hard images", "noise", "images of one arm"):
        for _ in range(20):
            assert difference_interval(*experiment(random, 1000, (0.8, 0.7), chances))[0] > 0
