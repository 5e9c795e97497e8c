"""The map's coordinates against an exact decomposition in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tracin.compute.features.plane import principal_plane


def exact(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(train, test, shares of the variance) by a singular value decomposition."""
    train, test = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (train, test))
    centre = train.mean(axis=0)
    _, lengths, directions = np.linalg.svd(train - centre, full_matrices=False)
    plane = directions[:2].T
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])
    return (train - centre) @ plane, (test - centre) @ plane, lengths[:2] ** 2 / sum(lengths**2)


def test_the_plane_is_that_of_an_exact_decomposition() -> None:
    digits = load_digits().data
    train, test = digits[:1200], digits[1200:]
    plane = principal_plane(torch.tensor(train).float(), torch.tensor(test).float())
    expected = exact(train, test)
    np.testing.assert_allclose(plane.train, expected[0], atol=1e-4)
    np.testing.assert_allclose(plane.test, expected[1], atol=1e-4)
    np.testing.assert_allclose(plane.variance, expected[2], atol=1e-5)


@pytest.mark.parametrize("classes", [2, 100])
def test_many_classes_alike_have_the_exact_plane(classes: int) -> None:
    """Directions of nearly equal variance: where an iteration stops early."""
    random = np.random.default_rng(classes)
    centres = np.abs(random.normal(size=(classes, 256)))
    rows = centres[random.integers(classes, size=3000)] + 0.3 * random.normal(size=(3000, 256))
    plane = principal_plane(torch.tensor(rows).float(), torch.tensor(rows[:10]).float())
    places, _, shares = exact(rows, rows[:10])
    for axis in range(2):
        assert abs(np.corrcoef(plane.train[:, axis], places[:, axis])[0, 1]) > 0.9999
    np.testing.assert_allclose(plane.variance, shares, rtol=1e-4)


def test_images_that_are_all_alike_have_no_direction() -> None:
    plane = principal_plane(torch.rand(1, 256).repeat(500, 1), torch.rand(3, 256))
    assert plane.variance == (0.0, 0.0)
    assert not plane.train.any()


def test_two_calls_place_images_alike_and_leave_the_random_numbers_alone() -> None:
    rows = torch.rand(300, 40)
    before = torch.random.get_rng_state()
    first, second = (principal_plane(rows, rows[:7]) for _ in range(2))
    assert torch.equal(first.train, second.train)
    assert torch.equal(first.train[:7], first.test)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("width", [1, 2, 50])
@pytest.mark.parametrize("fill", ["zeros", "ones", "random"])
def test_few_or_equal_images_have_places(n: int, width: int, fill: str) -> None:
    rows = {"zeros": torch.zeros, "ones": torch.ones, "random": torch.rand}[fill](n, width)
    plane = principal_plane(rows, rows)
    assert plane.train.shape == plane.test.shape == (n, 2)
    assert plane.train.isfinite().all()
    assert all(0 <= share <= 1 for share in plane.variance)
