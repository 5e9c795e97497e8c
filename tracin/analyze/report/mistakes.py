"""Section 3: each misclassified test image, and the training images that speak for both sides."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from tracin.analyze.report.source import Picture, Pictures, Source, missing
from tracin.analyze.words import meaning
from tracin.results import schema
from tracin.wording import signed

MOST_SHOWN = 300
PER_SIDE = 4


@dataclass(frozen=True)
class Evidence:
    """A training image with its score on a test image."""

    path: str
    label: str
    score: str
    normalized: str
    activation: str
    error: str
    says: str


@dataclass(frozen=True)
class Side:
    """The training images that speak for one answer."""

    heading: str
    evidence: tuple[Evidence, ...]
    remark: str
    """Which of them are shown, where it is not the obvious."""


@dataclass(frozen=True)
class Mistake:
    """A misclassified test image."""

    path: str
    true: str
    predicted: str
    probability: str
    """What the model gave the image's own label; "" where no file tells."""
    sure: str
    """What it gave the class that it named, likewise."""
    for_predicted: Side
    for_true: Side


@dataclass(frozen=True)
class MistakeSection:
    """The mistakes, largest loss first."""

    shown: tuple[Mistake, ...]
    total: int
    listed: int
    """Training images listed for each test image and direction."""
    pairs: tuple[tuple[str, str, int], ...]
    """(true, predicted, mistakes shown), most frequent first."""
    gauss_newton: bool
    missing: str = ""

    def pictures(self) -> Pictures:
        """All, the test images first."""
        for mistake in self.shown:
            yield Picture(mistake.path, large=True)
        for mistake in self.shown:
            for side in (mistake.for_predicted, mistake.for_true):
                yield from (Picture(evidence.path) for evidence in side.evidence)


def mistakes_section(source: Source) -> MistakeSection:
    """The misclassified test images of a run, explained."""
    table = source.table(schema.TOP_INFLUENCES_TABLE)
    run = source.inputs.run
    gauss_newton = run is not None and run.method == schema.GAUSS_NEWTON
    if table is None:
        why = missing(schema.TOP_INFLUENCES_TABLE, "The strongest influences on each test image")
        return MistakeSection((), 0, 0, (), gauss_newton, why)
    losses = _losses(source)
    wrong = table[table["test_class"] != table["predicted_class"]]
    by_test = {int(str(index)): rows for index, rows in wrong.groupby("test_idx", sort=True)}
    order = sorted(by_test, key=lambda index: -losses.get(index, 0.0))[:MOST_SHOWN]
    learnt = _learnt(source)
    sure = _sure(source)
    shown = tuple(
        _mistake(rows, losses.get(index), sure.get(str(rows["test_path"].iloc[0])), learnt)
        for index, rows in ((index, by_test[index]) for index in order)
    )
    pairs = Counter((mistake.true, mistake.predicted) for mistake in shown)
    return MistakeSection(
        shown,
        total=_total(source, len(by_test)),
        listed=int(table["rank"].max()) if len(table) else 0,
        pairs=tuple(
            (*pair, n) for pair, n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        ),
        gauss_newton=gauss_newton,
    )


def _total(source: Source, listed: int) -> int:
    """Mistakes by the summary: one whose scores are all zero has no row in the other table."""
    correct = source.inputs.test.correct
    return listed if correct is None else int((~correct).sum())


def _losses(source: Source) -> dict[int, float]:
    loss = source.inputs.test.loss
    return {} if loss is None else dict(enumerate(loss.astype(float).tolist()))


def _sure(source: Source) -> dict[str, float]:
    table = source.table(schema.PREDICTIONS)
    if table is None:
        return {}
    return dict(zip(table["test_path"], table["probability"].astype(float), strict=True))


def _learnt(source: Source) -> dict[str, float]:
    table = source.table(schema.TRAIN_SUMMARY)
    if table is None:
        return {}
    return dict(zip(table["train_path"], table["probability"].astype(float), strict=True))


def _mistake(
    rows: pd.DataFrame, loss: float | None, sure: float | None, learnt: dict[str, float]
) -> Mistake:
    first = rows.iloc[0]
    true, predicted = str(first["test_class"]), str(first["predicted_class"])
    ranked = rows.sort_values("rank", kind="stable")
    opponents = ranked[ranked["direction"] == schema.OPPONENT]
    proponents = ranked[ranked["direction"] == schema.PROPONENT]
    return Mistake(
        path=str(first["test_path"]),
        true=true,
        predicted=predicted,
        probability="" if loss is None else meaning.percent(math.exp(-loss)),
        sure="" if sure is None else meaning.percent(sure),
        for_predicted=_against(opponents, true, predicted, learnt),
        for_true=_for(proponents, true, learnt),
    )


def _against(rows: pd.DataFrame, true: str, predicted: str, learnt: dict[str, float]) -> Side:
    """The opponents that carry the predicted label; where there are none, the strongest of any."""
    if rows.empty:
        return Side(f"Speak against {true}", (), "None: no training image has a score below zero.")
    own = rows[rows["train_class"] == predicted]
    if own.empty:
        remark = f"None of the {len(rows)} strongest is labelled {predicted}."
        evidence = _evidence(rows.head(PER_SIDE), learnt)
        return Side(f"Speak against {true}, its label", evidence, remark)
    heading = f"Speak for {predicted}, the wrong answer"
    return Side(heading, _evidence(own.head(PER_SIDE), learnt), "")


def _for(rows: pd.DataFrame, true: str, learnt: dict[str, float]) -> Side:
    """The proponents that carry the image's label; where there are none, the strongest of any."""
    heading = f"Speak for {true}, its label"
    if rows.empty:
        return Side(heading, (), "None: no training image has a score above zero.")
    own = rows[rows["train_class"] == true]
    if own.empty:
        remark = f"None of the {len(rows)} strongest is labelled {true}."
        return Side(heading, _evidence(rows.head(PER_SIDE), learnt), remark)
    return Side(heading, _evidence(own.head(PER_SIDE), learnt), "")


def _evidence(rows: pd.DataFrame, learnt: dict[str, float]) -> tuple[Evidence, ...]:
    names = ("train_path", "train_class", "score", "normalized_score")
    similarities = ("activation_similarity", "error_similarity")
    found = []
    for path, label, score, normalized, activation, error in zip(
        *(rows[name] for name in (*names, *similarities)), strict=True
    ):
        says = meaning.relation(float(activation), float(error))
        if str(path) in learnt:
            says += f"; {meaning.learning(learnt[str(path)])}"
        found.append(
            Evidence(
                path=str(path),
                label=str(label),
                score=signed(float(score)),
                normalized=signed(float(normalized)),
                activation=meaning.decimal(float(activation)),
                error=meaning.decimal(float(error)),
                says=f"{says}.",
            )
        )
    return tuple(found)
