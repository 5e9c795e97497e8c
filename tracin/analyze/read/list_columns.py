"""What a list of training images says of them beside path and label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracin.errors import TracInError
from tracin.image_list import read_list
from tracin.results.cells import as_it_was
from tracin.results.run_info import RunInfo


@dataclass(frozen=True)
class ListColumns:
    """The other columns of a run's list of training images, as the list is now."""

    value_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Column → path of an image → its cell, "" where that is empty."""
    missing: str = ""
    """Why there are none, a sentence; "" where there are, or the run had no list."""


def read_list_columns(run: RunInfo | None) -> ListColumns:
    """The columns of the list that ``run`` was made from."""
    if run is None or run.layout.train_list is None:
        return ListColumns()
    try:
        table = read_list(run.layout.train_list)
    except TracInError:
        file = Path(run.layout.train_list.file)
        kept = "is not there any more" if not file.exists() else "cannot be read any more"
        return ListColumns(missing=f"Filters by other columns of the list: {file} {kept}.")
    return ListColumns(
        {
            name: {image.path: as_it_was(image.cells[name].strip()) for image in table.images}
            for name in table.other_columns
        }
    )
