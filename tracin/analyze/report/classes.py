"""The section "Classes": what training images of each class add up to for test images of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracin.analyze.figures.class_influence import strongest_class_influence
from tracin.analyze.figures.summarize import rank
from tracin.analyze.read.label_index import LabelIndex
from tracin.analyze.report.analysis import Analysis, PagePicture
from tracin.analyze.report.confusion import ConfusionMatrix, confusion_of, mistaken
from tracin.results import schema
from tracin.wording import count, signed

MOST_PAIRS = 20
PER_PAIR = 6
"""Images in each group of a pair."""


@dataclass(frozen=True)
class Cell:
    """Net influence of a training class (row) on a test class (column); positive = helps."""

    shown: str
    """In the table's unit."""
    exact: str
    strength: float
    """−1 to 1, the square root of its share of the largest: small values stay visible."""
    mistakes: int
    """Test images of the column taken for the row."""


@dataclass(frozen=True)
class Row:
    """The cells of a training class."""

    label: str
    n: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Opponent:
    """A training image that speaks against the test images of a confused pair."""

    path: str
    label: str
    score: str


@dataclass(frozen=True)
class OpponentGroup:
    """Such images, and what they have in common."""

    what: str
    images: tuple[Opponent, ...]


@dataclass(frozen=True)
class Pair:
    """Test images of one class taken for another."""

    true: str
    predicted: str
    mistakes: int
    of: int
    net: str
    groups: tuple[OpponentGroup, ...]
    """Those that hold images."""
    images: tuple[PagePicture, ...] = ()
    """The first of the test images."""


@dataclass(frozen=True)
class ClassSection:
    """The heat map, and the confused pairs, most mistakes first."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    exponent: str
    """The unit of the cells as a power of ten; "" for plain numbers."""
    left_out: int
    """Classes beyond those that influence others most strongly."""
    pairs: tuple[Pair, ...]
    more_pairs: int
    missing: str = ""
    confusion: ConfusionMatrix | None = None

    def pictures(self) -> Iterator[PagePicture]:
        """All, pairs with more mistakes first."""
        for pair in self.pairs:
            yield from pair.images
            for group in pair.groups:
                yield from (PagePicture(image.path, image.label) for image in group.images)


def classes_section(analysis: Analysis) -> ClassSection:
    """Classes against classes."""
    labels = analysis.inputs.train.by_label
    influence = strongest_class_influence(analysis.overall)
    if influence is None or labels is None:
        why = (
            "The classes of the test images or the labels of the training images are not known: "
            f"{schema.INFLUENCE_SUMMARY} or {schema.TRAIN_SUMMARY} is missing. Run "
            "TracIn_Resnet50.py again."
        )
        return ClassSection((), (), "", 0, (), 0, why)
    confused = _confused(analysis)
    columns = influence.columns
    rows = tuple(
        Row(
            name,
            len(labels.rows(name)),
            tuple(
                Cell(influence.shown(total), signed(total), float(strength), confused[column, name])
                for total, strength, column in zip(sums, strengths, columns, strict=True)
            ),
        )
        for name, sums, strengths in zip(
            influence.rows, influence.sums, influence.strengths, strict=True
        )
    )
    shown = sorted(confused, key=lambda pair: (-confused[pair], pair))
    opponents = _opponents(analysis)
    pairs = tuple(
        _pair(analysis, labels, pair, confused[pair], opponents) for pair in shown[:MOST_PAIRS]
    )
    return ClassSection(
        columns,
        rows,
        influence.scale,
        influence.n_classes - influence.n_shown,
        pairs,
        max(0, len(shown) - MOST_PAIRS),
        confusion=confusion_of(analysis.inputs.test, shown[:MOST_PAIRS]),
    )


def _confused(analysis: Analysis) -> Counter[tuple[str, str]]:
    """Mistakes by (true class, predicted class)."""
    test = analysis.inputs.test
    if test.predicted is None:
        return Counter()
    true = (test.groups[group] for group in test.group_of)
    return Counter(pair for pair in zip(true, test.predicted, strict=True) if pair[0] != pair[1])


def _pair(
    analysis: Analysis,
    labels: LabelIndex,
    pair: tuple[str, str],
    mistakes: int,
    opponents: pd.DataFrame | None,
) -> Pair:
    true, predicted = pair
    test = analysis.inputs.test
    group = test.groups.index(true)
    of_label = {label: labels.rows(label) for label in pair}
    means = {
        label: np.asarray(analysis.scores.group_mean[rows, group], np.float64)
        for label, rows in of_label.items()
    }
    on_mistakes = _opponents_of_pair(analysis, pair, mistakes, opponents)
    shown = {image.path for image in on_mistakes}

    def against(label: str) -> tuple[Opponent, ...]:
        found = (
            _opponent(analysis, int(of_label[label][place]), float(means[label][place]))
            for place in rank(-means[label], 2 * PER_PAIR)
        )
        return tuple([image for image in found if image.path not in shown][:PER_PAIR])

    which = "this test image" if mistakes == 1 else f"these {count(mistakes, 'test image')}"
    groups = (
        OpponentGroup(f"Strongest opponents of {which}, whatever their label", on_mistakes),
        OpponentGroup(
            f"Labelled {predicted}: further opponents of all test images of {true}",
            against(predicted),
        ),
        OpponentGroup(
            f"Labelled {true}, yet opponents of their own class: unusual, or mislabelled",
            against(true),
        ),
    )
    return Pair(
        true=true,
        predicted=predicted,
        mistakes=mistakes,
        of=int((test.group_of == group).sum()),
        net=signed(float(means[predicted].sum())),
        groups=tuple(group for group in groups if group.images),
        images=mistaken(test, pair),
    )


def _opponents(analysis: Analysis) -> pd.DataFrame | None:
    """The listed opponents of misclassified test images."""
    table = analysis.tables.top_influences
    if table is None:
        return None
    return table[table["direction"] == schema.OPPONENT]


def _opponents_of_pair(
    analysis: Analysis, pair: tuple[str, str], mistakes: int, opponents: pd.DataFrame | None
) -> tuple[Opponent, ...]:
    """The training images with the most negative mean scores on the mistakes of ``pair``.

    A mistake among whose strongest opponents an image is not listed counts as zero for it.
    """
    if opponents is None:
        return ()
    rows = opponents[
        (opponents["test_class"] == pair[0]) & (opponents["predicted_class"] == pair[1])
    ]
    sums = rows.groupby("train_idx")["score"].sum().sort_values(kind="stable").head(PER_PAIR)
    means = (sums / mistakes).items()
    return tuple(_opponent(analysis, int(str(row)), float(mean)) for row, mean in means)


def _opponent(analysis: Analysis, row: int, score: float) -> Opponent:
    train = analysis.inputs.train
    path = train.paths[row] if train.paths else f"training image {row}"
    label = train.labels[row] if train.labels else None
    return Opponent(path, label or "", signed(score))
