"""What a faster precision costs: measured on a sample of the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.scores.factors import Factors, compute_factors
from tracin.compute.scores.tracin import influence_rows
from tracin.images import ImageTable, draw_subset
from tracin.loss import Loss
from tracin.results.run_info import PrecisionError

SAMPLES = (64, 16)
"""Training and test images that are passed again in float32."""

TOP = 10


def precision_error(
    checkpoint: Checkpoint,
    sides: Sequence[tuple[ImageTable, Tensor]],
    loss: Loss,
    settings: PassSettings,
    store: FeatureStore | None,
) -> PrecisionError:
    """How TracIn's scores in the run's precision differ from float32's, on images of the run.

    Computes a sample in float32: 80 forward passes at most.

    Args:
        checkpoint: the model.
        sides: training and test images, and their features (n, 2048) in the run's precision.
        loss: the model was trained with.
        settings: of the run's passes.
        store: where features are kept.
    """
    quiet = replace(settings, quiet=True, pace=None)
    forward = Forward(checkpoint.backbone, settings.processes.device, "float32")
    exact: list[Factors] = []
    rounded: list[Factors] = []
    for (table, features), size in zip(sides, SAMPLES, strict=True):
        sample = draw_subset(table, size, seed=0)
        rows = torch.from_numpy(np.flatnonzero(np.isin(table.paths, sample.paths)))
        labels = torch.from_numpy(sample.labels)
        passed = pooled_features(forward, sample, quiet, store)
        exact.append(compute_factors(checkpoint, passed.values, labels[passed.rows], loss))
        rounded.append(
            compute_factors(checkpoint, features[rows[passed.rows]], labels[passed.rows], loss)
        )
    one, other = (
        influence_rows([train], [test], [1.0])(0, len(train)) for train, test in (exact, rounded)
    )
    return PrecisionError(
        train_images=one.shape[0],
        test_images=one.shape[1],
        rank_correlation=rank_correlation(one, other),
        top_ten_overlap=top_overlap(one, other, TOP),
    )


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's rank correlation of two matrices' columns, mean over the columns; −1 to 1."""
    ranks = [each.argsort(dim=0).argsort(dim=0).double() for each in (one, other)]
    centred = [rank - rank.mean(dim=0) for rank in ranks]
    norm = centred[0].norm(dim=0) * centred[1].norm(dim=0)
    cosine = (centred[0] * centred[1]).sum(dim=0) / norm
    return float(torch.where(norm > 0, cosine, 1.0).mean())  # of a single row: no difference


def top_overlap(one: Tensor, other: Tensor, k: int) -> float:
    """Share, 0 to 1, of each column's k largest entries that both matrices have in common."""
    k = min(k, len(one))
    marks = []
    for matrix in (one, other):
        mark = torch.zeros_like(matrix, dtype=torch.bool)
        marks.append(mark.scatter(0, matrix.topk(k, dim=0).indices, True))
    return float((marks[0] & marks[1]).double().sum(dim=0).mean() / k)
