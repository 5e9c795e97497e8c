"""What the page is made from, and the tables that it alone reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.scan import MatrixSummary
from tracin.analyze.words.findings import Words
from tracin.results import schema


@dataclass(frozen=True)
class Source:
    """Everything known about a run."""

    results_dir: Path
    inputs: Inputs
    scores: MatrixSummary
    overall: OverallSummary
    words: Words
    _read: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame | None:
        """The table ``name`` of the results, or None where there is no such file."""
        if not (self.results_dir / name).exists():
            return None
        if name not in self._read:
            self._read[name] = schema.read_table(self.results_dir, name)
        return self._read[name]


def missing(name: str, what: str) -> str:
    """Why a section is empty, and how to get it."""
    return (
        f"{what} stand in {name}, and this results folder has no such file. "
        "Run TracIn_Resnet50.py again with this version, then analyze_results.py."
    )


@dataclass(frozen=True)
class Picture:
    """A picture that the page wants to show."""

    path: str
    """Relative to the data folder."""
    large: bool = False
    """The whole image, to be judged; else a small square from its centre."""


Pictures = Iterator[Picture]
