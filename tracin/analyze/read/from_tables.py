"""The means and extremes of a matrix that was not written, from the tables that its run left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tracin.analyze.read.inputs import Tables
from tracin.analyze.read.rows import check_indices
from tracin.analyze.read.scan import ClassMeans, Float64Array, Int64Array, MatrixSummary
from tracin.results.class_means import open_class_means
from tracin.results.matrix import read_class_means
from tracin.results.schema import CLASS_INFLUENCE_ARRAY, INFLUENCE_SUMMARY, TRAIN_SUMMARY


def scores_from_tables(path: Path, tables: Tables, groups: Sequence[str]) -> MatrixSummary:
    """What ``scan`` finds in the matrix: extremes exactly, means rounded to float32.

    Args:
        path: ``class_influence.csv`` or ``.npy``; the two summaries stand beside it.
        tables: the summaries.
        groups: the classes of the test images, in the order that ``group_mean`` is wanted in.

    Raises:
        TracInError: the file is damaged or does not go with the summaries.
    """
    train, test = tables.train, tables.test
    n_train, summary = len(train), path.with_name(INFLUENCE_SUMMARY)
    return MatrixSummary(
        group_mean=_class_means(path, groups, n_train),
        train_mean=_figures(train, "mean_influence"),
        test_max=_figures(test, "max_positive_influence"),
        test_argmax=_rows(test, "most_helpful_train_idx", summary, n_train),
        test_min=_figures(test, "max_negative_influence"),
        test_argmin=_rows(test, "most_harmful_train_idx", summary, n_train),
        test_mean=_figures(test, "avg_influence"),
    )


def _class_means(path: Path, groups: Sequence[str], n_train: int) -> ClassMeans:
    if path.name == CLASS_INFLUENCE_ARRAY:
        return open_class_means(path, n_train, len(groups))
    return read_class_means(path, groups, n_train).astype(np.float64)


def _figures(table: pd.DataFrame, column: str) -> Float64Array:
    return table[column].to_numpy(np.float64)


def _rows(table: pd.DataFrame, column: str, path: Path, n_train: int) -> Int64Array:
    check_indices(table, column, path, (TRAIN_SUMMARY, n_train))
    return table[column].to_numpy(np.int64)
