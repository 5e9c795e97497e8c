"""The results folder: its file names and columns, and how its tables are written and read.

Text files are UTF-8 with ``\\n``; floats stand in their shortest form that reads back to the same
float32. Influence is oriented ``(n_train, n_test)``; positive = proponent = the image helped.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tracin.flags import Method
from tracin.image_folder import TEST, TRAIN
from tracin.results.cells import write_csv
from tracin.results.columns import (
    COSINE,
    FLAG,
    INDEX,
    NOT_NEGATIVE,
    NUMBER,
    RANK,
    SHARE,
    TEXT,
    TEXT_OR_NOTHING,
    Column,
    Table,
)
from tracin.results.table_text import Reduction, read_columns

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
SUSPECT_FACTORS = "suspect_factors.json"
MAP = "map.csv"
"""Where each image stands in the plane of the model's features."""
CLASS_INFLUENCE = "class_influence.csv"
"""In place of the matrix: a row per training image, a column per class of the test images, each
cell the mean of the matrix's row over the class's columns. A header of class names, no index."""
CLASS_INFLUENCE_ARRAY = "class_influence.npy"
"""In place of that where it would be large (results/class_means.py): the same numbers in float32,
row by row, the classes in the order of run.json."""
RUN_INFO = "run.json"
IMAGES = "images"
"""Folder of the lists of a run from Python, and of pictures of images that have no file."""
FEATURES = "features"
"""Folder of the kept features; it serves many runs and is not replaced with them."""
COMPUTE_FILES = (
    INFLUENCE_SCORES,
    CLASS_INFLUENCE,
    CLASS_INFLUENCE_ARRAY,
    INFLUENCE_SUMMARY,
    TRAIN_SUMMARY,
    SUSPECTS,
    TEST_SUSPECTS,
    TOP_INFLUENCES_TABLE,
    PREDICTIONS,
    NEIGHBOURS,
    DUPLICATES,
    SUSPECT_FACTORS,
    MAP,
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
MAP_PICTURE = "map.png"
CLASS_SUMMARY_SUFFIX = "_summary.png"
TOP_INFLUENCES = "top_influences"
RANK_PREFIX = "rank_"
"""Of the names of the copies there."""
REPORT = "report.html"
ANALYSIS = "analysis.json"
EXPORTS = "exports"
FIFTYONE_LABELS = f"{EXPORTS}/fiftyone/labels.json"
LABEL_STUDIO_TASKS = f"{EXPORTS}/label_studio/tasks.json"
LABEL_STUDIO_CONFIG = f"{EXPORTS}/label_studio/config.xml"
EXPLANATIONS = "explanations"
WHAT_IF = "what_if.png"
WHAT_IF_ANSWERS = "what_if_answers.csv"
"""A row for each question of --what_if, the latest last. Goes with its scores, unless edited."""
EXPLANATION_FILES = "explanation_files.json"
"""The list of the explanations drawn for the scores that stand there now, and of what --what_if
wrote."""
ANALYSIS_FILES = "analysis_files.json"
"""The list of what the last analysis wrote, so that only that is ever deleted."""

_SUMMARY_CORE: dict[str, Column] = {
    "test_idx": INDEX,
    "test_class": TEXT,
    "most_helpful_train_idx": INDEX,
    "most_helpful_train_class": TEXT,
    "max_positive_influence": NUMBER,
    "most_harmful_train_idx": INDEX,
    "most_harmful_train_class": TEXT,
    "max_negative_influence": NUMBER,
    "avg_influence": NUMBER,
}
_SUMMARY_MORE: dict[str, Column] = {
    "test_path": TEXT,
    "predicted_class": TEXT,
    "correct": FLAG,
    "loss": NOT_NEGATIVE,
    "positive_share": SHARE,
}
_TRAIN: dict[str, Column] = {
    "train_idx": INDEX,
    "train_path": TEXT,
    "train_class": TEXT,
    "predicted_class": TEXT,
    "probability": SHARE,
    "loss": NOT_NEGATIVE,
    "self_influence": NOT_NEGATIVE,
    "mean_influence": NUMBER,
}
_TRAIN_MORE: dict[str, Column] = {
    "suggested_class": TEXT,
    "suspicion": NOT_NEGATIVE,
    "label_agreement": COSINE,
    "error_norm": NOT_NEGATIVE,
    "aum": NUMBER,
    "wrong_label_probability": SHARE,
}
_SUSPECTS: dict[str, Column] = {
    "rank": RANK,
    "train_path": TEXT,
    "given_class": TEXT,
    "suggested_class": TEXT,
    "suspicion": NOT_NEGATIVE,
    "label_agreement": COSINE,
    "error_norm": NOT_NEGATIVE,
    "aum": NUMBER,
    "self_influence": NOT_NEGATIVE,
}
_SUSPECTS_MORE: dict[str, Column] = {
    "wrong_label_probability": SHARE,
    "gain": NUMBER,
}
_TEST_SUSPECTS: dict[str, Column] = {
    "rank": RANK,
    "test_path": TEXT,
    "given_class": TEXT,
    "suggested_class": TEXT,
    "suspicion": NOT_NEGATIVE,
    "label_agreement": COSINE,
    "error_norm": NOT_NEGATIVE,
    "normalized_margin": SHARE,
}
_TOP: dict[str, Column] = {
    "test_idx": INDEX,
    "test_path": TEXT,
    "test_class": TEXT,
    "predicted_class": TEXT,
    "direction": Column("str", choices=(PROPONENT, OPPONENT)),
    "rank": RANK,
    "train_idx": INDEX,
    "train_path": TEXT,
    "train_class": TEXT,
    "score": NUMBER,
    "normalized_score": NUMBER,
    "activation_similarity": COSINE,
    "error_similarity": COSINE,
}
_PREDICTIONS: dict[str, Column] = {
    "test_idx": INDEX,
    "test_path": TEXT,
    "predicted_class": TEXT,
    "probability": SHARE,
}
_NEIGHBOURS: dict[str, Column] = {
    "train_path": TEXT,
    "kind": Column("str", choices=(GIVEN, SUGGESTED)),
    "rank": RANK,
    "neighbour_path": TEXT,
    "similarity": COSINE,
}
_DUPLICATES: dict[str, Column] = {
    "kind": Column("str", choices=(TRAIN_TRAIN, TRAIN_TEST)),
    "path_a": TEXT,
    "class_a": TEXT,
    "path_b": TEXT,
    "class_b": TEXT,
    "similarity": COSINE,
    "identical_pixels": FLAG,
}
_MAP: dict[str, Column] = {
    "split": Column("str", choices=(TRAIN, TEST)),
    "path": TEXT,
    "x": NUMBER,
    "y": NUMBER,
}
_ANSWERS: dict[str, Column] = {
    "asked": TEXT,
    "actions": TEXT_OR_NOTHING,
    "deleted": INDEX,
    "relabelled": INDEX,
    "accuracy_random": SHARE,
    "accuracy_changed": SHARE,
    "difference": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "verdict": TEXT,
}
_ANSWERS_MORE = {"run_id": TEXT_OR_NOTHING, "test_deleted": INDEX, "test_relabelled": INDEX}
"""Accuracies from 0 to 1, with as many images removed at random and with the change; their
difference and its 95 % interval in percentage points. ``asked`` is UTC, ``run_id`` that of the run;
no ``actions``: the most suspicious were left out."""
INFLUENCE_SUMMARY_CORE = tuple(_SUMMARY_CORE)
SUSPECTS_COLUMNS = tuple(_SUSPECTS | _SUSPECTS_MORE)
TOP_INFLUENCES_COLUMNS = tuple(_TOP)
DUPLICATES_COLUMNS = tuple(_DUPLICATES)


_TABLES = {
    INFLUENCE_SUMMARY: Table(_SUMMARY_CORE, _SUMMARY_MORE),
    TRAIN_SUMMARY: Table(_TRAIN, _TRAIN_MORE),
    SUSPECTS: Table(_SUSPECTS, _SUSPECTS_MORE),
    TEST_SUSPECTS: Table(_TEST_SUSPECTS),
    TOP_INFLUENCES_TABLE: Table(_TOP),
    PREDICTIONS: Table(_PREDICTIONS),
    NEIGHBOURS: Table(_NEIGHBOURS),
    DUPLICATES: Table(_DUPLICATES),
    MAP: Table(_MAP),
    WHAT_IF_ANSWERS: Table(_ANSWERS, _ANSWERS_MORE),
}


def files_of_run(matrix: bool, *, class_means: str = CLASS_INFLUENCE) -> tuple[str, ...]:
    """Names of the files that a run leaves: the matrix, or ``class_means`` in its place."""
    scores = {INFLUENCE_SCORES, CLASS_INFLUENCE, CLASS_INFLUENCE_ARRAY}
    absent = scores - {INFLUENCE_SCORES if matrix else class_means}
    return tuple(name for name in COMPUTE_FILES if name not in absent)


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
    ordered = frame[list(columns)].astype({key: each.dtype for key, each in columns.items()})
    write_csv(ordered, path)
    return path


def read_table(folder: Path, name: str, reduced: Reduction | None = None) -> pd.DataFrame:
    """The CSV file ``name`` of ``folder`` with the schema's dtypes; optional columns may be absent.

    Args:
        folder: of the results.
        name: of the table.
        reduced: what is kept of each block of rows, whose index numbers them; None: all.

    Raises:
        TracInError: the file cannot be read, a required column is missing, or a cell is not what
            its column must hold: the message names file, row and column.
    """
    return read_columns(folder / name, _TABLES[name], reduced)
