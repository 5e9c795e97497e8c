"""Factors → which labels look wrong, and what they might be.

The evidence is the plain cross-entropy gradient of the last layer, ``g = d ⊗ [a; 1]`` with
``d = softmax(z) − onehot(given)``, whatever loss the model was trained with: a smoothed error
inside the cosine ruins the score (reported with the specification; not measured again here).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.scores.factors import Factors, error_signals, unit_rows
from tracin.model_check import ModelCheck
from tracin.results.schema import SUSPICION_CUT


@dataclass(frozen=True)
class LabelQuality:
    """Evidence about n given labels; float32 but ``suggested``."""

    suspicion: Tensor
    """(n,), 0 to 2√2, higher is worse: (1 − agreement) · error norm."""
    agreement: Tensor
    """(n,), −1 to 1: mean cosine to the gradients of the other images with the same given label,
    averaged over checkpoints; 0 where there is no other."""
    error_norm: Tensor
    """(n,), 0 to √2: ‖softmax(z) − onehot(given)‖, averaged over checkpoints."""
    margin: Tensor
    """(n,), in logits, lower is worse: given class against the best other, averaged over
    checkpoints (area under the margin, AUM; Pleiss et al. 2020). 0 where there is one class."""
    suggested: Tensor
    """(n,), int64: the class, other than the given one, that fits best; the given one where there
    is no other class."""


@dataclass(frozen=True)
class JudgedLabels:
    """The evidence about all labels, and which of them look wrong."""

    quality: LabelQuality
    suspects: Tensor
    """(m,), int64: images to list, most suspicious first."""
    check: ModelCheck | None = None
    """Of the model whose opinion this is."""

    @property
    def suggested(self) -> Tensor:
        """(m,), int64: the class that fits each suspect best."""
        return self.quality.suggested[self.suspects]


def judge_labels(
    checkpoints: Sequence[Factors], max_suspects: int, check: ModelCheck | None = None
) -> JudgedLabels:
    """The given labels of the training images, judged; ``max_suspects`` are listed at most.

    Args:
        checkpoints: factors of the training images, one entry per checkpoint.
        max_suspects: 0 or more.
        check: of the model; one that cannot judge suspects nothing. None: not checked.
    """
    quality = label_quality(checkpoints)
    at_most = max_suspects if check is None or check.can_judge else 0
    return JudgedLabels(quality, suspects(quality, at_most), check)


def label_quality(checkpoints: Sequence[Factors]) -> LabelQuality:
    """Evidence about the given labels of the training images.

    Since the cosine of two outer products is the product of the factors' cosines, the mean cosine
    to a whole class costs one (C, d + 1) sum per class: O(n), no (n, n) matrix.

    Args:
        checkpoints: factors of the training images, one entry per checkpoint.
    """
    agreement = _mean_over(checkpoints, _agreement)
    error_norm = _mean_over(checkpoints, lambda factors: _plain_errors(factors).norm(dim=1))
    return LabelQuality(
        suspicion=(1.0 - agreement) * error_norm,
        agreement=agreement,
        error_norm=error_norm,
        margin=_mean_over(checkpoints, _margin),
        suggested=suggest_by_centroid(checkpoints),
    )


def _mean_over(checkpoints: Sequence[Factors], figure: Callable[[Factors], Tensor]) -> Tensor:
    """``figure`` (n,) of each checkpoint's factors, averaged."""
    total = torch.zeros_like(checkpoints[0].logits[:, 0])
    for factors in checkpoints:
        total += figure(factors)
    return total / len(checkpoints)


def _plain_errors(factors: Factors) -> Tensor:
    return error_signals(factors.logits, factors.labels)


def _agreement(factors: Factors) -> Tensor:
    """Mean cosine (n,) of each gradient to those of the other images with the same given label."""
    errors = unit_rows(_plain_errors(factors))  # (n, C)
    ones = torch.ones_like(factors.activations[:, :1])
    inputs = unit_rows(torch.cat([factors.activations, ones], dim=1))  # (n, d+1)
    itself = errors.square().sum(dim=1)  # 1, or 0 for a zero gradient
    agreement = torch.zeros_like(itself)
    for label in factors.labels.unique():
        members = (factors.labels == label).nonzero().squeeze(1)
        if len(members) > 1:
            own, into = errors[members], inputs[members]
            total = own.T @ into  # (C, d+1): the sum of the class's unit gradients
            cosines = ((own @ total) * into).sum(dim=1) - itself[members]
            agreement[members] = cosines / (len(members) - 1)
    return agreement


def _margin(factors: Factors) -> Tensor:
    given = factors.labels.unsqueeze(1)
    if factors.logits.shape[1] == 1:
        return torch.zeros_like(factors.logits[:, 0])
    others = factors.logits.scatter(1, given, -torch.inf)
    return factors.logits.gather(1, given).squeeze(1) - others.amax(dim=1)


def suggest_by_prediction(checkpoints: Sequence[Factors]) -> Tensor:
    """(n,), int64: the most probable class but the given one, probabilities averaged.

    The alternative to ``suggest_by_centroid``; benchmarks/quality.py measures both.
    """
    labels = checkpoints[0].labels.unsqueeze(1)
    total = torch.zeros_like(checkpoints[0].logits)
    for factors in checkpoints:
        total += functional.softmax(factors.logits, dim=1)
    return total.scatter(1, labels, -1.0).argmax(dim=1)


def suggest_by_centroid(checkpoints: Sequence[Factors]) -> Tensor:
    """(n,), int64: the class, but the given one, whose mean unit activation is nearest.

    The given one where no other class has an image.

    Named the true class of 97.7 % of planted wrong labels, the averaged prediction of 96.3 %.
    """
    labels, classes = checkpoints[0].labels, checkpoints[0].logits.shape[1]
    total = torch.zeros_like(checkpoints[0].logits)
    for factors in checkpoints:
        unit = functional.normalize(factors.activations, dim=1)
        sums = torch.zeros(classes, unit.shape[1], device=unit.device).index_add_(0, labels, unit)
        total += unit @ functional.normalize(sums, dim=1).T
    total[:, torch.bincount(labels, minlength=classes) == 0] = -torch.inf  # no image, no centroid
    total.scatter_(1, labels.unsqueeze(1), -torch.inf)
    best = total.max(dim=1)
    return torch.where(best.values > -torch.inf, best.indices, labels)


def suspects(quality: LabelQuality, at_most: int) -> Tensor:
    """(m,), int64: the images whose suspicion passes the cut, most suspicious first.

    Ties stand in order of index.
    """
    order = torch.argsort(quality.suspicion, descending=True, stable=True)
    passing = order[quality.suspicion[order] >= SUSPICION_CUT]
    return passing[:at_most]
