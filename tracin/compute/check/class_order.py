"""Whether a model was trained with its classes in another order than the folders stand in. Pure.

Then every label is wrong for it and every score with it, while the model itself is fine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracin.compute.check.assignment import best_assignment
from tracin.intervals import Z_99, wilson_interval

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OtherOrder:
    """An order of the classes in which the model would be right far more often."""

    order: Int64Array
    """(C,): output k of the model stands for class ``order[k]`` of the training folder."""
    right: int
    """Training images that would be right."""
    images: int

    def names(self, class_names: Sequence[str]) -> tuple[str, ...]:
        """The classes in that order."""
        return tuple(class_names[index] for index in self.order)


def find_other_order(given: Int64Array, named: Int64Array, classes: int) -> OtherOrder | None:
    """The order in which the model seems to have been trained; None where none is clearly better.

    Some order always fits chance answers better than the folders' own. So an order matched on one
    half of the images must prove itself on the other half: its 99 % interval there lies above that
    of the folders' order, and above 1/C. With 95 %, answers by chance would pass too often where
    there are two classes: there is but one other order, and it was chosen for fitting.

    Args:
        given: (n,) the class of each training image.
        named: (n,) the output that the model answers with.
        classes: C.
    """
    order = match_outputs(given, named, classes)
    if np.array_equal(order, np.arange(classes)):
        return None
    halves = _halves(given)
    right = 0
    for fitted in (halves, ~halves):
        on_half = match_outputs(given[fitted], named[fitted], classes)
        right += int((on_half[named[~fitted]] == given[~fitted]).sum())
    n = len(given)
    low, _ = wilson_interval(right, n, Z_99)
    _, as_it_is = wilson_interval(int((named == given).sum()), n, Z_99)
    if low <= max(as_it_is, 1 / classes):
        return None
    return OtherOrder(order, int((order[named] == given).sum()), n)


def match_outputs(given: Int64Array, named: Int64Array, classes: int) -> Int64Array:
    """(C,): for each output of the model a class of its own, so that most images are right.

    Where that leaves a choice, as for outputs that are never named, an output keeps its own class.
    """
    pairs = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(pairs, (named, given), 1)
    # All ties together weigh less than one image.
    return best_assignment((classes + 1) * pairs + np.eye(classes, dtype=np.int64))


def _halves(given: Int64Array) -> npt.NDArray[np.bool_]:
    """(n,): every second image of each class."""
    half = np.zeros(len(given), dtype=bool)
    for label in np.unique(given):
        half[np.flatnonzero(given == label)[::2]] = True
    return half


def usual_order(class_names: Sequence[str], order: Sequence[str]) -> str:
    """What a known reason for ``order`` is called, such as "natural order, 2 before 10"; or ""."""
    if list(order) == sorted(class_names, key=_natural):
        return "natural order, 2 before 10"
    if list(order) == sorted(class_names, key=str.casefold):
        return "the alphabet without regard to capitals"
    return ""


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
