"""Classes against classes: sums of mean scores, which classes are chosen, how numbers read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.analyze.figures.test_summarize import summarized
from tests.analyze.world import make_world
from tracin.analyze.figures.class_influence import (
    ClassInfluence,
    class_influence,
    strongest_class_influence,
)


def test_a_cell_is_the_sum_over_the_row_of_means_over_the_column(tmp_path: Path) -> None:
    world = make_world(tmp_path, images=False)
    influence = strongest_class_influence(summarized(world.results_dir))
    assert influence is not None
    assert influence.n_shown == influence.n_classes == len(world.names)
    for row, sums in zip(influence.rows, influence.sums, strict=True):
        for column, total in zip(influence.columns, sums, strict=True):
            mine = world.train_labels == world.names.index(row)
            theirs = world.test_labels == world.names.index(column)
            block = world.matrix[np.ix_(mine, theirs)].astype(np.float64)
            assert total == pytest.approx(block.mean(axis=1).sum(), rel=1e-6, abs=1e-12)


def test_of_many_classes_the_strongest_pairs_are_chosen(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    whole = strongest_class_influence(overall)
    chosen = strongest_class_influence(overall, 4)
    assert whole is not None and chosen is not None
    assert (chosen.n_shown, chosen.n_classes) == (4, 10)
    assert chosen.rows == tuple(name for name in whole.rows if name in chosen.rows)
    sizes = np.abs(whole.sums)
    np.fill_diagonal(sizes, 0)
    row, column = np.unravel_index(sizes.argmax(), sizes.shape)
    assert {whole.rows[row], whole.columns[column]} <= {*chosen.rows}


def test_unknown_labels_and_unknown_classes_give_none(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    assert strongest_class_influence(dataclasses.replace(overall, has_classes=False)) is None
    unlabelled = tuple(dataclasses.replace(summary, by_label=()) for summary in overall.classes)
    assert strongest_class_influence(dataclasses.replace(overall, classes=unlabelled)) is None


def test_a_label_that_no_training_image_carries_adds_up_to_zero(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    influence = class_influence(overall.classes, ["cat", "unicorn"], ["cat", "dog"], 11)
    assert influence.sums.shape == (2, 2)
    assert influence.sums[0].all() and not influence.sums[1].any()


def table(*values: float) -> ClassInfluence:
    return ClassInfluence(("a",), tuple("bcdefg"[: len(values)]), np.array([values]), 7)


def test_strengths_keep_sign_and_order() -> None:
    np.testing.assert_allclose(table(-4.0, 0.0, 0.04, 1.0).strengths, [[-1, 0, 0.1, 0.5]])
    assert not table(0.0, 0.0).strengths.any()


def test_numbers_are_short_and_signed() -> None:
    influence = table(12_345.6, 3.0)
    assert influence.scale == ""
    said = [influence.shown(value) for value in (12_345.6, -9.96, 3.0, -0.44, 0.05, -0.001, 0.0)]
    assert said == ["+12,346", "−10", "+3.0", "−0.44", "+0.05", "−<0.01", "0"]
    coarse = [influence.shown(value, fine=False) for value in (12.0, -0.44, 0.05, 0.0)]
    assert coarse == ["+12", "−0.4", "+<0.1", "0"]
    small = table(2.5e-5, -1e-6)
    assert small.scale == "10⁻⁶"
    assert small.shown(2.5e-5) == "+25"
    assert small.shown(-1e-6) == "−1.0"
