"""What holds for every input of the pure functions at the doors."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.extra import numpy as some_arrays

from tracin.json_file import DEEPEST, Natural, Share, fitted, parse_json
from tracin.places import file_below
from tracin.results.cells import as_it_was, csv_line, neutral, write_csv
from tracin.results.float_text import csv_rows, csv_rows_by_numpy
from tracin.wording import for_the_shell, on_one_line, visible

# It keeps what it knows of Unicode there, and nothing of these tests.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")

same_each_time = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TEXT = some.text(some.characters(exclude_categories=["Cs"]), max_size=30)
ODD_TEXT = some.one_of(TEXT, some.text("=+-@'\t\r\n\"$\\`! a😀\x1b\u202e", max_size=8))
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=5), inner),
    max_leaves=12,
)


@same_each_time
@given(
    name=some.lists(
        some.sampled_from(["..", ".", "a", "out", "/", "\\", "C:", "\0", "x" * 300, ""]), max_size=6
    ).map("/".join)
)
def test_a_file_below_a_folder_is_below_it(name: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "in"
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "a").write_text("inside")
        (folder / "out").symlink_to("..")
        (Path(scratch) / "a").write_text("outside")
        found = file_below(folder, name)
        assert found is None or found.resolve().is_relative_to(folder.resolve())
        assert found is None or found.read_text() == "inside"


@same_each_time
@given(text=ODD_TEXT)
def test_a_cell_reads_back_as_it_was_and_runs_nothing(text: str) -> None:
    cell = neutral(text)
    assert as_it_was(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@same_each_time
@given(texts=some.lists(ODD_TEXT.filter(lambda text: "\0" not in text), min_size=1, max_size=4))
def test_a_table_of_any_text_reads_back(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "table.csv"
        write_csv(pd.DataFrame({"n": range(len(texts)), "text": texts}), path)
        read = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert [as_it_was(cell) for cell in read["text"]] == texts
        path.write_text(csv_line(["n", *texts]) + "\n", encoding="utf-8", newline="")
        header = pd.read_csv(path, dtype=str, header=None, keep_default_na=False, nrows=1)
        assert [as_it_was(cell) for cell in header.iloc[0]] == ["n", *texts]


@same_each_time
@given(
    rows=some_arrays.arrays(
        np.float32, (3, 4), elements=some.floats(width=32, allow_nan=False, allow_infinity=False)
    )
)
def test_numbers_read_back_to_the_same_float32(rows: np.ndarray) -> None:
    for text in (csv_rows(rows), csv_rows_by_numpy(rows)):
        read = [[np.float32(cell) for cell in line.split(b",")] for line in text.split(b"\n")]
        np.testing.assert_array_equal(np.array(read, np.float32), rows)
    assert csv_rows(rows) == csv_rows_by_numpy(rows)


@same_each_time
@given(text=some.text(max_size=30))
def test_what_is_visible_does_nothing_to_a_terminal(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert all(letter.isprintable() or letter in "\n\t" or ord(letter) > 0x7F for letter in shown)
    assert "\n" not in on_one_line(text)
    shown.encode()


@same_each_time
@given(text=ODD_TEXT.filter(lambda text: text and on_one_line(text) == text))
def test_a_printed_word_is_one_word_of_the_shell(text: str) -> None:
    (word,) = shlex.split(for_the_shell(text))
    assert word == (f"./{text}" if text.startswith("-") else text)


@settings(same_each_time, max_examples=20)
@given(text=ODD_TEXT.filter(lambda text: text and "\0" not in text))
def test_bash_takes_back_what_is_printed(text: str) -> None:
    said = subprocess.run(
        ["bash", "-c", f"printf %s {for_the_shell(text)}"],
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert said.stdout.decode() == (f"./{text}" if text.startswith("-") else text)


@same_each_time
@given(value=JSON)
def test_json_is_taken_or_refused_with_a_reason(value: Any) -> None:
    try:
        content = parse_json(json.dumps(value))
    except ValueError as error:
        assert str(error)
        return
    for kind in (int, float, str, Natural, Share, tuple[float, ...], dict[str, int], float | None):
        try:
            taken = fitted(kind, content)
        except ValueError as error:
            assert str(error)
            continue
        assert not isinstance(taken, float) or math.isfinite(taken)
        assert kind is not Share or 0 <= taken <= 1
        assert kind is not Natural or taken >= 0


def test_json_as_deep_as_allowed_is_read() -> None:
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)
