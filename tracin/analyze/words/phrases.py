"""Parts of sentences about images and classes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracin.analyze.figures.summary import ClassSummary, RankedImage
from tracin.wording import first_few

NAMED = 3
"""So many images a sentence names at most."""

MANY = 1 / 4
"""A label among the strongest opponents of another class is worth a sentence from this share on."""

FEWEST = 3
"""... and from this number on: two of three opponents are chance."""


@dataclass(frozen=True)
class Confusion:
    """Opponents of one class that carry the label of another."""

    summary: ClassSummary
    label: str
    images: tuple[RankedImage, ...]

    @property
    def sentence(self) -> str:
        """How many they are, and which to look at."""
        opponents = of_strongest(len(self.images), self.summary)
        return f"{opponents} are labelled {self.label}: look at {names(self.images)}."


def confusions_of(summary: ClassSummary) -> list[Confusion]:
    """Foreign labels that are frequent among a class's strongest opponents, most frequent first."""
    if not summary.is_class:
        return []
    enough = max(FEWEST, MANY * len(summary.strongest))
    return [
        Confusion(
            summary, label, tuple(image for image in summary.strongest if image.label == label)
        )
        for label, times in summary.opponent_labels
        if label != summary.name and times >= enough
    ]


def names(images: Sequence[RankedImage]) -> str:
    """``train/dog/1.jpg, train/dog/2.jpg, train/dog/3.jpg and 4 more``."""
    return first_few([image.name for image in images], NAMED)


def has(n: int) -> str:
    """The verb that goes with ``n`` things."""
    return "has" if n == 1 else "have"


def of_strongest(n: int, summary: ClassSummary) -> str:
    """``12 of the 20 strongest opponents of cat``, ``All of the 3 …``, ``The only opponent …``."""
    whose = f" of {summary.name}" if summary.is_class else ""
    total = len(summary.strongest)
    if total == 1:
        return f"The only opponent{whose}"
    return f"{'All' if n == total else n} of the {total} strongest opponents{whose}"
