"""The section "Mistakes": misclassified test images, and what speaks for each answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from tracin.analyze.figures.summary import by_frequency
from tracin.analyze.report.analysis import Analysis, PagePicture, PageTables, why_empty
from tracin.analyze.words import meaning
from tracin.results import schema
from tracin.wording import signed

MOST_SHOWN = 300
PER_ARGUMENT = 4
"""Training images shown for each answer."""

NORMALIZED = "score ÷ √self-influence"


@dataclass(frozen=True)
class Evidence:
    """A training image with its score on a test image."""

    path: str
    label: str
    score: str
    """What it is ranked by."""
    other_score: str
    """The one that it is not ranked by, in words."""
    activation: str
    error: str
    says: str


@dataclass(frozen=True)
class Argument:
    """The training images that speak for one answer."""

    heading: str
    evidence: tuple[Evidence, ...]
    remark: str
    """Which of them are shown, where it is not the obvious."""
    ranked_by: str = "score"
    """What the number of each is."""


@dataclass(frozen=True)
class Mistake:
    """A misclassified test image."""

    path: str
    true: str
    predicted: str
    label_probability: str
    """What the model gave the image's own label; "" where no file tells."""
    prediction_probability: str
    """What it gave the class that it named, likewise."""
    looks_like: str
    """The class that the image looks like, where its own label looks wrong; else ""."""
    for_predicted: Argument
    for_true: Argument


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

    def pictures(self) -> Iterator[PagePicture]:
        """All, the test images first."""
        for mistake in self.shown:
            yield PagePicture(mistake.path, mistake.true, is_test=True, large=True)
        for mistake in self.shown:
            for argument in (mistake.for_predicted, mistake.for_true):
                for evidence in argument.evidence:
                    yield PagePicture(evidence.path, evidence.label)

    @property
    def true(self) -> dict[str, int]:
        """How many of those shown carry each label, most frequent first."""
        return dict(by_frequency(mistake.true for mistake in self.shown))

    @property
    def suggested(self) -> dict[str, str]:
        """What each test image looks like whose own label looks wrong, by path."""
        return {mistake.path: mistake.looks_like for mistake in self.shown if mistake.looks_like}


def mistakes_section(analysis: Analysis) -> MistakeSection:
    """The misclassified test images of a run, explained."""
    table = analysis.tables.top_influences
    run = analysis.inputs.run
    gauss_newton = run is not None and run.method == schema.GAUSS_NEWTON
    if table is None:
        why = why_empty(schema.TOP_INFLUENCES_TABLE, "The strongest influences on each test image")
        return MistakeSection((), 0, 0, (), gauss_newton, why)
    losses = _losses(analysis)
    with_rows = sorted(set(table["test_idx"].tolist()))
    order = sorted(with_rows, key=lambda index: -losses.get(index, 0.0))[:MOST_SHOWN]
    of_shown = table[table["test_idx"].isin(order)].groupby("test_idx")
    by_test = {int(str(index)): rows for index, rows in of_shown}
    suspected = dict(analysis.inputs.test.suspects or ()) if analysis.overall.can_judge else {}
    shown = tuple(
        _mistake(
            by_test[index],
            losses.get(index),
            analysis.tables,
            looks_like=suspected.get(index, ""),
            gauss_newton=gauss_newton,
        )
        for index in order
    )
    pairs = by_frequency((mistake.true, mistake.predicted) for mistake in shown)
    return MistakeSection(
        shown,
        total=_total(analysis, len(with_rows)),
        listed=int(table["rank"].max()) if len(table) else 0,
        pairs=tuple((*pair, n) for pair, n in pairs),
        gauss_newton=gauss_newton,
    )


def _total(analysis: Analysis, listed: int) -> int:
    """Mistakes by the summary: one whose scores are all zero has no row in the other table."""
    correct = analysis.inputs.test.correct
    return listed if correct is None else int((~correct).sum())


