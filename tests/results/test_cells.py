"""Texts in CSV files: no formula for a spreadsheet, and the same text when read back."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from tracin.results.cells import as_it_was, csv_line, neutral, write_csv

HOSTILE = ["=cmd|' calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "'=x", "''+x", "＝1"]
HARMLESS = [
    "cat",
    "'cat",
    "a=b",
    "",
    "NA",
    'a"b',
    "a,b",
    "x\ry",
    "p\nq",
    "z\r\nk",
    "u\u2028v",
    "\x85",
]


def test_a_formula_gets_an_apostrophe_and_loses_it_again() -> None:
    for text in HOSTILE:
        assert neutral(text) == f"'{text}" and as_it_was(neutral(text)) == text
    for text in HARMLESS:
        assert neutral(text) == text == as_it_was(text)
    assert as_it_was("=written by hand") == "=written by hand"


def test_every_text_is_read_back_as_it_was(tmp_path: Path) -> None:
    texts = HOSTILE + HARMLESS
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), "n": range(len(texts))})
    write_csv(frame, tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    assert [as_it_was(cell) for cell in read["text"]] == texts
    assert read["n"].tolist() == [str(row) for row in range(len(texts))]
    (tmp_path / "line.csv").write_text(csv_line(texts), encoding="utf-8", newline="")
    with (tmp_path / "line.csv").open(encoding="utf-8", newline="") as file:
        assert [as_it_was(cell) for cell in next(csv.reader(file))] == texts


def test_an_ordinary_table_is_written_without_quotes(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"a": ["cat", "-dog"], "b": [-1.5, 2]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b\ncat,-1.5\n'-dog,2.0\n"
