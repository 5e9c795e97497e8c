"""Factors and figures of the matrix → the rows of the summary tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tracin.compute.data import ImageTable
from tracin.compute.factors import Factors, cross_entropy
from tracin.compute.influence import MatrixFigures


def influence_summary(
    train: ImageTable, test: ImageTable, factors: Factors, figures: MatrixFigures
) -> pd.DataFrame:
    """A row per test image: its strongest training images, and what the model made of it.

    Args:
        train: the matrix's rows.
        test: the matrix's columns.
        factors: of the test images, for the last checkpoint.
        figures: of the whole matrix.
    """
    train_classes = _class_of(train)
    predicted = factors.logits.argmax(dim=1).cpu().numpy()
    return pd.DataFrame(
        {
            "test_idx": np.arange(len(test)),
            "test_class": _class_of(test),
            "most_helpful_train_idx": figures.highest_row,
            "most_helpful_train_class": train_classes[figures.highest_row],
            "max_positive_influence": figures.highest,
            "most_harmful_train_idx": figures.lowest_row,
            "most_harmful_train_class": train_classes[figures.lowest_row],
            "max_negative_influence": figures.lowest,
            "avg_influence": figures.mean,
            "test_path": test.paths,
            "predicted_class": np.array(test.class_names, dtype=object)[predicted],
            "correct": predicted == test.labels,
            "loss": cross_entropy(factors.logits, factors.labels).cpu().numpy(),
            "positive_share": figures.positive_share,
        }
    )


def train_summary(
    train: ImageTable, factors: Factors, self_influence: Tensor, figures: MatrixFigures
) -> pd.DataFrame:
    """A row per training image: what the model made of it, and its influence on itself and on all.

    Args:
        train: the matrix's rows.
        factors: of the training images, for the last checkpoint.
        self_influence: (n_train,), summed over checkpoints.
        figures: of the whole matrix.
    """
    probabilities = torch.softmax(factors.logits, dim=1)
    predicted = factors.logits.argmax(dim=1).cpu().numpy()
    given = probabilities.gather(1, factors.labels.unsqueeze(1)).squeeze(1)
    return pd.DataFrame(
        {
            "train_idx": np.arange(len(train)),
            "train_path": train.paths,
            "train_class": _class_of(train),
            "predicted_class": np.array(train.class_names, dtype=object)[predicted],
            "probability": given.cpu().numpy(),
            "loss": cross_entropy(factors.logits, factors.labels).cpu().numpy(),
            "self_influence": self_influence.cpu().numpy(),
            "mean_influence": figures.train_mean,
        }
    )


def _class_of(table: ImageTable) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array(table.class_names, dtype=object)[table.labels]
