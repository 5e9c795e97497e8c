"""Factors of both sides → the labels that look wrong, of training and of test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tracin.compute.labels.gain import label_gain
from tracin.compute.labels.label_quality import LabelQuality, label_quality, suspects
from tracin.compute.scores.factors import Factors
from tracin.machine.held_rows import HeldRows
from tracin.model_check import ModelCheck
from tracin.results.schema import TEST_SUSPICION_CUT, WEAK_EVIDENCE


@dataclass(frozen=True)
class JudgedLabels:
    """The evidence about all labels, and which of them look wrong."""

    quality: LabelQuality
    """Of the training images."""
    suspects: Tensor
    """(m,), int64: training images to list, most suspicious first."""
    gain: Tensor
    """(m,), float64: what relabelling each suspect as suggested is predicted to take off the mean
    test loss, in nats; positive = helps."""
    test_quality: LabelQuality
    """Of the test images, against the training images of their given class."""
    test_suspects: Tensor
    """(t,), int64: test images to list, most suspicious first."""
    check: ModelCheck
    """Of the model whose opinion this is."""

    @property
    def looked_at(self) -> Tensor:
        """(≤ m or 10,), int64: the suspects; where there are none, those that come nearest."""
        if len(self.suspects) or not self.check.can_judge:
            return self.suspects
        order = torch.argsort(self.quality.suspicion, descending=True, stable=True)
        return order[:WEAK_EVIDENCE]


def judge_labels(
    train: Sequence[Factors],
    test: Sequence[Factors],
    check: ModelCheck,
    *,
    max_suspects: int,
    damping: float,
    held: HeldRows | None = None,
) -> JudgedLabels:
    """The given labels, judged. A model that cannot judge suspects none.

    Args:
        train: factors of the training images that this process holds, one entry per checkpoint.
        test: of the test images, likewise.
        check: of the model.
        max_suspects: listed at most, of training and of test images.
        damping: of the gain, as of Gauss-Newton.
        held: which training images this process holds; None: all.
    """
    held = held or HeldRows.alone(len(train[0]))
    quality, test_quality = label_quality(train, held=held), label_quality(test, train, held)
    at_most = max_suspects if check.can_judge else 0
    found = held.processes.of_first(suspects(quality, at_most))
    suggested = quality.suggested[found]
    return JudgedLabels(
        quality=quality,
        suspects=found,
        gain=label_gain(train[-1], test[-1], found, suggested, damping, held),
        test_quality=test_quality,
        test_suspects=suspects(test_quality, at_most, TEST_SUSPICION_CUT),
        check=check,
    )
