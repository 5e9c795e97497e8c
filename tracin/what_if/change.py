"""The question → which images remain, and under which labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracin.clean.actions import DELETE, RELABEL, Action, read_actions
from tracin.errors import TracInError
from tracin.images import ImageTable
from tracin.wording import count

BoolArray = npt.NDArray[np.bool_]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """What is asked, in counts: all that its name needs."""

    deleted: int
    """Training images that are left out."""
    relabelled: int
    actions: str = ""
    """File name of the actions; "": the most suspicious images are left out."""
    test_deleted: int = 0
    """Test images that are left out on both sides."""
    test_relabelled: int = 0
    """Test images whose labels are corrected on both sides."""

    @property
    def size(self) -> int:
        """Images that it touches: as many are removed at random on the other side."""
        return self.deleted + self.relabelled

    @property
    def name(self) -> str:
        """Such as "without the 20 most suspicious training images"."""
        if not self.actions:
            if self.deleted == 1:
                return "without the most suspicious training image"
            return f"without the {count(self.deleted, 'most suspicious training image')}"
        if not self.relabelled:
            return f"with {count(self.deleted, 'image')} deleted"
        deleted = f" and {self.deleted:,} deleted" if self.deleted else ""
        return f"with {count(self.relabelled, 'image')} relabelled{deleted}"

    @property
    def test_note(self) -> str:
        """What is done to the test images, a sentence; "" where nothing is."""
        if not (self.test_relabelled or self.test_deleted):
            return ""
        return (
            "Both sides are judged by the corrected test images: "
            f"{count(self.test_relabelled, 'image')} relabelled, {self.test_deleted:,} left out."
        )


@dataclass(frozen=True)
class Decided:
    """What remains of the images of a split."""

    keep: BoolArray
    """(n,): whether each image remains."""
    labels: Int64Array
    """(n,)"""


@dataclass(frozen=True)
class Change:
    """What is asked, and what it does to the images."""

    question: Question
    train: Decided
    test: Decided
    """On both sides of the comparison."""


def without_most_suspicious(
    number: int, suspicion: npt.NDArray[np.float64], train: ImageTable, test: ImageTable
) -> Change:
    """The change that leaves out ``number`` training images, those of the highest suspicion.

    Ties go to the first image.

    Raises:
        TracInError: there are not more images than that.
    """
    if number >= len(train):
        raise TracInError(
            f"--what_if {number}: there are only {count(len(train), 'training image')}. Name a "
            "smaller number."
        )
    keep = np.ones(len(train), dtype=bool)
    keep[np.argsort(-suspicion, kind="stable")[:number]] = False
    question = Question(deleted=number, relabelled=0)
    return Change(question, Decided(keep, train.labels), decided_by((), test))


def with_actions(path: Path, train: ImageTable, test: ImageTable) -> Change:
    """The change that the actions.csv at ``path`` describes.

    Raises:
        TracInError: the file is wrong, or changes no training image, or all images of a split.
    """
    label_of = {
        image: side.class_names[label]
        for side in (train, test)
        for image, label in zip(side.paths, side.labels.tolist(), strict=True)
    }
    actions = read_actions(path, label_of, train.class_names, "this run")
    of_test = set(test.paths)
    verbs = Counter((action.path in of_test, action.verb) for action in actions)
    question = Question(
        deleted=verbs[False, DELETE],
        relabelled=verbs[False, RELABEL],
        actions=path.name,
        test_deleted=verbs[True, DELETE],
        test_relabelled=verbs[True, RELABEL],
    )
    if not question.size:
        raise TracInError(
            f"{path} neither relabels nor deletes a training image, so there is nothing to compare."
        )
    if question.test_deleted >= len(test):
        raise TracInError(
            f"{path} deletes every test image of the run, so nothing could be judged. Keep some."
        )
    if question.size >= len(train):
        raise TracInError(
            f"{path} changes every training image of the run. It is compared with leaving out as "
            "many at random, and none would remain. Change fewer."
        )
    return Change(question, decided_by(actions, train), decided_by(actions, test))


def decided_by(actions: Sequence[Action], images: ImageTable) -> Decided:
    """What remains of ``images`` after these actions.

    Args:
        actions: one for an image at most; those about other images do nothing here.
        images: are left as they are.
    """
    deleted = {action.path for action in actions if action.verb == DELETE}
    new_class = {action.path: action.new_class for action in actions if action.verb == RELABEL}
    number = {name: index for index, name in enumerate(images.class_names)}
    labels = [
        number[new_class[path]] if path in new_class else label
        for path, label in zip(images.paths, images.labels.tolist(), strict=True)
    ]
    keep = np.array([path not in deleted for path in images.paths], dtype=bool)
    return Decided(keep, np.array(labels, dtype=np.int64))
