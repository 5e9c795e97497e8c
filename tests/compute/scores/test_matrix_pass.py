"""The matrix's file or its class means, and what is gathered, whatever the blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.compute.factories import random_factors
from tracin.compute.scores import matrix_pass
from tracin.compute.scores.matrix_pass import Scored, ScoringSettings, class_means, score
from tracin.compute.scores.strongest import Strongest
from tracin.compute.scores.tracin import Scores, tracin_scores
from tracin.errors import TracInError
from tracin.images import ImageTable
from tracin.machine.processes import Processes
from tracin.results import class_means as class_means_module
from tracin.results import schema
from tracin.results.matrix import read_blocks

N_TRAIN = 45
LABELS = np.array([4, 0, 2, 0, 4, 4, 1, 0, 2, 0, 4])
"""Unsorted; class 3 is absent, class 1 has one image."""
NAMES = ("owl", "ant, red", "bee", "cat", "dog")
"""Not in alphabetical order, and one needs quotes in a CSV file."""
SETTINGS = ScoringSettings(top_k=4, normalize_proponents=True)
ALONE = Processes(torch.device("cpu"))


@pytest.fixture(scope="module")
def scores() -> Scores:
    train, test = random_factors(N_TRAIN, 0), random_factors(len(LABELS), 1)
    return tracin_scores([train], [test], [1e-3])


def images() -> ImageTable:
    paths = tuple(f"test/{number}.png" for number in range(len(LABELS)))
    return ImageTable(Path("/nowhere"), "test", paths, LABELS, NAMES)


def plain_means(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each row over each class that is there, one by one, in float64."""
    present = sorted(set(labels.tolist()))
    means = np.empty((len(matrix), len(present)))
    for row in range(len(matrix)):
        for place, label in enumerate(present):
            values = [float(matrix[row, j]) for j in range(len(labels)) if labels[j] == label]
            means[row, place] = sum(values) / len(values)
    return means


@pytest.mark.parametrize("labels", [LABELS, np.zeros(11, int), np.arange(11)[::-1].copy()])
def test_class_means_equal_a_float64_loop(labels: np.ndarray) -> None:
    block = np.random.default_rng(0).normal(size=(7, 11)).astype(np.float32)
    block[2] = 1e6 + np.arange(11)  # a sum in float32 would round
    order = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    means = class_means(block, order, counts)
    expected = plain_means(block, labels)
    assert means.dtype == np.float32
    assert means.shape == expected.shape
    np.testing.assert_allclose(means, expected, rtol=2**-23, atol=0)


def written(folder: Path, scores: Scores, settings: ScoringSettings) -> tuple[Scored, bytes]:
    """What ``score`` returns and the one file that it writes."""
    folder.mkdir()
    scored = score(folder, scores, images(), settings, ALONE)
    (file,) = folder.iterdir()
    name = schema.INFLUENCE_SCORES if settings.matrix else schema.CLASS_INFLUENCE
    assert file.name == name
    return scored, file.read_bytes()


def assert_same(one: Scored, other: Scored) -> None:
    """Bit for bit, but for sums whose terms were added in another order."""
    for name in ("highest", "highest_row", "lowest", "lowest_row", "positive_share", "train_mean"):
        left, right = getattr(one.figures, name), getattr(other.figures, name)
        np.testing.assert_array_equal(left, right)
    np.testing.assert_allclose(one.figures.mean, other.figures.mean, rtol=1e-12)
    assert torch.equal(one.self_influence, other.self_influence)
    assert one.pairs.keys() == other.pairs.keys() == {schema.PROPONENT, schema.OPPONENT}
    for direction, pairs in one.pairs.items():
        for name in Strongest.__dataclass_fields__:
            left, right = getattr(pairs, name), getattr(other.pairs[direction], name)
            np.testing.assert_array_equal(left, right)
        assert len(pairs.rank) > len(LABELS)


