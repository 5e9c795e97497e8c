"""The one pass over the matrix against numpy on the whole matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracin.analyze.read.scan import MatrixSummary, scan
from tracin.errors import TracInError
from tracin.results.matrix import MatrixWriter

N_TRAIN, N_TEST, GROUPS = 23, 11, 3


@pytest.fixture
def matrix() -> np.ndarray:
    """Few distinct values, so that ties are frequent; a column and a row of zeros."""
    random = np.random.default_rng(1)
    values = random.integers(-3, 4, size=(N_TRAIN, N_TEST)) / 7
    values[:, 4] = 0
    values[5] = 0
    values[20] = values[2]
    return values.astype(np.float32)


@pytest.fixture
def path(matrix: np.ndarray, tmp_path: Path) -> Path:
    file = tmp_path / "influence_scores.csv"
    with MatrixWriter(file, range(N_TEST)) as writer:
        writer.write(matrix)
    return file


GROUP_OF = np.array([2, 0, 1, 1, 0, 2, 2, 2, 0, 1, 1])


def scanned(path: Path, rows: int | None = None) -> MatrixSummary:
    return scan(path, (N_TRAIN, N_TEST), GROUP_OF, GROUPS, rows=rows)


def test_means_and_extremes_are_numpys(path: Path, matrix: np.ndarray) -> None:
    scores, exact = scanned(path), matrix.astype(np.float64)
    for group in range(GROUPS):
        expected = exact[:, group == GROUP_OF].mean(axis=1)
        np.testing.assert_allclose(scores.group_mean[:, group], expected, atol=1e-15)
    np.testing.assert_allclose(scores.train_mean, exact.mean(axis=1), atol=1e-15)
    np.testing.assert_allclose(scores.test_mean, exact.mean(axis=0), atol=1e-15)
    np.testing.assert_array_equal(scores.test_max, exact.max(axis=0))
    np.testing.assert_array_equal(scores.test_min, exact.min(axis=0))


def test_ties_go_to_the_lowest_index(path: Path, matrix: np.ndarray) -> None:
    for rows in (1, 4, None):
        scores = scanned(path, rows)
        for column in range(N_TEST):
            values = list(matrix[:, column])
            assert scores.test_argmax[column] == values.index(max(values))
            assert scores.test_argmin[column] == values.index(min(values))
    assert scores.test_argmax[4] == scores.test_argmin[4] == 0


@pytest.mark.parametrize("rows", [1, 2, 7, 22, 23, 1000])
def test_nothing_depends_on_the_block_size(path: Path, rows: int) -> None:
    whole, blocks = scanned(path), scanned(path, rows)
    for name in MatrixSummary.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(blocks, name), getattr(whole, name))


def test_equal_rows_have_exactly_equal_means(path: Path) -> None:
    scores = scanned(path, 3)
    np.testing.assert_array_equal(scores.group_mean[2], scores.group_mean[20])
    assert scores.train_mean[2] == scores.train_mean[20]


@pytest.mark.parametrize("n_train", [N_TRAIN - 1, N_TRAIN + 1])
def test_a_file_that_changes_meanwhile_is_refused(path: Path, n_train: int) -> None:
    with pytest.raises(TracInError, match="changed while it was read"):
        scan(path, (n_train, N_TEST), GROUP_OF, GROUPS, rows=5)
