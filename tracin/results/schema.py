"""The results folder: its file names and columns, and how its tables are written and read.

Text files are UTF-8 with ``\\n``; floats stand in their shortest form that reads back to the same
float32. Influence is oriented ``(n_train, n_test)``; positive = proponent = the image helped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tracin.errors import TracInError
from tracin.flags import Method
from tracin.wording import listed

# ---- written by TracIn_Resnet50.py ----
INFLUENCE_SCORES = "influence_scores.csv"
INFLUENCE_SUMMARY = "influence_summary.csv"
TRAIN_SUMMARY = "train_summary.csv"
SUSPECTS = "suspects.csv"
TEST_SUSPECTS = "test_suspects.csv"
TOP_INFLUENCES_TABLE = "top_influences.csv"
PREDICTIONS = "predictions.csv"
NEIGHBOURS = "neighbours.csv"
DUPLICATES = "duplicates.csv"
CLASS_INFLUENCE = "class_influence.csv"
"""In place of the matrix: a row per training image, a column per class of the test images, each
cell the mean of the matrix's row over the class's columns. A header of class names, no index."""
RUN_INFO = "run.json"
FEATURES = "features"
"""Folder of the kept features; it serves many runs and is not replaced with them."""
COMPUTE_FILES = (
    INFLUENCE_SCORES,
    CLASS_INFLUENCE,
    INFLUENCE_SUMMARY,
    TRAIN_SUMMARY,
    SUSPECTS,
    TEST_SUSPECTS,
    TOP_INFLUENCES_TABLE,
    PREDICTIONS,
    NEIGHBOURS,
    DUPLICATES,
    RUN_INFO,
)
"""All that a run may leave; ``files_of_run`` says which of them it does."""

SUSPICION_CUT = 0.5
"""An image is listed as a suspect from here on. A gradient at right angles to its class's
(agreement 0) passes with an error of 0.5, one that opposes them (agreement −1) with 0.25; an image
that the model learnt without resistance stays near 0. Set beforehand; docs/quality.md has its
precision and recall, and those of other cuts."""

WEAK_EVIDENCE = 10
"""Where no label looks wrong, so many that come nearest are shown, with their neighbours."""

TEST_SUSPICION_CUT = 0.9
"""The same of test images. Higher, since no training pulled these into line: between the two cuts
about half of the listed images are labelled rightly, only harder (docs/quality.md)."""

TRACIN: Method = "tracin"
GAUSS_NEWTON: Method = "gauss_newton"

PROPONENT = "proponent"
OPPONENT = "opponent"
"""The directions of top_influences.csv: a score above zero, and below."""

GIVEN = "given"
SUGGESTED = "suggested"
"""The kinds of neighbours.csv: of the suspect's given class, and of the suggested one."""

TRAIN_TRAIN = "train-train"
TRAIN_TEST = "train-test"
"""The kinds of duplicates.csv; path_a is a training image in both."""

# ---- written by analyze_results.py ----
DASHBOARD = "analysis_dashboard.png"
CLASS_SUMMARY_SUFFIX = "_summary.png"
TOP_INFLUENCES = "top_influences"
RANK_PREFIX = "rank_"
"""Of the names of the copies there."""
REPORT = "report.html"
EXPLANATIONS = "explanations"
WHAT_IF = "what_if.png"
WHAT_IF_ANSWERS = "what_if_answers.csv"
"""A row for each question of --what_if about the scores that stand there now, the latest last."""
EXPLANATION_FILES = "explanation_files.json"
"""The list of the explanations drawn for the scores that stand there now, and of what --what_if
wrote."""
ANALYSIS_FILES = "analysis_files.json"
"""The list of what the last analysis wrote, so that only that is ever deleted."""

