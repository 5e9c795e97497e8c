"""The figures that every picture, the console and the report show, and what they are called. Pure.

Influence is oriented ``(n_train, n_test)``; positive = proponent = the training image helped. An
opponent is an image whose mean score is below zero, not merely the smallest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from tracin.analyze.figures.health import Health
from tracin.analyze.read.same_pictures import SamePicture
from tracin.analyze.read.scan import Float64Array, Int64Array
from tracin.flags import RankBy
from tracin.model_check import ModelCheck

Name = TypeVar("Name", str, tuple[str, str])

STRONGEST = 20
"""Of how many opponents of a class the labels are counted."""


def by_frequency(things: Iterable[Name]) -> list[tuple[Name, int]]:
    """(thing, how often it occurs), the most frequent first, ties in order of the things."""
    return sorted(Counter(things).items(), key=lambda entry: (-entry[1], entry[0]))


@dataclass(frozen=True)
class RankedImage:
    """A training image in a ranking."""

    index: int
    score: float
    """What it is ranked by: a mean score, or a mean score over the root of its self-influence."""
    path: str | None
    """Relative to the data folder."""
    label: str | None
    """The class that it was given."""
    suggested: str | None = None
    """The class it rather looks like, where its label is among the suspects."""

    @property
    def name(self) -> str:
        """Its path, or its row where no path is known."""
        return self.path or f"training image {self.index}"


@dataclass(frozen=True)
class TestSuspect:
    """A test image whose label looks wrong."""

    __test__ = False  # pytest would take the name for a test

    name: str
    label: str
    suggested: str


@dataclass(frozen=True)
class Mistakes:
    """The misclassified test images, and the one of them with the largest loss."""

    n: int
    worst_name: str
    worst_class: str
    worst_predicted: str | None
    strongest_opponent: RankedImage | None


@dataclass(frozen=True)
class ClassSummary:
    """What a class page shows: one class of test images, and who helped and hurt it."""

    name: str
    is_class: bool
    """False: no file tells the classes, and these are all the test images."""
    health: Health | None
    """Of the training images with this label; None: withheld, or no image carries it."""
    n_train: int | None
    """Training images that carry this label; None where labels are not known."""
    n_right: int | None
    test_mean: Float64Array
    """(n,) mean influence on each test image of the class."""
    mean: float
    unit: str
    rank_by: RankBy
    helpful: tuple[RankedImage, ...]
    """Means above zero only, best first, by ``rank_by``."""
    harmful: tuple[RankedImage, ...]
    """Plain means below zero only, most negative first."""
    strongest: tuple[RankedImage, ...]
    """The ``STRONGEST`` first opponents, whatever ``top_k``."""
    by_label: tuple[tuple[str, float, int], ...]
    """(label, sum of mean scores of the training images so labelled, their number)."""

    @property
    def n_test(self) -> int:
        """Test images of the class."""
        return len(self.test_mean)

    @property
    def opponent_labels(self) -> list[tuple[str, int]]:
        """How many of the strongest opponents carry which label, most frequent first."""
        return by_frequency(image.label for image in self.strongest if image.label is not None)


@dataclass(frozen=True)
class OverallSummary:
    """What the dashboard shows: the whole run."""

    method: str
    unit: str
    """What a score measures, in words."""
    provenance: str
    """Learning rates, layer, checkpoint and date in words; "" without ``run.json``."""
    n_train: int
    n_test: int
    n_train_classes: int | None
    test_accuracy: float | None
    n_right: int | None
    health: Health | None
    """None: withheld, since the model cannot judge."""
    score_range: tuple[float, float]
    test_max: Float64Array
    test_min: Float64Array
    test_mean: Float64Array
    groups: tuple[str, ...]
    group_of: Int64Array
    has_classes: bool
    rank_by: RankBy
    helpful: tuple[RankedImage, ...]
    harmful: tuple[RankedImage, ...]
    busiest_opponent: tuple[RankedImage, int] | None
    """The training image that is the strongest opponent of most test images, and of how many."""
    mistakes: Mistakes | None
    """None: there are none, or no file tells."""
    suspects: tuple[RankedImage, ...] | None
    """Training images whose labels look wrong, most suspicious first; None where no file tells."""
    classes: tuple[ClassSummary, ...]
    check: ModelCheck | None = None
    """Whether the model can judge; None: no file tells."""
    same_pictures: tuple[SamePicture, ...] | None = None
    """Under two labels, or in training and test: certain whatever the model; None where no file
    tells."""
    test_suspects: tuple[TestSuspect, ...] | None = None
    """Test images whose labels look wrong, most suspicious first."""

    @property
    def can_judge(self) -> bool:
        """False: every verdict that rests on the model is withheld."""
        return self.check is None or self.check.can_judge

    @property
    def warning(self) -> str:
        """What is said before all else: that the model cannot judge, or knows too little."""
        return "" if self.check is None else self.check.warning

    @property
    def all_zero(self) -> bool:
        """Whether every score of the matrix is zero."""
        return self.score_range == (0.0, 0.0)
