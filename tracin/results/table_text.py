"""A table's CSV file → its columns, block by block: a million rows never stand as text at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tracin.errors import TracInError
from tracin.places import check_regular
from tracin.results.columns import Table, typed
from tracin.wording import first_sentence, listed

ROWS_PER_BLOCK = 100_000

Reduction = Callable[[pd.DataFrame], pd.DataFrame]


def read_columns(path: Path, table: Table, reduced: Reduction | None = None) -> pd.DataFrame:
    """The columns of ``table`` that ``path`` has, with their dtypes; equal texts are one object.

    Args:
        path: of the CSV file.
        table: what it must hold.
        reduced: what is kept of each block of rows, whose index numbers them; None: all.

    Raises:
        TracInError: the file cannot be read, a required column is missing, or a cell is not what
            its column must hold: the message names file, row and column.
    """
    try:
        return _read(path, table, reduced, as_text=False)
    except (TracInError, ValueError, OverflowError, pd.errors.ParserWarning):
        return _read(path, table, reduced, as_text=True)  # slower; tells which cell is wrong


def _read(path: Path, table: Table, reduced: Reduction | None, *, as_text: bool) -> pd.DataFrame:
    """``as_text``: every cell is first read as text."""
    kinds = {
        name: str if as_text or column.dtype in ("str", "bool") else column.dtype
        for name, column in table.columns.items()
    }
    try:
        check_regular(path)
        with np.errstate(over="ignore"), warnings.catch_warnings():
            # Too large for float32 is found as infinite, further on. Where a line has more cells
            # than the header, pandas only warns.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            with pd.read_csv(
                path,
                dtype=kinds,
                keep_default_na=False,
                encoding="utf-8",
                index_col=False,
                chunksize=ROWS_PER_BLOCK,
            ) as reader:
                blocks = [_typed_block(path, table, text, reduced) for text in reader]
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        raise TracInError(
            f"{path} is not a readable CSV file ({first_sentence(error)}). Run TracIn_Resnet50.py "
            "again."
        ) from error
    if len(blocks) == 1:
        return blocks[0].reset_index(drop=True)
    joined = {  # a column at a time, so that the rows do not stand there twice
        name: pd.concat([block.pop(name) for block in blocks], ignore_index=True)
        for name in list(blocks[0].columns)
    }
    return pd.DataFrame(joined, copy=False)


def _typed_block(
    path: Path, table: Table, text: pd.DataFrame, reduced: Reduction | None
) -> pd.DataFrame:
    missing = [column for column in table.required if column not in text.columns]
    if missing:
        raise TracInError(
            f"{path} has no column {listed(missing)}. It needs {listed(list(table.required))}: "
            "run TracIn_Resnet50.py again, or remove the file to continue without it."
        )
    known = {column: kind for column, kind in table.columns.items() if column in text.columns}
    rows = pd.DataFrame({column: typed(text[column], known[column], path) for column in known})
    return rows if reduced is None else reduced(rows)
