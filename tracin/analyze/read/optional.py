"""Tables that a results folder may lack."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from tracin.results import schema
from tracin.results.table_text import Reduction


def read_optional(folder: Path, name: str, reduced: Reduction | None = None) -> pd.DataFrame | None:
    """The table ``name`` of ``folder``, or what is kept of it; None where there is no such file.

    Raises:
        TracInError: the table is damaged.
    """
    return schema.read_table(folder, name, reduced) if (folder / name).exists() else None


def read_predictions(folder: Path) -> Mapping[str, float]:
    """What the model gave the class that it named for each test image, by the image's path; empty
    without ``predictions.csv``.

    Raises:
        TracInError: the table is damaged.
    """
    return probabilities(read_optional(folder, schema.PREDICTIONS), "test_path")


def probabilities(
    table: pd.DataFrame | None, path: str, wanted: Collection[str] | None = None
) -> Mapping[str, float]:
    """The column ``probability`` of ``table`` by the images' paths, in the column ``path``;
    ``wanted``: of these alone.
    """
    if table is None:
        return {}
    if wanted is not None:
        table = table.loc[table[path].isin(wanted), [path, "probability"]]
    return dict(zip(table[path].tolist(), table["probability"].tolist(), strict=True))
