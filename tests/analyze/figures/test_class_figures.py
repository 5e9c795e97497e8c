"""Sums and rankings of one pass, against sorting each class's means whole."""

from __future__ import annotations

import numpy as np
import pytest

from tracin.analyze.figures import class_figures as module
from tracin.analyze.figures.class_figures import class_figures
from tracin.analyze.read.label_index import index_labels

ROWS, CLASSES = 90, 4


@pytest.fixture
def means() -> np.ndarray:
    """Few distinct values, so that ties are frequent; a class that nothing helps."""
    random = np.random.default_rng(2)
    values = random.integers(-5, 6, size=(ROWS, CLASSES)) / 3
    values[:, 2] = -np.abs(values[:, 2])
    return values.astype(np.float32)


@pytest.fixture
def labels() -> list[str]:
    return [f"label {number}" for number in np.random.default_rng(3).integers(5, size=ROWS)]


@pytest.mark.parametrize("values_per_block", [1, 28, 10_000])
@pytest.mark.parametrize("k", [1, 7, 200])
@pytest.mark.parametrize("normalize", [False, True])
def test_rankings_and_sums(
    values_per_block: int,
    k: int,
    normalize: bool,
    means: np.ndarray,
    labels: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "VALUES_PER_BLOCK", values_per_block)
    own = np.arange(ROWS) % 3 / 2.0 if normalize else None  # a third has no influence on itself
    index = index_labels(labels)
    figures = class_figures(means, index, own, k)
    for column in range(CLASSES):
        exact = means[:, column].astype(np.float64)
        for label, total in zip(index.names, figures.sums[:, column], strict=True):
            mine = [value for value, name in zip(exact, labels, strict=True) if name == label]
            assert total == pytest.approx(sum(mine), abs=1e-12)
        helpful = (
            exact
            if own is None
            else [
                value / root if root else 0.0
                for value, root in zip(exact, np.sqrt(own), strict=True)
            ]
        )
        for ranking, scores in (
            (figures.helpful[column], list(helpful)),
            (figures.harmful[column], list(-exact)),
        ):
            above = [row for row in range(ROWS) if scores[row] > 0]
            expected = sorted(above, key=lambda row: (-scores[row], row))[:k]
            assert ranking.rows.tolist() == expected
            assert ranking.scores.tolist() == [scores[row] for row in expected]


def test_without_labels_there_are_no_sums(means: np.ndarray) -> None:
    assert class_figures(means, None, None, 3).sums.shape == (0, CLASSES)


def test_an_index_finds_the_rows_of_each_label() -> None:
    index = index_labels(["dog", None, "cat", "dog", "NA"])
    assert index.names == ("NA", "cat", "dog")
    assert index.of.tolist() == [2, -1, 1, 2, 0]
    assert index.counts.tolist() == [1, 1, 2]
    assert [index.rows(name).tolist() for name in ("dog", "cat", "NA", "cow")] == [
        [0, 3],
        [2],
        [4],
        [],
    ]
