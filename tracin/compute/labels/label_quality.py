"""Factors → which labels look wrong, and what they might be.

The evidence is the plain cross-entropy gradient of the last layer, ``g = d ⊗ [a; 1]`` with
``d = softmax(z) − onehot(given)``, whatever loss the model was trained with: a smoothed error
inside the cosine ruins the score (reported with the specification; not measured again here).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels.members import MEMBERS_PER_STEP, ClassMembers
from tracin.compute.scores.factors import Factors, error_signals, figures_of, unit_rows
from tracin.machine.exact_sums import on_grid, spacing
from tracin.machine.held_rows import ROWS_PER_BLOCK, HeldRows, Int64Array
from tracin.machine.threads import one_thread_each, product
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
    checkpoints: Sequence[Factors],
    reference: Sequence[Factors] | None = None,
    held: HeldRows | None = None,
) -> LabelQuality:
    """Evidence about the given labels of images.

    Since the cosine of two outer products is the product of the factors' cosines, the mean cosine
    to a whole class costs one (C, d + 1) sum per class: O(n), no (n, n) matrix.

    Args:
        checkpoints: factors of the images, one entry per checkpoint.
        reference: of the training images that they are compared with; None: with each other.
        held: which training images lie in this process; None: all. Of these the factors are, and
            the evidence is of all images, in every process.
    """
    others = checkpoints if reference is None else reference
    held = held or HeldRows.alone(len(others[0]))
    agreement = mean_agreement(checkpoints, reference, held)
    suggested = suggest_by_centroid(checkpoints, reference, held)

    def of_all(figure: Callable[[Factors], Tensor]) -> Tensor:
        values = _mean_over(checkpoints, figure)
        return held.of_all(values) if reference is None else values

    error_norm = of_all(lambda factors: _plain_errors(factors).norm(dim=1))
    return LabelQuality(
        suspicion=(1.0 - agreement) * error_norm,
        agreement=agreement,
        error_norm=error_norm,
        margin=of_all(_margin),
        normalized_margin=of_all(_normalized_margin),
        suggested=held.of_all(suggested) if reference is None else suggested,
    )


def wrong_label_probability(suspicion: Tensor) -> Tensor:
    """How probable it is, 0 to 1, that the label of a training image is wrong.

    A logistic curve that was fitted to planted errors in networks whose share of wrong labels was
    known; docs/quality.md says how far to trust it.
    """
    return torch.sigmoid(PROBABILITY_SLOPE * (suspicion - PROBABILITY_CENTRE))


def _mean_over(checkpoints: Sequence[Factors], figure: Callable[[Factors], Tensor]) -> Tensor:
    """``figure`` (n,) of each checkpoint's factors, averaged."""
    return torch.stack([figures_of(factors, figure) for factors in checkpoints]).mean(dim=0)


def _plain_errors(factors: Factors) -> Tensor:
    return error_signals(factors.logits, factors.labels)


def mean_agreement(
    checkpoints: Sequence[Factors], reference: Sequence[Factors] | None, held: HeldRows
) -> Tensor:
    """Mean cosine (n,) of each gradient to those of ``reference`` with the same given label.

    Where ``reference`` is None: to the others of all training images. 0 where there are none.
    Averaged over checkpoints; as of ``label_quality``.
    """
    others = checkpoints if reference is None else reference
    labels = held.of_all(others[0].labels).cpu().numpy()
    members = ClassMembers(held, labels, np.unique(labels).tolist())
    agreements = []
    for factors, other in zip(checkpoints, others, strict=True):
        asked = None if reference is None else factors
        part = torch.zeros(held.total if asked is None else len(asked))
        for group in members.groups():
            _fill_agreement(part, group, members, other, asked)
        device = factors.errors.device
        # One process fills each, the others have zeros there.
        agreements.append(held.processes.sum(part).add_(0.0).to(device))
    return torch.stack(agreements).mean(dim=0)


def _fill_agreement(
    agreement: Tensor,
    group: Sequence[int],
    members: ClassMembers,
    factors: Factors,
    asked: Factors | None,
) -> None:
    """Fill ``agreement`` (n,) for this process's class of the group.

    Args:
        agreement: of the ``asked`` images, or of all training images.
        group: classes, one for each process.
        members: the training images by class.
        factors: of those that this process holds.
        asked: of the images to compare with the training images; None: these, with the others.
    """
    label, total, count = members.mine(group), torch.zeros(()), -int(asked is None)
    for rows, part in members_factors(members, group, factors):
        errors, inputs = unit_factors(part)
        total = total.to(errors.device) + class_sum(errors, inputs)
        count += len(rows)
    if asked is not None:
        if count > 0:
            those = (asked.labels == label).nonzero().squeeze(1)
            for places in those.split(MEMBERS_PER_STEP):
                cosines = _cosines(unit_factors(asked.take(places)), total)
                agreement[places.cpu()] = (cosines / count).cpu()
        return
    for rows, part in members_factors(members, group, factors):
        if count > 0:
            unit = unit_factors(part)
            own = unit[0].square().sum(dim=1)  # 1, or 0
            agreement[torch.from_numpy(rows)] = ((_cosines(unit, total) - own) / count).cpu()


