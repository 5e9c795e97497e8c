"""Parts of sentences about images and classes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracin.analyze.figures.summary import ClassSummary, RankedImage
from tracin.wording import listed

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
        strongest = strongest_of(self.summary)
        every = len(self.images) == len(self.summary.strongest)
        whose = f"All of {strongest}" if every else f"{len(self.images)} of {strongest}"
        said = f"{whose} are labelled {self.label}"
        return f"{said}: look at {names(self.images)}."


def names(images: Sequence[RankedImage]) -> str:
    """``train/dog/1.jpg, train/dog/2.jpg and 4 more``."""
    shown = [image.name for image in images[:NAMED]]
    more = [f"{len(images) - NAMED} more"] if len(images) > NAMED else []
    return listed([*shown, *more])


def strongest_of(one: ClassSummary) -> str:
    """``the 20 strongest opponents of cat``."""
    whose = f" of {one.name}" if one.is_class else ""
    return f"the {len(one.strongest)} strongest opponents{whose}"
