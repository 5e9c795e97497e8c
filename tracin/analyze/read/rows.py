"""The summaries in the order of their indices: the matrix's rows, or its columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tracin.errors import TracInError
from tracin.results import schema
from tracin.wording import count


def read_rows(folder: Path, name: str, index: str, n: int) -> pd.DataFrame | None:
    """The table ``name`` beside the matrix in order of its index; None where it is not there.

    Args:
        folder: of the results.
        name: of the file.
        index: its column of row or column numbers.
        n: rows or columns of the matrix.

    Raises:
        TracInError: the table is damaged, or of another size.
    """
    if not (folder / name).exists():
        return None
    table = schema.read_table(folder, name)
    kind = "column" if index == "test_idx" else "row"
    if len(table) != n:
        raise TracInError(
            f"{folder / name} has {count(len(table), 'row')}, but {schema.INFLUENCE_SCORES} has "
            f"{count(n, kind)}: "
            f"they come from different runs. Run TracIn_Resnet50.py again, or remove {name} to "
            "go on without it."
        )
    return _in_order(folder / name, table, index, "remove it to go on without it")


def needed_rows(folder: Path, name: str, index: str) -> pd.DataFrame:
    """The table ``name`` in order of its index, where it stands in for the matrix.

    Args:
        folder: of the results.
        name: of the file.
        index: its column of row or column numbers.

    Raises:
        TracInError: the table is not there, empty or damaged.
    """
    again = "run TracIn_Resnet50.py again"
    if not (folder / name).exists():
        raise TracInError(
            f"{folder / name} is not there. Without {schema.INFLUENCE_SCORES} the analysis needs "
            f"it beside {schema.CLASS_INFLUENCE}: {again}."
        )
    table = schema.read_table(folder, name)
    if table.empty:
        raise TracInError(f"{folder / name} has a header but no rows: {again}.")
    return _in_order(folder / name, table, index, again)


def check_indices(table: pd.DataFrame, column: str, path: Path, of: tuple[str, int]) -> None:
    """Check that each index in ``column`` is a row of another file.

    Args:
        table: its indices are 0 or above.
        column: the name of the column.
        path: of the table.
        of: name of the file that the indices are about, and its number of rows or columns.

    Raises:
        TracInError: one is beyond its end.
    """
    name, n = of
    beyond = table[column][table[column] >= n]
    if len(beyond):
        part = "column" if column == "test_idx" else "row"
        raise TracInError(
            f"{path}, column {column}: {beyond.iloc[0]} is not a {part} of {name}, which has {n}. "
            "They come from different runs: run TracIn_Resnet50.py again."
        )


def _in_order(path: Path, table: pd.DataFrame, index: str, otherwise: str) -> pd.DataFrame:
    n = len(table)
    table = table.sort_values(index, kind="stable", ignore_index=True)
    if not np.array_equal(table[index].to_numpy(), np.arange(n)):
        raise TracInError(
            f"{path}, column {index}: each of 0 … {n - 1} must be there exactly once. Correct "
            f"the file, or {otherwise}."
        )
    return table
