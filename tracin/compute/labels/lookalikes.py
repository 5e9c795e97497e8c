"""Which images look alike: the rows of neighbours.csv and duplicates.csv."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from tracin.compute.labels.neighbours import (
    DUPLICATE_GREY_LEVELS,
    MAX_COMPARISONS,
    near_duplicates,
    nearest_of_class,
    pixel_differences,
)
from tracin.images import Crop, ImageTable
from tracin.results import schema

NEIGHBOURS_OF_A_SUSPECT = 3


def neighbours_table(
    table: ImageTable, features: Tensor, suspects: Sequence[int], suggested: Sequence[int]
) -> pd.DataFrame:
    """A row per suspect, class (given or suggested) and rank: the images nearest to it there.

    Args:
        table: the training images.
        features: (n, 2048), their pooled features.
        suspects: (m,) rows of the table.
        suggested: (m,) the class that each suspect may belong to.
    """
    labels = torch.from_numpy(table.labels)
    given = [int(labels[row]) for row in suspects]
    parts = []
    for kind, classes in ((schema.GIVEN, given), (schema.SUGGESTED, suggested)):
        found = nearest_of_class(features, labels, suspects, classes, NEIGHBOURS_OF_A_SUSPECT)
        parts.append(
            pd.DataFrame(
                {
                    "train_path": [table.paths[row] for row in found.image.tolist()],
                    "kind": kind,
                    "rank": found.rank.numpy(),
                    "neighbour_path": [table.paths[row] for row in found.neighbour.tolist()],
                    "similarity": found.similarity.numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def comparable(train: ImageTable, test: ImageTable) -> bool:
    """Whether there are few enough pairs of images to look for duplicates."""
    return len(train) * (len(train) + len(test)) <= MAX_COMPARISONS


def duplicates_table(
    train: ImageTable, train_features: Tensor, test: ImageTable, test_features: Tensor, crop: Crop
) -> pd.DataFrame:
    """A row per pair of images that are nearly identical, by features and by pixels.

    Empty where there are too many pairs to compare them all.
    """
    sides = (
        [
            (schema.TRAIN_TEST, test, near_duplicates(train_features, test_features)),
            (schema.TRAIN_TRAIN, train, near_duplicates(train_features)),
        ]
        if comparable(train, test)
        else []
    )
    parts = [pd.DataFrame({column: [] for column in schema.DUPLICATES_COLUMNS})]
    for kind, other, (left, right, cosines) in sides:
        rows, columns = left.tolist(), right.tolist()
        difference = pixel_differences(train, rows, other, columns, crop)
        pairs = pd.DataFrame(
            {
                "kind": kind,
                "path_a": [train.paths[row] for row in rows],
                "class_a": [train.class_names[train.labels[row]] for row in rows],
                "path_b": [other.paths[row] for row in columns],
                "class_b": [other.class_names[other.labels[row]] for row in columns],
                "similarity": cosines.numpy(),
                "identical_pixels": [value == 0 for value in difference],
            }
        )
        parts.append(pairs[[value <= DUPLICATE_GREY_LEVELS for value in difference]])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
