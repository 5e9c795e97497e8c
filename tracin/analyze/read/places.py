"""Where each image stands on the map: ``map.csv``, with the paths that are in memory already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.optional import read_optional
from tracin.results.schema import MAP


def read_places(inputs: Inputs, folder: Path) -> pd.DataFrame | None:
    """The table of places in ``folder``; None where there is none.

    Args:
        inputs: what is known about the images: their paths are not kept twice.
        folder: of the results.

    Raises:
        TracInError: the table is damaged.
    """
    known = np.array([*(inputs.train.paths or ()), *(inputs.test.paths or ())], dtype=object)

    def sharing(rows: pd.DataFrame) -> pd.DataFrame:
        own = known[rows.index[0] : rows.index[-1] + 1] if len(rows) else known[:0]
        if len(own) != len(rows) or (own != rows["path"].to_numpy(object)).any():
            return rows
        return rows.assign(path=pd.Series(own, index=rows.index, dtype="str"))

    return read_optional(folder, MAP, sharing)
