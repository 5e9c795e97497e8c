"""The schema's tables and run.json: what is written reads back, what is broken is named."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.run_info import example_run_info
from tracin.errors import TracInError
from tracin.results import schema
from tracin.results.matrix import read_shape
from tracin.results.run_info import read_run_info, write_run_info


def summary_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "positive_share": np.array([0.1, 1 / 3], np.float32),
            "loss": np.array([1e-30, 2.5], np.float32),
            "correct": [True, False],
            "predicted_class": ["NA", 'a "quoted", name'],
            "test_path": ["test/NA/1.jpg", "test/null/ü 你.jpg"],
            "avg_influence": np.array([-1e-9, 0.0], np.float32),
            "max_negative_influence": np.array([-3e-7, -1.0], np.float32),
            "most_harmful_train_class": ["nan", "null"],
            "most_harmful_train_idx": [5, 0],
            "max_positive_influence": np.array([1 / 3, 2e-5], np.float32),
            "most_helpful_train_class": ["1", "01"],
            "most_helpful_train_idx": [7, 3],
            "test_class": ["NA", "null"],
            "test_idx": [0, 1],
        }
    )


def test_table_round_trip_is_exact(tmp_path: Path) -> None:
    frame = summary_frame()
    path = schema.write_table(tmp_path, schema.INFLUENCE_SUMMARY, frame)
    back = schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)
    header = path.read_text(encoding="utf-8").partition("\n")[0]
    assert ",".join(back.columns) == header
    for column in frame:
        assert back[column].tolist() == frame[column].tolist(), column
    assert b"\r" not in path.read_bytes()
    assert path.read_text(encoding="utf-8").startswith(
        "test_idx,test_class,most_helpful_train_idx,most_helpful_train_class,"
        "max_positive_influence,most_harmful_train_idx,most_harmful_train_class,"
        "max_negative_influence,avg_influence,test_path,predicted_class,correct,loss,positive_share\n"
    )


def test_first_nine_columns_are_enough(tmp_path: Path) -> None:
    frame = summary_frame()[list(schema.INFLUENCE_SUMMARY_CORE)]
    assert len(frame.columns) == 9
    frame.to_csv(tmp_path / schema.INFLUENCE_SUMMARY, index=False)
    back = schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)
    assert tuple(back.columns) == schema.INFLUENCE_SUMMARY_CORE


def test_write_table_needs_the_schemas_columns(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has columns"):
        schema.write_table(tmp_path, schema.INFLUENCE_SUMMARY, summary_frame().drop(columns="loss"))


def test_broken_tables_say_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / schema.INFLUENCE_SUMMARY
    summary_frame().drop(columns="test_class").to_csv(path, index=False)
    with pytest.raises(TracInError, match="has no column test_class"):
        schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)
    summary_frame().assign(loss="much").to_csv(path, index=False)
    with pytest.raises(TracInError, match=r"row 1, column loss: .*much"):
        schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)
    summary_frame().assign(correct="maybe").to_csv(path, index=False)
    with pytest.raises(TracInError, match="column correct"):
        schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)
    path.write_text("")
    with pytest.raises(TracInError, match="not a readable CSV file"):
        schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)


BAD_CELLS = [
    ("test_idx", "99999999999999999999", "a whole number, at least 0"),
    ("test_idx", "-1", "a whole number, at least 0"),
    ("test_idx", "1.5", "a whole number, at least 0"),
    ("test_class", "", "there is nothing where there must be text"),
    ("test_path", "a\0b", "text"),
    ("correct", "true", "True or False"),
    ("loss", "-1000", "a finite number, at least 0"),
    ("loss", "nan", "a finite number, at least 0"),
    ("loss", "", "there is nothing where"),
    ("avg_influence", "1e400", "a finite number"),
    ("avg_influence", "1e39", "a finite number"),
    ("avg_influence", "-inf", "a finite number"),
    ("positive_share", "1.01", "a finite number from 0 to 1"),
]


@pytest.mark.parametrize(("column", "cell", "message"), BAD_CELLS)
def test_a_cell_that_does_not_fit_is_named(
    column: str, cell: str, message: str, tmp_path: Path
) -> None:
    frame = summary_frame().astype(object)
    frame.loc[1, column] = cell
    frame.to_csv(tmp_path / schema.INFLUENCE_SUMMARY, index=False)
    expected = rf"influence_summary\.csv, row 2, column {column}: .*{message}"
    with pytest.raises(TracInError, match=expected):
        schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)


@pytest.mark.parametrize(
    ("table", "column", "cell"),
    [
        (schema.NEIGHBOURS, "rank", "0"),
        (schema.NEIGHBOURS, "kind", "other"),
        (schema.NEIGHBOURS, "similarity", "1.1"),
        (schema.PREDICTIONS, "probability", "1.1"),
        (schema.PREDICTIONS, "probability", "-0.1"),
    ],
)
def test_ranges_hold_in_every_table(table: str, column: str, cell: str, tmp_path: Path) -> None:
    row = {
        **{"train_path": "a", "kind": "given", "rank": "1", "neighbour_path": "b"},
        **{"similarity": "1.0000001", "test_idx": "0", "test_path": "c"},
        **{"predicted_class": "d", "probability": "1"},
    }
    pd.DataFrame([row]).to_csv(tmp_path / table, index=False)
    assert len(schema.read_table(tmp_path, table)) == 1  # a rounded 1 is no damage
    pd.DataFrame([{**row, column: cell}]).to_csv(tmp_path / table, index=False)
    with pytest.raises(TracInError, match=f"row 1, column {column}"):
        schema.read_table(tmp_path, table)


def test_rows_of_another_length_are_refused(tmp_path: Path) -> None:
    path = tmp_path / schema.PREDICTIONS
    header = "test_idx,test_path,predicted_class,probability\n"
    path.write_text(header + "0,a,b\n")
    with pytest.raises(TracInError, match=r"row 1, column probability: there is nothing"):
        schema.read_table(tmp_path, schema.PREDICTIONS)
    path.write_text(header + "0,a,b,1,5\n")
    with pytest.raises(TracInError, match="not a readable CSV file"):
        schema.read_table(tmp_path, schema.PREDICTIONS)


def test_run_info_round_trip(tmp_path: Path) -> None:
    info = example_run_info()
    write_run_info(tmp_path, info)
    assert read_run_info(tmp_path) == info


def test_run_info_of_another_version_or_damaged(tmp_path: Path) -> None:
    info = dataclasses.asdict(example_run_info())
    path = tmp_path / schema.RUN_INFO
    path.write_text(json.dumps({**info, "schema_version": 99}))
    with pytest.raises(TracInError, match="schema version 99"):
        read_run_info(tmp_path)
    info.pop("method")
    for broken in (json.dumps(info), "{", "[]"):
        path.write_text(broken)
        with pytest.raises(TracInError, match=r"run\.json is damaged"):
            read_run_info(tmp_path)


def test_a_pipe_in_the_place_of_a_table_is_not_waited_for(tmp_path: Path) -> None:
    for name, read in (
        (schema.PREDICTIONS, lambda: schema.read_table(tmp_path, schema.PREDICTIONS)),
        (schema.INFLUENCE_SCORES, lambda: read_shape(tmp_path / schema.INFLUENCE_SCORES)),
    ):
        os.mkfifo(tmp_path / name)
        with pytest.raises((TracInError, OSError), match="no regular file"):
            read()
