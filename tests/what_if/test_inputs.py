"""What --what_if reads of a results folder goes together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.analyze.world import make_world, write_run
from tracin.errors import TracInError
from tracin.what_if.inputs import read_question_inputs


def test_a_class_that_the_run_does_not_know_is_named(tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=20, n_test=6, names=("cat", "dog"), images=False)
    write_run(dataclasses.replace(world, names=("cat", "cow")))
    with pytest.raises(TracInError, match=r"names the class dog, which is not among .*run\.json"):
        read_question_inputs(world.results_dir, None)


@pytest.mark.parametrize(
    ("table", "column", "rows"),
    [("train_summary.csv", "train", 20), ("influence_summary.csv", "test", 6)],
)
def test_tables_with_other_rows_than_the_run_has_are_refused(
    tmp_path: Path, table: str, column: str, rows: int
) -> None:
    world = make_world(tmp_path, n_train=20, n_test=6, names=("cat", "dog"), images=False)
    path = world.results_dir / table
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(TracInError, match=rf"{table} has {rows - 1} rows, but run.json"):
        read_question_inputs(world.results_dir, None)
    path.write_text("".join([*lines[:-1], lines[1]]))
    with pytest.raises(TracInError, match=rf"{table}, column {column}_idx: each of 0"):
        read_question_inputs(world.results_dir, None)