def _cosines(unit: tuple[Tensor, Tensor], total: Tensor) -> Tensor:
    """(m,): the sums of the cosines of each to all of which ``total`` is the sum."""
    errors, inputs = unit
    return (product(errors, total) * inputs).sum(dim=1)


def members_factors(
    members: ClassMembers, group: Sequence[int], factors: Factors
) -> Iterator[tuple[Int64Array, Factors]]:
    """As of ``ClassMembers.of``, with factors (of a plain cross-entropy) as the values."""
    label, width = members.mine(group), factors.activations.shape[1]

    def values(places: Tensor) -> Tensor:
        some = factors.take(places)
        return torch.cat([some.activations, some.logits], dim=1)

    for rows, both in members.of(group, values):
        activations, logits = both[:, :width], both[:, width:]
        labels = torch.full((len(rows),), label, device=both.device)
        errors = error_signals(logits, labels)
        yield rows, Factors(activations, logits, errors, labels, factors.bias)


def unit_factors(factors: Factors) -> tuple[Tensor, Tensor]:
    """Error signals (n, C) and inputs [a; 1] (n, d + 1) at length 1, or 0."""
    return unit_rows(_plain_errors(factors)), unit_rows(factors.inputs)


def class_sum(errors: Tensor, inputs: Tensor) -> Tensor:
    """(C, d + 1): the sum of the unit gradients of a class's images.

    Args:
        errors: (n, C), as of ``unit_factors``.
        inputs: (n, d + 1), likewise.
    """
    return product(errors.T, inputs)


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
    checkpoints: Sequence[Factors],
    reference: Sequence[Factors] | None = None,
    held: HeldRows | None = None,
) -> Tensor:
    """(n,), int64: the class, but the given one, whose mean unit activation is nearest.

    The mean is over the images of ``reference``, or of ``checkpoints`` where that is None. The
    given class where no other class has an image.

    How often it names the true class, and how often the averaged prediction does: docs/quality.md.
    """
    others = checkpoints if reference is None else reference
    held = held or HeldRows.alone(len(others[0]))
    classes = checkpoints[0].logits.shape[1]
    carried = held.processes.sum(torch.bincount(others[0].labels.cpu(), minlength=classes))
    centroids = [_centroids(factors, held) for factors in others]
    suggested = torch.empty(len(checkpoints[0]), dtype=torch.int64)

    def fill(start: int) -> None:
        some = [factors.rows(start, start + ROWS_PER_BLOCK) for factors in checkpoints]
        total = torch.zeros_like(some[0].logits)
        for factors, centroid in zip(some, centroids, strict=True):
            total += functional.normalize(factors.activations, dim=1) @ centroid.T
        total[:, (carried == 0).to(total.device)] = -torch.inf  # no image, no centroid
        total.scatter_(1, some[0].labels.unsqueeze(1), -torch.inf)
        best = total.max(dim=1)
        found = torch.where(best.values > -torch.inf, best.indices, some[0].labels)
        suggested[start : start + ROWS_PER_BLOCK] = found.cpu()

    device = checkpoints[0].labels.device
    one_thread_each(fill, range(0, len(suggested), ROWS_PER_BLOCK), device)
    return suggested.to(device)


def _centroids(factors: Factors, held: HeldRows) -> Tensor:
    """(C, d): each class's mean unit activation at length 1, of all training images."""
    step = spacing(held.total)
    sums = torch.zeros(factors.logits.shape[1], factors.activations.shape[1], dtype=torch.float64)
    for block in held.blocks():
        some = factors.rows(block.start, block.stop)
        unit = functional.normalize(some.activations, dim=1).cpu()
        sums.index_add_(0, some.labels.cpu(), on_grid(unit, step))
    return functional.normalize(held.processes.sum(sums), dim=1).to(factors.activations)


def suspects(quality: LabelQuality, at_most: int, cut: float = SUSPICION_CUT) -> Tensor:
    """(m,), int64: the images whose suspicion passes the cut, most suspicious first.

    Ties stand in order of index.
    """
    order = torch.argsort(quality.suspicion, descending=True, stable=True)
    passing = order[quality.suspicion[order] >= cut]
    return passing[:at_most]