# Columns by type: text is kept as it stands (a class may be called "NA"), indices are row and
# column numbers of the matrix.
_SUMMARY_CORE: dict[str, str] = {
    "test_idx": "int64",
    "test_class": "str",
    "most_helpful_train_idx": "int64",
    "most_helpful_train_class": "str",
    "max_positive_influence": "float32",
    "most_harmful_train_idx": "int64",
    "most_harmful_train_class": "str",
    "max_negative_influence": "float32",
    "avg_influence": "float32",
}
_SUMMARY_MORE: dict[str, str] = {
    "test_path": "str",
    "predicted_class": "str",
    "correct": "bool",
    "loss": "float32",
    "positive_share": "float32",
}
_TRAIN: dict[str, str] = {
    "train_idx": "int64",
    "train_path": "str",
    "train_class": "str",
    "predicted_class": "str",
    "probability": "float32",
    "loss": "float32",
    "self_influence": "float32",
    "mean_influence": "float32",
}
_TRAIN_MORE: dict[str, str] = {
    "suggested_class": "str",
    "suspicion": "float32",
    "label_agreement": "float32",
    "error_norm": "float32",
    "aum": "float32",
    "wrong_label_probability": "float32",
}
_SUSPECTS: dict[str, str] = {
    "rank": "int64",
    "train_path": "str",
    "given_class": "str",
    "suggested_class": "str",
    "suspicion": "float32",
    "label_agreement": "float32",
    "error_norm": "float32",
    "aum": "float32",
    "self_influence": "float32",
}
_SUSPECTS_MORE: dict[str, str] = {
    "wrong_label_probability": "float32",
    "gain": "float32",
}
_TEST_SUSPECTS: dict[str, str] = {
    "rank": "int64",
    "test_path": "str",
    "given_class": "str",
    "suggested_class": "str",
    "suspicion": "float32",
    "label_agreement": "float32",
    "error_norm": "float32",
    "normalized_margin": "float32",
}
_TOP: dict[str, str] = {
    "test_idx": "int64",
    "test_path": "str",
    "test_class": "str",
    "predicted_class": "str",
    "direction": "str",
    "rank": "int64",
    "train_idx": "int64",
    "train_path": "str",
    "train_class": "str",
    "score": "float32",
    "normalized_score": "float32",
    "activation_similarity": "float32",
    "error_similarity": "float32",
}
_PREDICTIONS: dict[str, str] = {
    "test_idx": "int64",
    "test_path": "str",
    "predicted_class": "str",
    "probability": "float32",
}
_NEIGHBOURS: dict[str, str] = {
    "train_path": "str",
    "kind": "str",
    "rank": "int64",
    "neighbour_path": "str",
    "similarity": "float32",
}
_DUPLICATES: dict[str, str] = {
    "kind": "str",
    "path_a": "str",
    "class_a": "str",
    "path_b": "str",
    "class_b": "str",
    "similarity": "float32",
    "identical_pixels": "bool",
}
_ANSWERS: dict[str, str] = {
    "asked": "str",
    "actions": "str",
    "deleted": "int64",
    "relabelled": "int64",
    "accuracy_random": "float32",
    "accuracy_changed": "float32",
    "difference": "float32",
    "low": "float32",
    "high": "float32",
    "verdict": "str",
}
"""Accuracies from 0 to 1, with as many images removed at random and with the change; their
difference and its 95 % interval in percentage points. ``asked`` is UTC; no ``actions``: the most
suspicious were left out."""
INFLUENCE_SUMMARY_CORE = tuple(_SUMMARY_CORE)
SUSPECTS_COLUMNS = tuple(_SUSPECTS | _SUSPECTS_MORE)
TOP_INFLUENCES_COLUMNS = tuple(_TOP)
DUPLICATES_COLUMNS = tuple(_DUPLICATES)


@dataclass(frozen=True)
class _Table:
    """What a CSV file must hold (required) and may hold (optional): column name → dtype."""

    required: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        return self.required | self.optional


_TABLES = {
    INFLUENCE_SUMMARY: _Table(_SUMMARY_CORE, _SUMMARY_MORE),
    TRAIN_SUMMARY: _Table(_TRAIN, _TRAIN_MORE),
    SUSPECTS: _Table(_SUSPECTS, _SUSPECTS_MORE),
    TEST_SUSPECTS: _Table(_TEST_SUSPECTS),
    TOP_INFLUENCES_TABLE: _Table(_TOP),
    PREDICTIONS: _Table(_PREDICTIONS),
    NEIGHBOURS: _Table(_NEIGHBOURS),
    DUPLICATES: _Table(_DUPLICATES),
    WHAT_IF_ANSWERS: _Table(_ANSWERS),
}


def files_of_run(matrix: bool) -> tuple[str, ...]:
    """Names of the files that a run leaves: the matrix, or the class means in its place."""
    absent = CLASS_INFLUENCE if matrix else INFLUENCE_SCORES
    return tuple(name for name in COMPUTE_FILES if name != absent)


def write_table(
    folder: Path, name: str, frame: pd.DataFrame, *, file_name: str | None = None
) -> Path:
    """Write the CSV file ``name`` into ``folder``, columns in the schema's order; return its path.

    Args:
        folder: gets the file.
        name: of the table.
        frame: its rows.
        file_name: a temporary name, to be renamed by the caller; None: ``name``.

    Raises:
        ValueError: a column of the schema is missing from ``frame``, or one is not in it.
    """
    columns = _TABLES[name].columns
    if set(frame.columns) != set(columns):
        raise ValueError(f"{name} has columns {list(columns)}, not {list(frame.columns)}")
    path = folder / (file_name or name)
    ordered = frame[list(columns)].astype(columns)
    ordered.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return path


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """The CSV file ``name`` of ``folder`` with the schema's dtypes; optional columns may be absent.

    Raises:
        TracInError: a required column is missing, or a value is not of its column's type.
    """
    path, table = folder / name, _TABLES[name]
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TracInError(
            f"{path} is not a readable CSV file ({error}). Run TracIn_Resnet50.py again."
        ) from error
    missing = [column for column in table.required if column not in text.columns]
    if missing:
        raise TracInError(
            f"{path} has no column {listed(missing)}. It needs {listed(list(table.required))}: "
            "run TracIn_Resnet50.py again, or remove the file to continue without it."
        )
    known = {name: dtype for name, dtype in table.columns.items() if name in text.columns}
    return pd.DataFrame({column: _typed(text[column], known[column], path) for column in known})


def _typed(column: Any, dtype: str, path: Path) -> Any:
    if dtype == "str":
        return column
    try:
        if dtype == "bool":
            return column.map({"True": True, "False": False}).astype("boolean").astype("bool")
        return column.astype(dtype)
    except ValueError as error:
        raise TracInError(
            f"{path}, column {column.name}: {error}. Correct the file, or run TracIn_Resnet50.py "
            "again."
        ) from error
