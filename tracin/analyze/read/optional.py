"""Tables that a results folder may lack."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tracin.results import schema


def read_optional(folder: Path, name: str) -> pd.DataFrame | None:
    """The table ``name`` of ``folder``; None where there is no such file.

    Raises:
        TracInError: the table is damaged.
    """
    return schema.read_table(folder, name) if (folder / name).exists() else None


def read_probabilities(folder: Path, name: str) -> dict[str, float]:
    """The column ``probability`` of a table by the images' paths; empty without such a file.

    Args:
        folder: of the results.
        name: ``train_summary.csv``, for what the model gave each training image's label, or
            ``predictions.csv``, for what it gave the class that it named for each test image.

    Raises:
        TracInError: the table is damaged.
    """
    table = read_optional(folder, name)
    if table is None:
        return {}
    path = "test_path" if name == schema.PREDICTIONS else "train_path"
    return dict(zip(table[path], table["probability"].astype(float), strict=True))
