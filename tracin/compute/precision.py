"""What a faster precision gains and costs: measured on this machine, on images of the run."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.passed import PassedImages
from tracin.compute.scores.factors import Factors, compute_factors
from tracin.compute.scores.tracin import influence_rows
from tracin.images import draw_subset
from tracin.loss import Loss
from tracin.results.run_info import PrecisionError

SAMPLE_SIZES = (64, 16)
"""Training and test images that are passed again in float32: 80 passes are seconds, and 1,024 pairs
tell a rank correlation."""

TOP = 10
"""Training images per test image whose overlap is stated: as many as the tables list by default."""


def precision_error(
    checkpoint: Checkpoint,
    sides: tuple[PassedImages, PassedImages],
    loss: Loss,
    settings: PassSettings,
    store: FeatureStore | None,
) -> PrecisionError:
    """How TracIn's scores in the run's precision differ from float32's, on images of the run.

    Computes a sample in float32: 80 forward passes at most.

    Args:
        checkpoint: the model.
        sides: training and test images with their features in the run's precision.
        loss: the model was trained with.
        settings: of the run's passes.
        store: where features are kept.
    """
    quiet = replace(settings, quiet=True, pace=None)
    normalization = settings.preprocessing.normalization
    forward = Forward(checkpoint.backbone, settings.processes.device, "float32", normalization)
    exact: list[Factors] = []
    rounded: list[Factors] = []
    for side, size in zip(sides, SAMPLE_SIZES, strict=True):
        sample = draw_subset(side.table, size, seed=0)
        rows = torch.from_numpy(np.flatnonzero(np.isin(side.table.paths, sample.paths)))
        labels = torch.from_numpy(sample.labels)
        passed = pooled_features(forward, sample, quiet, store)
        exact.append(compute_factors(checkpoint, passed.values, labels[passed.rows], loss))
        features = side.features[rows[passed.rows]]
        rounded.append(compute_factors(checkpoint, features, labels[passed.rows], loss))
    scores, rounded_scores = (
        influence_rows([train], [test], [1.0])(0, len(train)) for train, test in (exact, rounded)
    )
    return PrecisionError(
        train_images=scores.shape[0],
        test_images=scores.shape[1],
        rank_correlation=rank_correlation(scores, rounded_scores),
        top_ten_overlap=top_overlap(scores, rounded_scores, TOP),
    )


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of two matrices' columns, mean over the columns; −1 to 1."""
    ranks = [matrix.argsort(dim=0).argsort(dim=0).double() for matrix in (first, second)]
    centred = [rank - rank.mean(dim=0) for rank in ranks]
    norm = centred[0].norm(dim=0) * centred[1].norm(dim=0)
    cosine = (centred[0] * centred[1]).sum(dim=0) / norm
    return float(torch.where(norm > 0, cosine, 1.0).mean())  # of a single row: no difference


def top_overlap(first: Tensor, second: Tensor, k: int) -> float:
    """Share, 0 to 1, of each column's k largest entries that both matrices have in common."""
    k = min(k, len(first))
    marks = []
    for matrix in (first, second):
        mark = torch.zeros_like(matrix, dtype=torch.bool)
        marks.append(mark.scatter(0, matrix.topk(k, dim=0).indices, True))
    return float((marks[0] & marks[1]).double().sum(dim=0).mean() / k)


def bfloat16_speed(
    backbone: nn.Module, device: torch.device, shape: tuple[int, int, int, int]
) -> float:
    """Images per second in bfloat16, measured on a batch of blank images of ``shape``."""
    forward = Forward(backbone, device, "bfloat16")
    pixels = torch.zeros(shape, dtype=torch.uint8)
    forward(pixels)  # makes it ready
    start = time.perf_counter()
    forward(pixels)
    return len(pixels) / (time.perf_counter() - start)
