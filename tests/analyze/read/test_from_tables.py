"""The figures from the tables alone against those from the matrix."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.analyze.world import ANIMALS, World, make_world, without_matrix
from tracin.analyze.figures.summarize import summarize
from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.read.from_tables import scores_from_tables
from tracin.analyze.read.inputs import read_inputs
from tracin.analyze.read.scan import MatrixSummary, scan
from tracin.analyze.report.analysis import Analysis, read_page_tables
from tracin.analyze.report.classes import classes_section
from tracin.analyze.words.findings import in_words
from tracin.errors import TracInError
from tracin.flags import RankBy
from tracin.results import schema

QUOTED = ('a "quoted" dog', "plain, with comma", "NA", "\u72d7")


def scores_of(results_dir: Path) -> MatrixSummary:
    inputs = read_inputs(results_dir)
    test = inputs.test
    if inputs.tables is not None:
        return scores_from_tables(inputs.scores, inputs.tables, test.groups)
    shape = (inputs.n_train, inputs.n_test)
    return scan(inputs.scores, shape, test.group_of, len(test.groups))


def summary_of(results_dir: Path, rank_by: RankBy = "normalized") -> OverallSummary:
    inputs = read_inputs(results_dir)
    return summarize(inputs, scores_of(results_dir), top_k=10, rank_by=rank_by)


def assert_same(one: Any, other: Any, atol: float) -> None:
    """Equal in everything but float32's rounding, to any depth."""
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other)
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), atol)
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair, atol)
    elif isinstance(one, float | np.ndarray):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=atol)
    else:
        assert one == other


def of_one_class(world: World) -> None:
    path = world.results_dir / schema.INFLUENCE_SUMMARY
    pd.read_csv(path).assign(test_class="dog").to_csv(path, index=False)


@pytest.fixture(
    scope="module",
    params=["two", "ten", "quoted", "one test image", "one class", "zero", "few of the classes"],
)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, Path]:
    """A world with a matrix, and its results without one."""
    folder, two = tmp_path_factory.mktemp("pair"), ("cat", "dog")
    sizes: dict[str, dict[str, Any]] = {
        "two": {"n_train": 60, "n_test": 12, "names": two},
        "ten": {"n_train": 300, "n_test": 70},
        "quoted": {"n_train": 80, "n_test": 20, "names": QUOTED},
        "one test image": {"n_train": 20, "n_test": 1, "names": two},
        "one class": {"n_train": 30, "n_test": 9, "names": two},
        "zero": {"n_train": 20, "n_test": 12, "zero": True},
        "few of the classes": {"n_train": 60, "n_test": 4, "names": ANIMALS},
    }
    world = make_world(folder, images=False, steps=5, **sizes[request.param])
    if request.param == "one class":
        of_one_class(world)
    return world, without_matrix(world, folder / "tables")


def test_extremes_are_the_matrix_s_and_means_its_rounded_means(pair: tuple[World, Path]) -> None:
    world, tables = pair
    scores, exact = scores_of(tables), world.matrix.astype(np.float64)
    groups = read_inputs(tables).test.groups
    of = schema.read_table(tables, schema.INFLUENCE_SUMMARY)["test_class"].to_numpy()
    assert groups == tuple(name for name in world.names if name in set(of))
    means = np.stack([exact[:, of == name].mean(axis=1) for name in groups], axis=1)
    np.testing.assert_array_equal(scores.group_mean, means.astype(np.float32))
    # world.py takes these in float32, as another program may: they are near, not equal
    atol = 1e-6 * float(np.abs(exact).max())
    np.testing.assert_allclose(scores.train_mean, exact.mean(axis=1), rtol=1e-6, atol=atol)
    np.testing.assert_allclose(scores.test_mean, exact.mean(axis=0), rtol=1e-6, atol=atol)
    np.testing.assert_array_equal(scores.test_max, exact.max(axis=0))
    np.testing.assert_array_equal(scores.test_min, exact.min(axis=0))
    np.testing.assert_array_equal(scores.test_argmax, exact.argmax(axis=0))
    np.testing.assert_array_equal(scores.test_argmin, exact.argmin(axis=0))
    for name in MatrixSummary.__dataclass_fields__:
        theirs = getattr(scores_of(world.results_dir), name)
        assert getattr(scores, name).dtype == theirs.dtype
        assert getattr(scores, name).shape == theirs.shape


@pytest.mark.parametrize("rank_by", ["normalized", "raw"])
def test_all_figures_are_those_with_the_matrix(pair: tuple[World, Path], rank_by: RankBy) -> None:
    world, tables = pair
    atol = 1e-6 * float(np.abs(world.matrix).max())
    with_matrix, without = (summary_of(path, rank_by) for path in (world.results_dir, tables))
    assert_same(with_matrix, without, atol)
    assert in_words(with_matrix) == in_words(without)


