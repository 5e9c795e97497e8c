"""The columns of the tables: type and range of each, and how a cell that does not fit is named."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tracin.errors import TracInError
from tracin.results.cells import as_it_was

ROUNDING = 1e-4
"""So far beyond a range a float may stand: a probability that was rounded up is no damage."""


@dataclass(frozen=True)
class Column:
    """What the cells of a column must be."""

    dtype: str
    low: float = -math.inf
    high: float = math.inf
    """The range of numbers, both ends included."""
    empty: bool = False
    """Whether text may be empty."""
    choices: tuple[str, ...] = ()
    """All that text may be; () where it is free."""

    @property
    def words(self) -> str:
        """What a cell must be, for a message."""
        kinds = {"str": "text", "bool": "True or False", "int64": "a whole number"}
        kind = kinds.get(self.dtype, "a finite number")
        if self.choices:
            kind = " or ".join(self.choices)
        elif self.high < math.inf:
            kind += f" from {self.low:g} to {self.high:g}"
        elif self.low > -math.inf:
            kind += f", at least {self.low:g}"
        return kind


# Text is kept as it stands: a class may be called "NA". Indices are row and column numbers.
TEXT = Column("str")
TEXT_OR_NOTHING = Column("str", empty=True)
FLAG = Column("bool")
INDEX = Column("int64", low=0)
RANK = Column("int64", low=1)
NUMBER = Column("float32")
NOT_NEGATIVE = Column("float32", low=0)
SHARE = Column("float32", low=0, high=1)
COSINE = Column("float32", low=-1, high=1)


@dataclass(frozen=True)
class Table:
    """What a CSV file must hold (required) and may hold (optional): column by name."""

    required: dict[str, Column]
    optional: dict[str, Column] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Column]:
        """All of them, in the order in which they are written."""
        return self.required | self.optional


def typed(text: pd.Series[str], column: Column, path: Path) -> Any:
    """The cells of ``text`` with the column's dtype.

    Args:
        text: named as the column, its index the rows of the file; NaN where a row was too short.
            Numbers may have been read as such.
        column: what they must be.
        path: of the table.

    Raises:
        TracInError: a cell does not fit; the message names the file, the row and the column.
    """
    try:
        if column.dtype == "str":
            values, fits = _texts(text, column)
        else:
            values = _converted(text, column)
            fits = _fits(values, column)
        bad = ~fits
    except (ValueError, OverflowError, TypeError):
        bad = np.array([not _alone_fits(cell, column) for cell in text])
    if not bad.any():
        return values
    row = int(np.flatnonzero(bad)[0])
    cell = text.iloc[row]
    shown = "nothing" if cell == "" or not isinstance(cell, str) else repr(cell[:60])
    raise TracInError(
        f"{path}, row {int(text.index[row]) + 1}, column {text.name}: there is {shown} where there "
        f"must be {column.words}. Correct the file, or run TracIn_Resnet50.py again."
    )


def _texts(text: Any, column: Column) -> tuple[Any, Any]:
    """(cells, whether each fits): every distinct text is looked at once, and shared by its rows."""
    places, distinct = pd.factorize(text.to_numpy(dtype=object))
    if (places < 0).any():
        raise ValueError("a row is too short")
    cells = pd.Series(distinct, dtype=object).map(as_it_was)
    shared = cells.to_numpy(dtype=object)[places]
    return pd.Series(shared, index=text.index, dtype="str"), _fits(cells, column)[places]


def _converted(text: Any, column: Column) -> Any:
    if text.isna().any():
        raise ValueError("a row is too short")
    if column.dtype == "str":
        return text.map(as_it_was)
    if column.dtype == "bool":
        return text.map({"True": True, "False": False}).astype("boolean").astype("bool")
    with np.errstate(over="ignore"):  # too large for float32 is found as infinite
        return text.astype(column.dtype)


def _fits(values: Any, column: Column) -> Any:
    if column.dtype == "str":
        cells = values.to_numpy(dtype=object)
        return np.array(
            [
                (cell in column.choices if column.choices else bool(cell) or column.empty)
                and "\0" not in cell
                for cell in cells
            ],
            dtype=bool,
        )
    if column.dtype == "bool":
        return np.ones(len(values), dtype=bool)
    slack = ROUNDING if column.dtype.startswith("float") else 0
    numbers = values.to_numpy()
    return np.isfinite(numbers) & (numbers >= column.low - slack) & (numbers <= column.high + slack)


def _alone_fits(cell: Any, column: Column) -> bool:
    try:
        single = pd.Series([cell], dtype=object)
        return bool(_fits(_converted(single, column), column)[0])
    except (ValueError, OverflowError, TypeError):
        return False
