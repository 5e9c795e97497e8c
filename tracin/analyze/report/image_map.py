"""The map as a section of the page: every image a point, and a lasso to select some."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracin.analyze.figures.image_map import ImageMap
from tracin.analyze.read.scan import Int64Array
from tracin.analyze.report.analysis import Analysis
from tracin.analyze.words.image_map import HEADING, remarks
from tracin.chart_style import MOST_CLASS_COLOURS, class_colours

MOST_CHARACTERS = 4_500_000
"""Of the page: some 90,000 images of the usual names."""
BESIDE_A_NAME = 13
"""Characters that a point takes beside its path."""
FINEST = 2**16 - 1
"""Places are whole numbers from 0 to here: finer than any screen."""


@dataclass(frozen=True)
class MapSection:
    """The points of the page's map."""

    image_map: ImageMap
    total: int
    """Images of the run; fewer are shown where the page would grow too large."""
    heading = HEADING

    @property
    def remarks(self) -> tuple[str, str]:
        """What is drawn, and how far to trust it."""
        return remarks(self.image_map)

    @property
    def characters(self) -> int:
        """That ``data`` takes, about."""
        return int(_sizes(self.image_map.paths).sum())

    @property
    def labels(self) -> dict[int, str]:
        """The classes that have a point, by their index."""
        return {int(at): self.image_map.class_names[at] for at in np.unique(self.image_map.label)}

    def data(self) -> dict[str, object]:
        """What the script needs; numbers as base64 of 16 bits each, little-endian."""
        shown = self.image_map
        downward = shown.places * (1, -1)  # as screens count, so that it is the picture's map
        low, high = downward.min(axis=0), downward.max(axis=0)
        extent = float((high - low).max()) or 1.0
        places = np.rint((downward - low) / extent * FINEST)
        kinds = shown.is_test + 2 * shown.is_suspect + 4 * shown.is_mistake
        names = shown.class_names
        return {
            "paths": shown.paths,
            "names": names,
            "colours": class_colours(len(names)) if len(names) <= MOST_CLASS_COLOURS else None,
            "size": [round(each) for each in (high - low) / extent * FINEST],
            "x": _numbers(places[:, 0]),
            "y": _numbers(places[:, 1]),
            "labels": _numbers(shown.label),
            "kinds": _numbers(kinds),
        }


def _numbers(values: npt.NDArray[np.generic]) -> str:
    return base64.b64encode(values.astype("<u2").tobytes()).decode("ascii")


def _sizes(paths: Sequence[str]) -> Int64Array:
    # As JSON that a page can carry: what is not ASCII takes six characters.
    return np.array([len(json.dumps(path)) + BESIDE_A_NAME for path in paths], dtype=np.int64)


def map_section(analysis: Analysis) -> MapSection | None:
    """The map, all of it or as much as the page can carry; None where no file tells the places."""
    whole = analysis.image_map
    if whole is None:
        return None
    sizes = _sizes(whole.paths)
    if sizes.sum() <= MOST_CHARACTERS:
        return MapSection(whole, len(whole.paths))
    # What is marked comes first; of the rest as many as there is room for, the same each time.
    chance = np.random.default_rng(0).random(len(sizes))
    order = np.argsort(np.where(whole.is_marked, -1, chance), kind="stable")
    fitting = order[np.cumsum(sizes[order]) <= MOST_CHARACTERS]
    return MapSection(whole.take(np.sort(fitting)), len(whole.paths))
