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
from tracin.results.schema import SUSPICION_CUT

PROBABILITY_SLOPE, PROBABILITY_CENTRE = 9.0, 0.51
"""Of the curve from a suspicion to the probability that the label is wrong."""


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
    normalized_margin: Tensor
    """(n,), 0 to 1, lower is worse: (probability of the given class − that of the best other + 1)
    / 2, averaged over checkpoints, as cleanlab's score of that name."""
    suggested: Tensor
    """(n,), int64: the class, other than the given one, that fits best; the given one where there
    is no other class."""


def label_quality(
    checkpoints: Sequence[Factors], reference: Sequence[Factors] | None = None
) -> LabelQuality:
    """Evidence about the given labels of images.

    Since the cosine of two outer products is the product of the factors' cosines, the mean cosine
    to a whole class costs one (C, d + 1) sum per class: O(n), no (n, n) matrix.

    Args:
        checkpoints: factors of the images, one entry per checkpoint.
        reference: of the training images that they are compared with; None: with each other.
    """
    others = checkpoints if reference is None else reference
    agreements = [
        _agreement(factors, factors if reference is None else other)
        for factors, other in zip(checkpoints, others, strict=True)
    ]
    agreement = torch.stack(agreements).mean(dim=0)
    error_norm = _mean_over(checkpoints, lambda factors: _plain_errors(factors).norm(dim=1))
    return LabelQuality(
        suspicion=(1.0 - agreement) * error_norm,
        agreement=agreement,
        error_norm=error_norm,
        margin=_mean_over(checkpoints, _margin),
        normalized_margin=_mean_over(checkpoints, _normalized_margin),
        suggested=suggest_by_centroid(checkpoints, others),
    )


def wrong_label_probability(suspicion: Tensor) -> Tensor:
    """How probable it is, 0 to 1, that the label of a training image is wrong.

    A logistic curve that was fitted to planted errors in networks whose share of wrong labels was
    known; docs/quality.md says how far to trust it.
    """
    return torch.sigmoid(PROBABILITY_SLOPE * (suspicion - PROBABILITY_CENTRE))


def _mean_over(checkpoints: Sequence[Factors], figure: Callable[[Factors], Tensor]) -> Tensor:
    """``figure`` (n,) of each checkpoint's factors, averaged."""
    return torch.stack([figure(factors) for factors in checkpoints]).mean(dim=0)


def _plain_errors(factors: Factors) -> Tensor:
    return error_signals(factors.logits, factors.labels)


def _agreement(factors: Factors, reference: Factors) -> Tensor:
    """Mean cosine (n,) of each gradient to those of ``reference`` with the same given label.

    Where ``reference`` is ``factors`` itself: of the others. 0 where there are none.
    """
    itself = reference is factors
    errors, inputs = unit_factors(factors)
    others = (errors, inputs) if itself else unit_factors(reference)
    own = errors.square().sum(dim=1) if itself else torch.zeros_like(errors[:, 0])  # 1, 0 if zero
    agreement = torch.zeros_like(own)
    for label in factors.labels.unique():
        asking = (factors.labels == label).nonzero().squeeze(1)
        members = (reference.labels == label).nonzero().squeeze(1)
        count = len(members) - int(itself)
        if count > 0:
            total = class_sum(*others, members)
            cosines = ((errors[asking] @ total) * inputs[asking]).sum(dim=1) - own[asking]
            agreement[asking] = cosines / count
    return agreement


def unit_factors(factors: Factors) -> tuple[Tensor, Tensor]:
    """Error signals (n, C) and inputs [a; 1] (n, d + 1) at length 1, or 0."""
    return unit_rows(_plain_errors(factors)), unit_rows(factors.inputs)


def class_sum(errors: Tensor, inputs: Tensor, members: Tensor) -> Tensor:
    """(C, d + 1): the sum of the unit gradients of ``members``, rows or a mask of them.

    Args:
        errors: (n, C), as of ``unit_factors``.
        inputs: (n, d + 1), likewise.
        members: of the class.
    """
    return errors[members].T @ inputs[members]


def _margin(factors: Factors) -> Tensor:
    given = factors.labels.unsqueeze(1)
    if factors.logits.shape[1] == 1:
        return torch.zeros_like(factors.logits[:, 0])
    others = factors.logits.scatter(1, given, -torch.inf)
    return factors.logits.gather(1, given).squeeze(1) - others.amax(dim=1)


def _normalized_margin(factors: Factors) -> Tensor:
    probabilities, given = functional.softmax(factors.logits, dim=1), factors.labels.unsqueeze(1)
    others = probabilities.scatter(1, given, 0.0)
    return (probabilities.gather(1, given).squeeze(1) - others.amax(dim=1) + 1.0) / 2.0


def suggest_by_prediction(checkpoints: Sequence[Factors]) -> Tensor:
    """(n,), int64: the most probable class but the given one, probabilities averaged.

    The alternative to ``suggest_by_centroid``; benchmarks/quality.py measures both.
    """
    labels = checkpoints[0].labels.unsqueeze(1)
    total = torch.zeros_like(checkpoints[0].logits)
    for factors in checkpoints:
        total += functional.softmax(factors.logits, dim=1)
    return total.scatter(1, labels, -1.0).argmax(dim=1)


def suggest_by_centroid(
    checkpoints: Sequence[Factors], reference: Sequence[Factors] | None = None
) -> Tensor:
    """(n,), int64: the class, but the given one, whose mean unit activation is nearest.

    The mean is over the images of ``reference``, or of ``checkpoints`` where that is None. The
    given class where no other class has an image.

    How often it names the true class, and how often the averaged prediction does: docs/quality.md.
    """
    labels, classes = checkpoints[0].labels, checkpoints[0].logits.shape[1]
    total = torch.zeros_like(checkpoints[0].logits)
    others = checkpoints if reference is None else reference
    for factors, other in zip(checkpoints, others, strict=True):
        unit = functional.normalize(other.activations, dim=1)
        sums = torch.zeros(classes, unit.shape[1], device=unit.device)
        centroids = functional.normalize(sums.index_add_(0, other.labels, unit), dim=1)
        total += functional.normalize(factors.activations, dim=1) @ centroids.T
    carried = torch.bincount(others[0].labels, minlength=classes)
    total[:, carried == 0] = -torch.inf  # no image, no centroid
    total.scatter_(1, labels.unsqueeze(1), -torch.inf)
    best = total.max(dim=1)
    return torch.where(best.values > -torch.inf, best.indices, labels)


def suspects(quality: LabelQuality, at_most: int, cut: float = SUSPICION_CUT) -> Tensor:
    """(m,), int64: the images whose suspicion passes the cut, most suspicious first.

    Ties stand in order of index.
    """
    order = torch.argsort(quality.suspicion, descending=True, stable=True)
    passing = order[quality.suspicion[order] >= cut]
    return passing[:at_most]
