"""The question → which training images remain, and under which labels."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Change:
    """What is done to the training images."""

    question: Question
    keep: BoolArray
    """(n,): whether each image remains."""
    labels: Int64Array
    """(n,)"""


def without_most_suspicious(
    number: int, suspicion: npt.NDArray[np.float64], train: ImageTable
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
    return Change(Question(deleted=number, relabelled=0), keep, train.labels)


def with_actions(path: Path, train: ImageTable) -> Change:
    """The change that the actions.csv at ``path`` describes.

    Raises:
        TracInError: the file is wrong, or changes no image, or all.
    """
    actions = read_actions(path, train.paths, train.class_names)
    question = Question(
        deleted=sum(action.verb == DELETE for action in actions),
        relabelled=sum(action.verb == RELABEL for action in actions),
        actions=path.name,
    )
    if not question.size:
        raise TracInError(
            f"{path} neither relabels nor deletes an image, so there is nothing to compare."
        )
    if question.size >= len(train):
        raise TracInError(
            f"{path} changes every training image of the run. It is compared with leaving out as "
            "many at random, and none would remain. Change fewer."
        )
    return Change(question, *changed_by(actions, train))


def changed_by(actions: Sequence[Action], train: ImageTable) -> tuple[BoolArray, Int64Array]:
    """(whether each training image remains (n,), its label (n,)) after these actions.

    Args:
        actions: about images of ``train``, one each at most.
        train: is left as it is.
    """
    deleted = [action.train_path for action in actions if action.verb == DELETE]
    new_class = {
        action.train_path: action.new_class for action in actions if action.verb == RELABEL
    }
    number = {name: index for index, name in enumerate(train.class_names)}
    labels = [
        number[new_class[path]] if path in new_class else label
        for path, label in zip(train.paths, train.labels.tolist(), strict=True)
    ]
    keep: BoolArray = ~np.isin(np.array(train.paths, dtype=object), np.array(deleted, dtype=object))
    return keep, np.array(labels, dtype=np.int64)
