"""What the page is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from tracin.analyze.figures.comparison import Comparison
from tracin.analyze.figures.image_map import ImageMap
from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.list_columns import ListColumns, read_list_columns
from tracin.analyze.read.optional import probabilities, read_optional, read_predictions
from tracin.analyze.read.rows import check_indices
from tracin.analyze.read.scan import MatrixSummary
from tracin.analyze.words.findings import Words
from tracin.results import schema
from tracin.results.suspect_factors import SuspectFactors, read_suspect_factors
from tracin.results.table_text import Reduction


@dataclass(frozen=True)
class PageTables:
    """The files that the page alone shows, each None where there is no such file."""

    suspects: pd.DataFrame | None
    train_summary: pd.DataFrame | None
    neighbours: pd.DataFrame | None
    top_influences: pd.DataFrame | None
    """Of misclassified test images alone."""
    duplicates: pd.DataFrame | None
    suspect_factors: SuspectFactors | None
    label_probabilities: Mapping[str, float]
    """What the model gave each training image's label, by path; empty where no file tells."""
    prediction_probabilities: Mapping[str, float]
    """What it gave the class that it named for each test image, likewise."""
    list_columns: ListColumns = field(default_factory=ListColumns)


def read_page_tables(inputs: Inputs, results_dir: Path) -> PageTables:
    """The tables of a results folder that the page shows.

    Args:
        inputs: what else stands there.
        results_dir: the folder.

    Raises:
        TracInError: a table is damaged, or about other images.
    """
    suspects = read_optional(results_dir, schema.SUSPECTS)
    top = read_optional(results_dir, schema.TOP_INFLUENCES_TABLE, _of_mistakes(inputs))
    if suspects is None or suspects.empty:
        shown = None  # the page shows those that come nearest to looking wrong
    else:
        shown = {*suspects["train_path"], *(() if top is None else top["train_path"])}
    return PageTables(
        suspects=suspects,
        train_summary=inputs.train_table,
        neighbours=read_optional(results_dir, schema.NEIGHBOURS),
        top_influences=top,
        duplicates=read_optional(results_dir, schema.DUPLICATES),
        suspect_factors=read_suspect_factors(results_dir),
        label_probabilities=probabilities(inputs.train_table, "train_path", shown),
        prediction_probabilities=read_predictions(results_dir),
        list_columns=read_list_columns(inputs.run),
    )


def _of_mistakes(inputs: Inputs) -> Reduction:
    """Of the strongest influences what the page shows, those on misclassified test images."""

    def reduced(rows: pd.DataFrame) -> pd.DataFrame:
        path = inputs.scores.with_name(schema.TOP_INFLUENCES_TABLE)
        check_indices(rows, "train_idx", path, (inputs.scores.name, inputs.n_train))
        check_indices(rows, "test_idx", path, (inputs.scores.name, inputs.n_test))
        return rows[rows["test_class"] != rows["predicted_class"]]

    return reduced


@dataclass(frozen=True)
class Analysis:
    """A run, what was found in it, and the tables behind."""

    results_dir: Path
    inputs: Inputs
    scores: MatrixSummary
    overall: OverallSummary
    words: Words
    tables: PageTables
    class_pages: Mapping[str, str]
    """Names of the PNGs beside the page, by class."""
    image_map: ImageMap | None = None
    """None where no file tells where the images stand."""
    comparison: Comparison | None = None
    """With an earlier run, where that was asked for."""


def why_empty(name: str, what: str) -> str:
    """Why a section is empty, and how to get it."""
    return (
        f"{what} would be in {name}, and this results folder has no such file. "
        "Run this version of TracIn_Resnet50.py again, then analyze_results.py."
    )


@dataclass(frozen=True)
class PagePicture:
    """A picture that the page wants to show."""

    path: str
    """Relative to the data folder."""
    label: str
    """The class that it was given; "" where no file tells."""
    is_test: bool = False
    large: bool = False
    """The whole image, to be judged; else a small one, cut square where room is short."""
