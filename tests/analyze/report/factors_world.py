"""Made factors of a review world's images: what the page's live order and its map are made from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch.nn import functional

from tests.analyze.report.review_world import ReviewWorld
from tracin.compute.features.plane import principal_plane
from tracin.compute.labels.reviewable import suspect_factors
from tracin.compute.scores.factors import Factors
from tracin.compute.tables import map_table
from tracin.images import ImageTable
from tracin.results import schema
from tracin.results.suspect_factors import write_suspect_factors


def make_factors(review: ReviewWorld, checkpoints: int = 2, width: int = 24) -> list[Factors]:
    """Of each checkpoint: images of a class have much in common, as in a network."""
    world, random = review.world, torch.Generator().manual_seed(0)
    labels = torch.from_numpy(world.train_labels)
    n, classes = len(labels), len(world.names)
    centres = torch.randn(classes, width, generator=random)
    made = []
    for _ in range(checkpoints):
        activations = torch.relu(centres[labels] + torch.randn(n, width, generator=random))
        target = functional.one_hot(labels, classes).float()
        logits = 2 * torch.randn(n, classes, generator=random) + 1.5 * target
        errors = logits.softmax(dim=1) - target
        made.append(Factors(activations, logits, errors, labels))
    return made


def table_of(review: ReviewWorld) -> ImageTable:
    """The training images, as their paths stand in the tables now."""
    paths = schema.read_table(review.world.results_dir, schema.TRAIN_SUMMARY)["train_path"]
    world = review.world
    return ImageTable(world.data_dir, "train", tuple(paths), world.train_labels, world.names)


def write_factors(review: ReviewWorld) -> list[Factors]:
    """Write ``suspect_factors.json`` beside the tables; return the factors of all images."""
    factors, table = make_factors(review), table_of(review)
    row_of = {path: row for row, path in enumerate(table.paths)}
    rows = torch.tensor([row_of[path] for path in review.paths])
    write_suspect_factors(review.world.results_dir, suspect_factors(factors, table, rows))
    return factors


def write_map(review: ReviewWorld) -> pd.DataFrame:
    """Write ``map.csv`` beside the tables, test images among the training images; return it."""
    folder = review.world.results_dir
    paths = schema.read_table(folder, schema.INFLUENCE_SUMMARY)["test_path"]
    activations = make_factors(review)[-1].activations
    plane = principal_plane(activations, activations[: len(paths)] + 0.1)
    test = ImageTable(Path(), "test", tuple(paths), review.world.test_labels, review.world.names)
    table = map_table(table_of(review), test, plane)
    schema.write_table(folder, schema.MAP, table)
    return table
