"""The share of wrong labels, against known truth in every kind of noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tracin.analyze.figures.review_sample import DRAWN, WrongShare, draw_review_sample, wrong_share

Noise = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]


def noise(random: np.random.Generator, n: int, wrong_share: float, seen: float) -> Noise:
    """(suspicion, whether the label is wrong), (n,) each: the model notices the share ``seen`` of
    the wrong labels; the others are as unsuspicious as right ones."""
    wrong = random.random(n) < wrong_share
    noticed = wrong & (random.random(n) < seen)
    suspicion = np.where(noticed, random.beta(4, 1.5, n) * 1.2, random.beta(0.5, 6, n))
    return suspicion, wrong


def reviewed(
    suspicion: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_], seed: int
) -> WrongShare | None:
    sample = draw_review_sample(suspicion, seed)
    found = wrong[sample.rows]
    n, k = (np.bincount(sample.strata[which], minlength=5) for which in (found | True, found))
    return wrong_share(sample.sizes.tolist(), n.tolist(), k.tolist())


@pytest.mark.parametrize("seen", [0.0, 0.5, 0.95], ids=["confusion", "half seen", "uniform"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("n", [150, 2000, 20_000])
def test_it_covers_the_truth(n: int, share: float, seen: float) -> None:
    """In over 90 % of draws, whether or not the model sees the mistakes; the sharpest case, on
    which an interval around the share itself fails, is 10 % wrong, half of them seen."""
    random = np.random.default_rng(0)
    covered, errors = 0, []
    for draw in range(200):
        suspicion, wrong = noise(random, n, share, seen)
        found = reviewed(suspicion, wrong, draw)
        assert found is not None
        truth = wrong.mean()
        covered += found.low <= truth <= found.high
        errors.append(found.share - truth)
    assert covered > 180
    assert abs(np.mean(errors)) < 0.012  # no lean to either side


def test_what_a_stratum_cannot_fill_goes_to_the_largest() -> None:
    suspicion = np.concatenate([np.full(500, 0.05), np.full(30, 0.2), np.full(4, 0.6)])
    sample = draw_review_sample(suspicion, 0)
    assert np.bincount(sample.strata, minlength=5).tolist() == [76, 20, 0, 4, 0]
    assert sample.sizes.tolist() == [500, 30, 0, 4, 0]
    assert len(set(sample.rows.tolist())) == sum(DRAWN) == 100
    again, other = draw_review_sample(suspicion, 0), draw_review_sample(suspicion, 1)
    assert again.rows.tolist() == sample.rows.tolist() != other.rows.tolist()


@pytest.mark.parametrize("n", [0, 1, 60, 100])
def test_few_images_are_all_drawn_and_then_known(n: int) -> None:
    suspicion = np.random.default_rng(0).random(n)
    sample = draw_review_sample(suspicion, 0)
    assert sorted(sample.rows.tolist()) == list(range(n))
    wrong = sample.sizes // 2
    found = wrong_share(sample.sizes.tolist(), sample.sizes.tolist(), wrong.tolist())
    if n == 0:
        assert found is None
    else:
        assert found is not None
        assert found.low == found.share == found.high == pytest.approx(wrong.sum() / n)


def test_edges_belong_to_the_stratum_above() -> None:
    sample = draw_review_sample(np.array([0.0999, 0.1, 0.3, 0.5, 0.7, 3.0]), 0)
    assert sample.sizes.tolist() == [1, 1, 1, 1, 2]


def test_a_stratum_that_nobody_looked_at_leaves_the_share_open() -> None:
    assert wrong_share((10, 10, 0, 0, 0), (5, 0, 0, 0, 0), (1, 0, 0, 0, 0)) is None
    found = wrong_share((900, 100, 0, 0, 0), (50, 20, 0, 0, 0), (1, 10, 0, 0, 0))
    assert found is not None
    assert found.share == pytest.approx(0.9 * 0.02 + 0.1 * 0.5)
    assert 0 < found.low < found.share < found.high < 0.2