@pytest.fixture
def tables(world: World, tmp_path: Path) -> Path:
    return without_matrix(world, tmp_path / "tables")


def change(folder: Path, name: str, row: int, **columns: str | int) -> None:
    frame = pd.read_csv(folder / name, dtype=str)
    for column, value in columns.items():
        frame.loc[row, column] = str(value)
    frame.to_csv(folder / name, index=False)


@pytest.mark.parametrize("order", [slice(None, None, -1), slice(None)])
def test_columns_are_found_by_name_whatever_order(world: World, tables: Path, order: slice) -> None:
    path = tables / schema.CLASS_INFLUENCE
    frame = pd.read_csv(path)
    frame[list(frame.columns)[order]].to_csv(path, index=False)
    (tables / schema.RUN_INFO).unlink()  # it tells the classes' order
    columns = world.test_labels == world.names.index("dog")
    expected = world.matrix[:, columns].mean(axis=1, dtype=np.float64)
    scores, groups = scores_of(tables), read_inputs(tables).test.groups
    np.testing.assert_allclose(scores.group_mean[:, groups.index("dog")], expected, rtol=1e-6)


def test_rows_are_placed_by_their_index(world: World, tables: Path) -> None:
    before = scores_of(tables)
    for name in (schema.TRAIN_SUMMARY, schema.INFLUENCE_SUMMARY):
        pd.read_csv(tables / name)[::-1].to_csv(tables / name, index=False)
    assert_same(dataclasses.astuple(scores_of(tables)), dataclasses.astuple(before), 0.0)


def test_nothing_needs_the_share_of_positive_scores(tables: Path) -> None:
    before, path = summary_of(tables), tables / schema.INFLUENCE_SUMMARY
    pd.read_csv(path).drop(columns="positive_share").to_csv(path, index=False)
    assert read_inputs(tables).left_out == ()
    assert_same(summary_of(tables), before, 0.0)


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        (
            schema.INFLUENCE_SUMMARY,
            {"most_harmful_train_idx": 60},
            r"tables/influence_summary\.csv, column most_harmful_train_idx: 60 is not a row of "
            r"train_summary\.csv, which has 60\. They come from different runs",
        ),
        (
            schema.INFLUENCE_SUMMARY,
            {"most_helpful_train_idx": -1},
            r"row 4, column most_helpful_train_idx: .*at least 0",
        ),
        (
            schema.INFLUENCE_SUMMARY,
            {"avg_influence": "nan"},
            r"influence_summary\.csv, row 4, column avg_influence: .* a finite number\. Correct",
        ),
        (
            schema.TRAIN_SUMMARY,
            {"mean_influence": "inf"},
            r"train_summary\.csv, row 4, column mean_influence: .* a finite number",
        ),
        (
            schema.INFLUENCE_SUMMARY,
            {"test_class": "unicorn"},
            r"class_influence\.csv has no column for class unicorn: it comes from another run",
        ),
    ],
)
def test_tables_that_no_matrix_has_are_refused(
    tables: Path, name: str, columns: dict[str, str | int], message: str
) -> None:
    change(tables, name, 3, **columns)
    with pytest.raises(TracInError, match=message):
        scores_of(tables)


def test_class_means_of_another_run_are_refused(tables: Path) -> None:
    path = tables / schema.CLASS_INFLUENCE
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(TracInError, match="has 59 rows, but the run has 60 training images"):
        scores_of(tables)


def test_an_array_of_means_gives_the_same_figures(world: World, tables: Path) -> None:
    text = tables / schema.CLASS_INFLUENCE
    before, words = summary_of(tables), in_words(summary_of(tables))
    page = classes_section(analysis_without_matrix(tables))
    names = [name for name in world.names if name in pd.read_csv(text).columns]
    np.save(tables / schema.CLASS_INFLUENCE_ARRAY, pd.read_csv(text)[names].to_numpy(np.float32))
    text.unlink()
    assert read_inputs(tables).scores.name == schema.CLASS_INFLUENCE_ARRAY
    assert_same(summary_of(tables), before, 0.0)
    assert in_words(summary_of(tables)) == words
    assert classes_section(analysis_without_matrix(tables)) == page


def analysis_without_matrix(folder: Path) -> Analysis:
    inputs, overall = read_inputs(folder), summary_of(folder)
    tables = read_page_tables(inputs, folder)
    return Analysis(folder, inputs, scores_of(folder), overall, in_words(overall), tables, {})
