"""analysis.json against the tables that it is about, and the bar that a person sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import analyze_results
from tests.analyze.world import World, make_world, write_run
from tracin.model_check import ModelCheck, count_answers
from tracin.results import schema


def record_of(world: World, *flags: str, status: int = 0) -> dict[str, Any]:
    assert analyze_results.main(["--results_dir", str(world.results_dir), *flags]) == status
    content: dict[str, Any] = json.loads((world.results_dir / schema.ANALYSIS).read_bytes())
    return content


def table(world: World, name: str) -> pd.DataFrame:
    return pd.read_csv(world.results_dir / name)


def write_duplicates(world: World, *pairs: tuple[str, str, str, str, str]) -> None:
    rows = [(*pair, 1.0, True) for pair in pairs]
    frame = pd.DataFrame(rows, columns=list(schema.DUPLICATES_COLUMNS))
    schema.write_table(world.results_dir, schema.DUPLICATES, frame)


def test_the_record_says_what_the_tables_hold(world: World) -> None:
    leak = ("train-test", "train/cat/00000.jpg", "cat", "test/cat/00001.jpg", "cat")
    write_duplicates(world, leak, leak, ("train-train", "train/cat/1", "cat", "train/dog/2", "dog"))
    record = record_of(world)
    train, test = table(world, schema.TRAIN_SUMMARY), table(world, schema.INFLUENCE_SUMMARY)
    assert (record["n_train"], record["n_test"]) == (len(train), len(test))
    assert (
        record["run_id"] == json.loads((world.results_dir / schema.RUN_INFO).read_text())["run_id"]
    )
    assert record["health"]["good"] == (train["suspicion"] < 0.5).sum()
    assert record["health"]["percent"] == pytest.approx(100 * (train["suspicion"] < 0.5).mean())
    accuracy = record["test_accuracy"]
    assert accuracy["share"] == pytest.approx(test["correct"].mean())
    assert accuracy["interval_95"][0] < accuracy["share"] <= accuracy["interval_95"][1]
    for entry in record["classes"]:
        mine = test[test["test_class"] == entry["name"]]
        assert entry["test_accuracy"]["right"] == mine["correct"].sum()
        assert entry["n_train"] == (train["train_class"] == entry["name"]).sum()
    assert [entry["name"] for entry in record["classes"]] == sorted(set(test["test_class"]))
    assert record["suspects"] == len(table(world, schema.SUSPECTS))
    assert record["leaked_test_images"] == 1
    assert record["pictures_under_two_labels"] == 1
    assert record["withheld"] is None
    assert any("is a training image too" in sentence for sentence in record["findings"])


def test_what_no_file_tells_is_null(world: World) -> None:
    for name in (schema.TRAIN_SUMMARY, schema.SUSPECTS, schema.INFLUENCE_SUMMARY):
        (world.results_dir / name).unlink()
    record = record_of(world)
    for key in (
        "test_accuracy",
        "suspects",
        "test_suspects",
        "leaked_test_images",
        "pictures_under_two_labels",
    ):
        assert record[key] is None
    assert record["health"]["of_labels"] is False
    assert record["classes"] == []
    assert record["left_out"]


def test_what_is_withheld_is_named(world: World) -> None:
    answers = count_answers(world.train_labels, np.zeros_like(world.train_labels), world.names)
    write_run(world, model_check=ModelCheck(answers, answers, ("Another order.",)))
    record = record_of(world, "--fail_under", "0", status=3)
    assert record["model_can_judge"] is False
    assert record["health"] is record["suspects"] is record["test_suspects"] is None
    assert "health" in record["withheld"]["verdicts"]
    assert record["withheld"]["causes"] == ["Another order."]


@pytest.mark.parametrize(("below", "status"), [(0.0, 0), (1e-9, 3), (20.0, 3)])
def test_health_below_the_bar_ends_with_three(
    world: World, below: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    health = float(100 * (table(world, schema.TRAIN_SUMMARY)["suspicion"] < 0.5).mean())
    assert 50 < health < 100
    bar = min(health + below, 100.0)
    record_of(world, "--fail_under", repr(bar), status=status)
    said = capsys.readouterr()
    assert "Key findings" in said.out
    assert ("The health score is" in said.err) == (status == 3)
    if status:
        shown = float(said.err.partition("score is ")[2].partition(" %")[0])
        assert health - 1 < shown < bar


def test_too_few_images_do_not_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=4, n_test=4, names=("cat", "dog"), images=False)
    record_of(world, "--fail_under", "1", status=3)
    assert "4 training images are too few for a health score" in capsys.readouterr().err


@pytest.mark.parametrize(("most", "status"), [("1", 0), ("0", 3)])
def test_leaks_above_the_bar_end_with_three(
    world: World, most: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write_duplicates(world, ("train-test", "train/cat/00000.jpg", "cat", "test/cat/1.jpg", "cat"))
    record_of(world, "--max_leaks", most, status=status)
    assert ("1 test image is a training image too" in capsys.readouterr().err) == (status == 3)


def test_what_nobody_knows_does_not_pass(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.results_dir / schema.TRAIN_SUMMARY).unlink()
    record_of(world, "--max_leaks", "5", "--fail_under", "10", status=3)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Without duplicates.csv nobody knows of leaks" in said
    assert "no health score of the labels without train_summary.csv" in said


@pytest.mark.parametrize(
    "flags",
    [
        ("--fail_under", "101"),
        ("--fail_under", "nan"),
        ("--fail_under", "0.9"),
        ("--explain", "a", "--max_leaks", "1"),
    ],
)
def test_bars_that_make_no_sense(flags: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        analyze_results.main(list(flags))
    assert ended.value.code == 2
