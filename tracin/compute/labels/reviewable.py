"""Factors of the training images → what the page needs to compute suspicion anew. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tracin.compute.labels.label_quality import class_sum, members_factors, unit_factors
from tracin.compute.labels.members import ClassMembers
from tracin.compute.scores.factors import Factors, error_signals, unit_rows, with_bias
from tracin.images import ImageTable
from tracin.machine.held_rows import HeldRows, Int64Array
from tracin.results.suspect_factors import (
    MOST_CHARACTERS,
    CheckpointFactors,
    SuspectFactors,
    encoded,
    size_in_characters,
)


def suspect_factors(
    checkpoints: Sequence[Factors],
    table: ImageTable,
    rows: Tensor,
    held: HeldRows | None = None,
) -> SuspectFactors:
    """Of the suspects ``rows`` (m,), int64; none at all where they would make the page too large.

    Args:
        checkpoints: factors of the training images that this process holds, one per checkpoint.
        table: the training images.
        rows: of the suspects.
        held: which images this process holds; None: all.
    """
    held = held or HeldRows.alone(len(table))
    suspects = rows.cpu().numpy()
    labels = np.unique(table.labels[suspects]).tolist()
    width, classes = checkpoints[0].width, len(table.class_names)
    size = size_in_characters(len(suspects), classes, width, len(labels), len(checkpoints))
    if size > MOST_CHARACTERS:
        suspects, labels = suspects[:0], []
    members = ClassMembers(held, table.labels, labels)
    return SuspectFactors(
        paths=tuple(table.paths[row] for row in suspects.tolist()),
        given=tuple(table.labels[suspects].tolist()),
        class_names=table.class_names,
        width=width,
        labels=tuple(labels),
        counts=tuple(int((table.labels == label).sum()) for label in labels),
        checkpoints=tuple(_of_checkpoint(factors, members, suspects) for factors in checkpoints),
    )


def _of_checkpoint(factors: Factors, members: ClassMembers, rows: Int64Array) -> CheckpointFactors:
    held = members.held
    sums = torch.zeros(len(members.wanted), factors.logits.shape[1], factors.width)
    for group in members.groups():
        for _, part in members_factors(members, group, factors):
            label = members.wanted.index(int(part.labels[0]))
            sums[label] += class_sum(*unit_factors(part)).cpu()
    labels = torch.from_numpy(members.labels[rows]).to(factors.labels.device)
    activations = with_bias(held.bring(factors.activations, rows), bias=factors.bias)
    plain = error_signals(held.bring(factors.logits, rows), labels)
    return CheckpointFactors(
        errors=encoded(plain.cpu().numpy()),
        inputs=encoded(unit_rows(activations).cpu().numpy()),
        class_sums=encoded(held.processes.sum(sums).add_(0.0).numpy()),
    )
