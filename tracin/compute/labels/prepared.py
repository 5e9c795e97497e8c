"""What ``tracin.prepare`` found out about a data folder: pictures that look alike."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tracin.image_folder import NEAR_COLUMNS, NEAR_TABLE, SPLIT_COLUMNS, SPLIT_TABLE
from tracin.places import check_regular

PathPair = tuple[str, str]


def prepared_pairs(data_dir: Path) -> list[PathPair]:
    """Pairs of pictures, paths relative to ``data_dir``, that look alike without being equal.

    Empty where the folder was not prepared: a table of another form is somebody else's.
    """
    pairs = _read(data_dir / NEAR_TABLE, NEAR_COLUMNS)
    split = _read(data_dir / SPLIT_TABLE, SPLIT_COLUMNS)
    if pairs is None or split is None:
        return []
    path_of = dict(zip(split["source"], split["path"], strict=True))
    found = [
        (path_of.get(first, ""), path_of.get(second, ""))
        for first, second in zip(pairs["source"], pairs["other_source"], strict=True)
    ]
    return [pair for pair in found if all(pair)]


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame | None:
    try:
        check_regular(path)
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError):  # pandas' own errors are of the second kind
        return None
    return table.fillna("") if set(columns) <= set(table.columns) else None  # short rows
