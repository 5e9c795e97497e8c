"""What a faster precision costs: measured on a sample of the run itself."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from tracin.compute.checkpoint import Checkpoint
from tracin.compute.data import ImageTable, draw_subset
from tracin.compute.factors import Loss, compute_factors
from tracin.compute.features import PassSettings, pooled_features
from tracin.compute.influence import influence_blocks
from tracin.run_info import PrecisionError

TRAIN_SAMPLE = 64
TEST_SAMPLE = 16
TOP = 10


def precision_error(
    checkpoint: Checkpoint,
    train: ImageTable,
    test: ImageTable,
    loss: Loss,
    settings: PassSettings,
) -> PrecisionError:
    """How TracIn's scores in ``settings.precision`` differ from float32's, on images of the run.

    Computes a sample in both precisions: some 160 forward passes.
    """
    sample = draw_subset(train, TRAIN_SAMPLE, seed=0), draw_subset(test, TEST_SAMPLE, seed=0)
    matrices = []
    for precision in ("float32", settings.precision):
        sides = []
        for table in sample:
            chosen = replace(settings, precision=precision, skip_unreadable=True, quiet=True)
            features = pooled_features(checkpoint.backbone, table, chosen)
            labels = torch.from_numpy(table.labels)[features.rows]
            sides.append(compute_factors(checkpoint, features.values, labels, loss))
        matrices.append(torch.cat(list(influence_blocks([sides[0]], [sides[1]], [1.0]))))
    exact, rounded = matrices
    return PrecisionError(
        train_images=exact.shape[0],
        test_images=exact.shape[1],
        rank_correlation=rank_correlation(exact, rounded),
        top_ten_overlap=top_overlap(exact, rounded, TOP),
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
