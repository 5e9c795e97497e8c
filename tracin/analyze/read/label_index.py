"""Labels of many images → which rows carry which: found once, not once a class. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracin.analyze.read.scan import Int64Array


@dataclass(frozen=True)
class LabelIndex:
    """The labels of n images."""

    names: tuple[str, ...]
    """Those that an image carries, in order of name."""
    of: Int64Array
    """(n,) index into ``names``; −1 where an image's label is not known."""
    counts: Int64Array
    """(labels,): images of each."""
    order: Int64Array
    """The rows of known label, label after label, each in order."""

    def rows(self, name: str) -> Int64Array:
        """The rows that carry ``name``, in order; none where no image does."""
        if name not in self._position:
            return np.empty(0, np.int64)
        position = self._position[name]
        stop = int(self.counts[: position + 1].sum())
        return self.order[stop - int(self.counts[position]) : stop]

    @property
    def _position(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}


def index_labels(labels: Sequence[str | None]) -> LabelIndex:
    """The index of ``labels``, one an image, None where it is not known."""
    codes, found = pd.factorize(np.array(labels, dtype=object))
    names = sorted(found)
    position = {name: place for place, name in enumerate(names)}
    renumbered = np.array([*(position[name] for name in found), -1], dtype=np.int64)
    of = renumbered[codes]  # −1, the last, stays −1
    order = np.argsort(of, kind="stable")
    return LabelIndex(
        tuple(names), of, np.bincount(of[of >= 0], minlength=len(names)), order[(of < 0).sum() :]
    )
