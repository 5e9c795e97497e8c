"""Lists of suspects → the rows of the summaries that they name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tracin.errors import TracInError
from tracin.results import schema


def listed_suspects(
    folder: Path, listing: tuple[str, str], summary_name: str, summary: pd.DataFrame
) -> tuple[tuple[int, str], ...]:
    """(row of the summary, suggested class) of the images in a list of suspects, in its order.

    Args:
        folder: of the results.
        listing: name of the list, and its column of paths, which the summary has too.
        summary_name: of the summary.
        summary: in order of its indices.

    Raises:
        TracInError: the list is damaged, or names an image that the summary does not have.
    """
    name, path_column = listing
    suspects = schema.read_table(folder, name).sort_values("rank", kind="stable")
    found = summary[path_column][summary[path_column].isin(suspects[path_column])]
    row_of = dict(zip(found.tolist(), found.index.tolist(), strict=True))
    if unknown := [path for path in suspects[path_column] if path not in row_of]:
        raise TracInError(
            f"{folder / name} names {unknown[0]}, which is not in {summary_name}: they come from "
            f"different runs. Run TracIn_Resnet50.py again, or remove {name} to go on without it."
        )
    pairs = zip(suspects[path_column], suspects["suggested_class"], strict=True)
    return tuple((row_of[path], str(suggested)) for path, suggested in pairs)
