"""Text in CSV files: safe in a spreadsheet, and read back as it was."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

_RUNS = r"[=+\-@\t\r\n＝＋－＠]"
"""What a spreadsheet takes for a formula when a cell begins with it (OWASP, CSV injection)."""
_FORMULA = re.compile(f"'*{_RUNS}")
_NEUTRAL = re.compile(f"'+{_RUNS}")


def neutral(text: str) -> str:
    """``text`` with an apostrophe before it where a spreadsheet would run it as a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def as_it_was(cell: str) -> str:
    """The text of which ``neutral`` made ``cell``."""
    return cell[1:] if _NEUTRAL.match(cell) else cell


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write ``frame`` without its index to ``path``: UTF-8, ``\\n``, texts neutral."""
    texts = frame.select_dtypes(["object", "string"]).columns
    frame = frame.assign(**{name: frame[name].map(_neutral_cell) for name in texts})
    # The csv module quotes "\n" in a cell and, before Python 3.13, not "\r".
    returns = any(frame[name].astype(str).str.contains("\r", regex=False).any() for name in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8", quoting=quoting)


def csv_line(texts: Sequence[str]) -> str:
    """One line of CSV with its ``\n``, the texts neutral."""
    return plain_csv_line([neutral(text) for text in texts])


def plain_csv_line(texts: Sequence[str]) -> str:
    """One line of CSV with its ``\n``, the texts as they are."""
    line = io.StringIO()
    quoting: Literal[0, 1] = (
        csv.QUOTE_ALL if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL
    )
    csv.writer(line, lineterminator="\n", quoting=quoting).writerow(texts)
    return line.getvalue()


def _neutral_cell(cell: object) -> object:
    return neutral(cell) if isinstance(cell, str) else cell
