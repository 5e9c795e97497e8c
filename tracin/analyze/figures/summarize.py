"""Scores and labels → the figures that are shown. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracin.analyze.figures.class_figures import ClassFigures, Ranking, class_figures
from tracin.analyze.figures.health import check_of, health_of
from tracin.analyze.figures.summary import (
    STRONGEST,
    ClassSummary,
    Mistakes,
    OverallSummary,
    RankedImage,
    TestSuspect,
)
from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.label_index import LabelIndex
from tracin.analyze.read.scan import Float64Array, Int64Array, MatrixSummary
from tracin.flags import RankBy
from tracin.results.run_info import RunInfo
from tracin.results.schema import GAUSS_NEWTON, TRACIN
from tracin.wording import count, noun_for

METHOD_NAMES = {
    TRACIN: ("TracIn", "estimated drop in test loss"),
    GAUSS_NEWTON: ("Gauss–Newton", "n × rise in test loss without it"),
}
"""Name of each method, and what its scores measure."""


def rank(scores: Float64Array, k: int) -> Int64Array:
    """Indices of the ``k`` largest scores above zero, best first, ties in order of index."""
    candidates = np.flatnonzero(scores > 0)
    order = np.argsort(-scores[candidates], kind="stable")
    return candidates[order[:k]]


def normalized(means: Float64Array, self_influence: Float64Array) -> Float64Array:
    """Mean of ``influence[i, j] / sqrt(self_influence[i])`` over test images (RelatIF).

    Barshan et al. 2020. A training image without self-influence has no gradient, and scores 0.

    Args:
        means: (n_train,) mean of ``influence[i, j]`` over the same test images.
        self_influence: (n_train,), 0 or above.
    """
    root = np.sqrt(self_influence)
    return np.divide(means, root, out=np.zeros_like(means), where=root > 0)


def summarize(
    inputs: Inputs, scores: MatrixSummary, *, top_k: int, rank_by: RankBy
) -> OverallSummary:
    """Everything that is shown about the run and about each class of its test images.

    Args:
        inputs: what is known about rows and columns of the matrix.
        scores: the means and extremes of the matrix.
        top_k: length of the lists of helpful and harmful images.
        rank_by: what helpful images are ranked by; ``raw`` where ``inputs`` has no self-influence,
            and for Gauss-Newton scores, which make up for the size of a gradient themselves.
    """
    check = check_of(inputs)
    if check is not None and not check.can_judge:
        inputs = _without_verdicts(inputs)
    gauss_newton = inputs.run is not None and inputs.run.method == GAUSS_NEWTON
    if inputs.train.self_influence is None or gauss_newton:
        rank_by = "raw"
    test, n_test = inputs.test, inputs.n_test
    n_right = None if test.correct is None else int(test.correct.sum())
    counted = None if n_right is None else n_right / n_test
    labels = inputs.train.by_label
    return OverallSummary(
        method=_method(inputs.run)[0],
        unit=_method(inputs.run)[1],
        provenance=_provenance(inputs.run),
        n_train=inputs.n_train,
        n_test=n_test,
        n_train_classes=len(labels.names) if labels else None,
        test_accuracy=inputs.run.test_accuracy if inputs.run and counted is None else counted,
        n_right=n_right,
        health=health_of(inputs, scores.test_mean),
        score_range=(float(scores.test_min.min()), float(scores.test_max.max())),
        test_max=scores.test_max,
        test_min=scores.test_min,
        test_mean=scores.test_mean,
        groups=test.groups,
        group_of=test.group_of,
        has_classes=test.has_classes,
        rank_by=rank_by,
        helpful=_helpful(inputs, scores.train_mean, top_k, rank_by),
        harmful=_harmful(inputs, scores.train_mean, top_k),
        busiest_opponent=_busiest_opponent(inputs, scores),
        mistakes=_mistakes(inputs, scores),
        suspects=_suspects(inputs, scores),
        classes=_classes(inputs, scores, top_k, rank_by),
        check=check,
        same_pictures=inputs.same_pictures,
        test_suspects=_test_suspects(inputs),
    )


def _without_verdicts(inputs: Inputs) -> Inputs:
    """The inputs without what a model thinks of single labels."""
    return replace(
        inputs,
        train=replace(inputs.train, suspicion=None, suspects=None),
        test=replace(inputs.test, suspects=()),
    )


def _classes(
    inputs: Inputs, scores: MatrixSummary, top_k: int, rank_by: RankBy
) -> tuple[ClassSummary, ...]:
    """All classes, in the order of their index."""
    train = inputs.train
    by = train.self_influence if rank_by == "normalized" else None
    figures = class_figures(scores.group_mean, train.by_label, by, max(top_k, STRONGEST))
    return tuple(
        _class_summary(inputs, scores.test_mean, figures, group, top_k, rank_by)
        for group in range(len(inputs.test.groups))
    )


def _class_summary(
    inputs: Inputs,
    test_means: Float64Array,
    figures: ClassFigures,
    group: int,
    top_k: int,
    rank_by: RankBy,
) -> ClassSummary:
    test, labels = inputs.test, inputs.train.by_label
    members = test.group_of == group
    strongest = _images(inputs, figures.harmful[group], -1)
    name = test.groups[group]
    test_mean = test_means[members]
    return ClassSummary(
        name=name,
        is_class=test.has_classes,
        health=health_of(inputs, test_mean, name if test.has_classes else None),
        n_train=len(labels.rows(name)) if labels and test.has_classes else None,
        n_right=None if test.correct is None else int(test.correct[members].sum()),
        test_mean=test_mean,
        mean=float(test_mean.mean()),
        unit=_method(inputs.run)[1],
        rank_by=rank_by,
        helpful=_images(inputs, figures.helpful[group], 1)[:top_k],
        harmful=strongest[:top_k],
        strongest=strongest[:STRONGEST],
        by_label=_by_label(figures.sums[:, group], labels),
    )


def _images(inputs: Inputs, ranking: Ranking, sign: int) -> tuple[RankedImage, ...]:
    scores = (sign * ranking.scores).tolist()
    return tuple(
        _image(inputs, row, score) for row, score in zip(ranking.rows.tolist(), scores, strict=True)
    )


def _image(inputs: Inputs, index: int, score: float) -> RankedImage:
    train = inputs.train
    return RankedImage(
        index=index,
        score=score,
        path=train.paths[index] if train.paths else None,
        label=train.labels[index] if train.labels else None,
        suggested=train.suggested.get(index),
    )


def _helpful(
    inputs: Inputs, means: Float64Array, k: int, rank_by: RankBy
) -> tuple[RankedImage, ...]:
    self_influence = inputs.train.self_influence
    if rank_by == "normalized" and self_influence is not None:
        means = normalized(means, self_influence)
    return tuple(_image(inputs, int(row), float(means[row])) for row in rank(means, k))


def _harmful(inputs: Inputs, means: Float64Array, k: int) -> tuple[RankedImage, ...]:
    return tuple(_image(inputs, int(row), float(means[row])) for row in rank(-means, k))


def _busiest_opponent(inputs: Inputs, scores: MatrixSummary) -> tuple[RankedImage, int] | None:
    strongest = scores.test_argmin[scores.test_min < 0]
    if not len(strongest):
        return None
    times = np.bincount(strongest)
    index = int(times.argmax())
    return _image(inputs, index, float(scores.train_mean[index])), int(times[index])


def _suspects(inputs: Inputs, scores: MatrixSummary) -> tuple[RankedImage, ...] | None:
    if inputs.train.suspects is None:
        return None
    rows = [row for row, _ in inputs.train.suspects]
    return tuple(_image(inputs, row, float(scores.train_mean[row])) for row in rows)


def _test_suspects(inputs: Inputs) -> tuple[TestSuspect, ...] | None:
    test = inputs.test
    if test.suspects is None:
        return None
    return tuple(
        TestSuspect(
            name=(test.paths or ())[column],
            label=test.groups[test.group_of[column]],
            suggested=suggested,
        )
        for column, suggested in test.suspects
    )


def _mistakes(inputs: Inputs, scores: MatrixSummary) -> Mistakes | None:
    test = inputs.test
    if test.correct is None or test.correct.all():
        return None
    wrong = np.flatnonzero(~test.correct)
    worst = int(wrong[test.loss[wrong].argmax()] if test.loss is not None else wrong[0])
    index, score = int(scores.test_argmin[worst]), float(scores.test_min[worst])
    return Mistakes(
        n=len(wrong),
        worst_name=test.paths[worst] if test.paths else f"test image {worst}",
        worst_class=test.groups[test.group_of[worst]],
        worst_predicted=test.predicted[worst] if test.predicted else None,
        strongest_opponent=_image(inputs, index, score) if score < 0 else None,
    )


def _by_label(sums: Float64Array, labels: LabelIndex | None) -> tuple[tuple[str, float, int], ...]:
    """(label, sum of means, images) for each training class, in order of name."""
    if labels is None:
        return ()
    return tuple(zip(labels.names, sums.tolist(), labels.counts.tolist(), strict=True))


def _method(run: RunInfo | None) -> tuple[str, str]:
    """(name, unit); without ``run.json`` the matrix is taken for TracIn's."""
    method = run.method if run else TRACIN
    return METHOD_NAMES.get(method, (method, "score"))


def _provenance(run: RunInfo | None) -> str:
    if run is None:
        return ""
    checkpoints = run.checkpoints
    rates = dict.fromkeys(f"{checkpoint.learning_rate:g}" for checkpoint in checkpoints)
    number = f"{count(len(checkpoints), 'checkpoint')}, " if len(checkpoints) > 1 else ""
    rate = f"{number}{noun_for(len(rates), 'learning rate')} {_span(list(rates))}"
    files = dict.fromkeys(checkpoint_files(run))
    return " · ".join(part for part in (rate, _span(list(files)), run_date(run)) if part)


def checkpoint_files(run: RunInfo) -> list[str]:
    """File names of the checkpoints in order, whichever system they were on."""
    return [checkpoint.path.replace("\\", "/").split("/")[-1] for checkpoint in run.checkpoints]


def run_date(run: RunInfo) -> str:
    """The day on which the scores were computed, ``2026-01-31``."""
    return run.created.partition("T")[0]


def _span(values: list[str]) -> str:
    return f"{values[0]} … {values[-1]}" if len(values) > 2 else ", ".join(values)