def test_class_means_in_place_of_the_matrix(tmp_path: Path, scores: Scores) -> None:
    with_matrix, _ = written(tmp_path / "matrix", scores, SETTINGS)
    without, _ = written(tmp_path / "means", scores, replace(SETTINGS, matrix=False))
    assert_same(with_matrix, without)
    np.testing.assert_array_equal(with_matrix.figures.mean, without.figures.mean)

    matrix = np.concatenate(list(read_blocks(tmp_path / "matrix" / schema.INFLUENCE_SCORES)))
    assert matrix.shape == (N_TRAIN, len(LABELS))
    table = pd.read_csv(tmp_path / "means" / schema.CLASS_INFLUENCE)
    assert list(table.columns) == ["owl", "ant, red", "bee", "dog"]
    expected = np.stack(
        [matrix[:, label == LABELS].mean(axis=1, dtype=np.float64) for label in (0, 1, 2, 4)],
        axis=1,
    )
    np.testing.assert_array_equal(table.to_numpy(np.float32), expected.astype(np.float32))


def test_many_class_means_are_the_same_in_an_array(
    tmp_path: Path, scores: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = replace(SETTINGS, matrix=False)
    written(tmp_path / "text", scores, without)
    table = pd.read_csv(tmp_path / "text" / schema.CLASS_INFLUENCE, dtype=np.float32)
    monkeypatch.setattr(class_means_module, "MOST_AS_TEXT", table.size - 1)
    (tmp_path / "array").mkdir()
    scored = score(tmp_path / "array", scores, images(), without, ALONE)
    assert list(scored.written) == [schema.CLASS_INFLUENCE_ARRAY]
    array = np.load(tmp_path / "array" / schema.CLASS_INFLUENCE_ARRAY)
    np.testing.assert_array_equal(array, table.to_numpy())


@pytest.mark.parametrize("matrix", [True, False])
def test_blocks_change_nothing(
    matrix: bool, tmp_path: Path, scores: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scores.rows(0, N_TRAIN)  # so that a block's product cannot round otherwise
    sliced = Scores(lambda start, stop: whole[start:stop], scores.self_influence)
    settings = replace(SETTINGS, matrix=matrix)
    asked: list[int] = []

    def noted(start: int, stop: int) -> torch.Tensor:
        asked.append(stop - start)
        return sliced.rows(start, stop)

    at_once, expected = written(tmp_path / "whole", replace(sliced, rows=noted), settings)
    assert asked == [N_TRAIN]
    for rows_at_most, values_at_most, step in (
        (1, 10**6, 1),
        (7, 10**6, 7),
        (512, 7 * len(LABELS) + 3, 7),
        (512, 1, 1),  # more test images than a block may have values
    ):
        asked.clear()
        monkeypatch.setattr(matrix_pass, "ROWS_PER_BLOCK", rows_at_most)
        monkeypatch.setattr(matrix_pass, "VALUES_PER_BLOCK", values_at_most)
        folder = tmp_path / f"{rows_at_most} {values_at_most}"
        scored, content = written(folder, replace(sliced, rows=noted), settings)
        assert asked == [min(step, N_TRAIN - start) for start in range(0, N_TRAIN, step)]
        assert content == expected
        assert_same(scored, at_once)


@pytest.mark.parametrize("matrix", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, N_TRAIN - 1])
def test_a_score_that_is_no_number_is_refused(
    bad: float,
    row: int,
    matrix: bool,
    tmp_path: Path,
    scores: Scores,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the first block and in the last, whose writing is waited for at the very end."""
    monkeypatch.setattr(matrix_pass, "ROWS_PER_BLOCK", 10)
    whole = scores.rows(0, N_TRAIN).clone()
    whole[row, 3] = bad
    broken = Scores(lambda start, stop: whole[start:stop], scores.self_influence)
    with pytest.raises(TracInError, match=r"NaN or infinite.*--learning_rate"):
        score(tmp_path, broken, images(), replace(SETTINGS, matrix=matrix), ALONE)
