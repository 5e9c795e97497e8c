"""Factors of the training images → what the page needs to compute suspicion anew. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tracin.compute.labels.label_quality import class_sum, unit_factors
from tracin.compute.scores.factors import Factors, error_signals
from tracin.images import ImageTable
from tracin.results.suspect_factors import (
    MOST_CHARACTERS,
    CheckpointFactors,
    SuspectFactors,
    encoded,
    size_in_characters,
)


def suspect_factors(
    checkpoints: Sequence[Factors], table: ImageTable, rows: Tensor
) -> SuspectFactors:
    """Of the suspects ``rows`` (m,), int64; none at all where they would make the page too large.

    Args:
        checkpoints: factors of the training images, one entry per checkpoint.
        table: the training images.
        rows: of the suspects.
    """
    given = checkpoints[0].labels
    labels = given[rows].unique().tolist()
    width = checkpoints[0].width
    classes = len(table.class_names)
    size = size_in_characters(len(rows), classes, width, len(labels), len(checkpoints))
    if size > MOST_CHARACTERS:
        rows, labels = rows[:0], []
    return SuspectFactors(
        paths=tuple(table.paths[row] for row in rows.tolist()),
        given=tuple(given[rows].tolist()),
        class_names=table.class_names,
        width=width,
        labels=tuple(labels),
        counts=tuple(int((given == label).sum()) for label in labels),
        checkpoints=tuple(_of_checkpoint(factors, rows, labels) for factors in checkpoints),
    )


def _of_checkpoint(factors: Factors, rows: Tensor, labels: Sequence[int]) -> CheckpointFactors:
    errors, inputs = unit_factors(factors)
    sums = [class_sum(errors, inputs, factors.labels == label) for label in labels]
    plain = error_signals(factors.logits[rows], factors.labels[rows])
    shape = (0, errors.shape[1], inputs.shape[1])
    return CheckpointFactors(
        errors=encoded(plain.cpu().numpy()),
        inputs=encoded(inputs[rows].cpu().numpy()),
        class_sums=encoded((torch.stack(sums) if sums else errors.new_zeros(shape)).cpu().numpy()),
    )