def _losses(analysis: Analysis) -> dict[int, float]:
    loss = analysis.inputs.test.loss
    return {} if loss is None else dict(enumerate(loss.astype(float).tolist()))


def _mistake(
    rows: pd.DataFrame,
    loss: float | None,
    tables: PageTables,
    *,
    looks_like: str,
    gauss_newton: bool,
) -> Mistake:
    first, learnt = rows.iloc[0], tables.label_probabilities
    probability = tables.prediction_probabilities.get(str(first["test_path"]))
    true, predicted = str(first["test_class"]), str(first["predicted_class"])
    ranked = rows.sort_values("rank", kind="stable")
    opponents = ranked[ranked["direction"] == schema.OPPONENT]
    proponents = ranked[ranked["direction"] == schema.PROPONENT]
    return Mistake(
        path=str(first["test_path"]),
        true=true,
        predicted=predicted,
        label_probability="" if loss is None else meaning.percent(math.exp(-loss)),
        prediction_probability="" if probability is None else meaning.percent(probability),
        looks_like=looks_like,
        for_predicted=_against(opponents, true, predicted, learnt),
        for_true=_for(proponents, true, learnt, gauss_newton=gauss_newton),
    )


def _against(
    rows: pd.DataFrame, true: str, predicted: str, learnt: Mapping[str, float]
) -> Argument:
    """The opponents that carry the predicted label; where there are none, the strongest of any."""
    if rows.empty:
        return Argument(
            f"Against {true}, its label", (), "None: no training image has a score below zero."
        )
    own = rows[rows["train_class"] == predicted]
    if own.empty:
        remark = _none_of(rows, predicted)
        evidence = _evidence(rows.head(PER_ARGUMENT), learnt)
        return Argument(f"Against {true}, its label", evidence, remark)
    heading = f"For {predicted}, the wrong answer"
    return Argument(heading, _evidence(own.head(PER_ARGUMENT), learnt), "")


def _for(
    rows: pd.DataFrame, true: str, learnt: Mapping[str, float], *, gauss_newton: bool
) -> Argument:
    """The proponents that carry the image's label; where there are none, the strongest of any."""
    heading = f"For {true}, its label"
    if rows.empty:
        return Argument(heading, (), "None: no training image has a score above zero.")
    own = rows[rows["train_class"] == true]
    remark = _none_of(rows, true) if own.empty else ""
    shown = (rows if own.empty else own).head(PER_ARGUMENT)
    evidence = _evidence(shown, learnt, normalized=not gauss_newton)
    return Argument(heading, evidence, remark, "score" if gauss_newton else NORMALIZED)


def _none_of(rows: pd.DataFrame, label: str) -> str:
    if len(rows) == 1:
        return f"The only one is not labelled {label}."
    return f"None of the {len(rows)} strongest is labelled {label}."


def _evidence(
    rows: pd.DataFrame, learnt: Mapping[str, float], *, normalized: bool = False
) -> tuple[Evidence, ...]:
    """The images of ``rows``; ``normalized``: they are ranked by the normalised score."""
    names = ("train_path", "train_class", "score", "normalized_score")
    similarities = ("activation_similarity", "error_similarity")
    found = []
    for path, label, plain, divided, activation, error in zip(
        *(rows[name] for name in (*names, *similarities)), strict=True
    ):
        says = meaning.relation(float(activation), float(error))
        if str(path) in learnt:
            says += f"; {meaning.learning(learnt[str(path)])}"
        found.append(
            Evidence(
                path=str(path),
                label=str(label),
                score=signed(float(divided if normalized else plain)),
                other_score=f"plain score {signed(float(plain))}"
                if normalized
                else f"normalised {signed(float(divided))}",
                activation=meaning.decimal(float(activation)),
                error=meaning.decimal(float(error)),
                says=f"{says}.",
            )
        )
    return tuple(found)
