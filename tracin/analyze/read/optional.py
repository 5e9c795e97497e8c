"""Tables that a results folder may lack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tracin.results import schema


def read_optional(folder: Path, name: str) -> pd.DataFrame | None:
    """The table ``name`` of ``folder``; None where there is no such file.

    Raises:
        TracInError: the table is damaged.
    """
    return schema.read_table(folder, name) if (folder / name).exists() else None


def read_predictions(folder: Path) -> Mapping[str, float]:
    """What the model gave the class that it named for each test image, by the image's path; empty
    without ``predictions.csv``.

    Raises:
        TracInError: the table is damaged.
    """
    return probabilities(read_optional(folder, schema.PREDICTIONS), "test_path")


def probabilities(table: pd.DataFrame | None, path: str) -> Mapping[str, float]:
    """The column ``probability`` of ``table`` by the images' paths, in the column ``path``."""
    if table is None:
        return {}
    return dict(zip(table[path].tolist(), table["probability"].tolist(), strict=True))
