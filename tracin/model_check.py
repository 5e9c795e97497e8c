"""Can this model judge at all? Before every other verdict, from counts alone. Pure, no torch.

A model that is no better than always naming the largest class has no opinion that is worth telling:
its scores are written, and every verdict that rests on it is withheld.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracin.intervals import wilson_interval
from tracin.json_file import Natural, Positive
from tracin.wording import count

Int64Array = npt.NDArray[np.int64]

COLLAPSED = 0.8
"""One class is named for nearly everything when so large a share of the images of all other classes
is taken for it. A class that is merely large does not count: the share is of the others."""

FEWEST_TO_RULE_OUT = 20
"""Fewer test images than this prove a model poor only where even the interval's upper end is below
``GOOD_ENOUGH``: one test image, or three, can be wrong by chance."""

GOOD_ENOUGH = 0.5

BY_HEART = 0.1
"""Between the intervals of the shares that a model is right on, of training and of test images: it
learnt the former by heart. Of 200 training images with 85 wrong labels a ResNet18 that was right on
all of them, and on 70 % of the test images, suspected none."""

IMBALANCED = 10
"""A class with so many times the images of the smallest is worth a sentence."""

FEWEST_TO_JUDGE = 5
"""Figures of fewer images stand without a verdict: one image would change it."""


def knows_few(right: int, n: int) -> bool:
    """Whether a model that is right on ``right`` of ``n`` images knows fewer than half of them.

    Of a handful it may be wrong by chance; then only what the interval rules out counts.
    """
    enough = n >= FEWEST_TO_RULE_OUT or wilson_interval(right, n)[1] < GOOD_ENOUGH
    return enough and right < GOOD_ENOUGH * n


@dataclass(frozen=True)
class AnswerCounts:
    """What the model named for the images of one split."""

    images: Positive
    right: Natural
    classes: Positive
    """Classes of the training folder."""
    present: Natural
    """Classes that the images carry."""
    largest_class: str
    """The class that most of the images carry."""
    largest: Natural
    """How many carry it."""
    named: Natural
    """Classes that the model named at least once."""
    most_named_class: str
    most_named: Natural
    """How many images it named so."""
    others: Natural
    """Images of all other classes than ``most_named_class``."""
    others_so_named: Natural
    """How many of those it took for ``most_named_class``."""

    def __post_init__(self) -> None:
        parts = (self.right, self.largest, self.most_named, self.others)
        if max(parts) > self.images or self.others_so_named > self.others:
            raise ValueError("more answers of a kind than images")

    @property
    def accuracy(self) -> float:
        """Share of the images that were named rightly, 0 to 1."""
        return self.right / self.images

    @property
    def baseline(self) -> float:
        """What naming one class for every image would reach, 0 to 1; by chance where all are of
        one class, since then naming it proves nothing against the model."""
        if self.present == 1:
            return 1 / self.classes
        return max(self.largest / self.images, 1 / self.classes)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return wilson_interval(self.right, self.images)

    @property
    def clearly_better(self) -> bool:
        """Whether the model is better than the baseline by more than chance."""
        return self.interval[0] > self.baseline

    @property
    def collapsed(self) -> bool:
        """Whether the model names one class for nearly everything."""
        return self.others > 0 and self.others_so_named >= COLLAPSED * self.others

    @property
    def ruled_out(self) -> bool:
        """Whether the images show that the model is poor, rather than being too few to tell."""
        if self.clearly_better and not self.collapsed:
            return False
        return self.images >= FEWEST_TO_RULE_OUT or self.interval[1] < GOOD_ENOUGH


def count_answers(given: Int64Array, named: Int64Array, class_names: Sequence[str]) -> AnswerCounts:
    """What a model named for n images.

    Args:
        given: (n,) the class of each image, an index into ``class_names``; n at least 1.
        named: (n,) the class that the model named.
        class_names: of the training folder.
    """
    classes = len(class_names)
    carried, answered = (np.bincount(values, minlength=classes) for values in (given, named))
    largest, most_named = int(carried.argmax()), int(answered.argmax())
    other = given != most_named
    return AnswerCounts(
        images=len(given),
        right=int((given == named).sum()),
        classes=classes,
        present=int(np.count_nonzero(carried)),
        largest_class=class_names[largest],
        largest=int(carried[largest]),
        named=int(np.count_nonzero(answered)),
        most_named_class=class_names[most_named],
        most_named=int(answered[most_named]),
        others=int(other.sum()),
        others_so_named=int((named[other] == most_named).sum()),
    )


@dataclass(frozen=True)
class ModelCheck:
    """Whether the model's opinion of single images is worth telling."""

    train: AnswerCounts
    test: AnswerCounts
    causes: tuple[str, ...] = ()
    """What was found to be the reason, a sentence each, with figures."""
    mismatch: bool = False
    """With its classes in another order, or the images shown in another way, the model is clearly
    better: whatever it is right on now, its answers are not what it was trained to give."""

    @property
    def can_judge(self) -> bool:
        """False: every verdict that rests on the model is withheld."""
        return (
            self.train.classes > 1
            and not self.mismatch
            and self.train.clearly_better
            and not self.train.collapsed
            and not self.test.ruled_out
        )

    @property
    def by_heart(self) -> bool:
        """Whether the model may judge and yet is right far more often on training images."""
        gap = self.train.interval[0] - self.test.interval[1]
        return self.can_judge and self.train.accuracy >= GOOD_ENOUGH and gap >= BY_HEART

    @property
    def weakness(self) -> str:
        """A sentence where the model may judge and yet knows few of its images, or knows them by
        heart; else "".
        """
        if self.by_heart:
            return (
                f"The model, right on {self.train.accuracy:.1%} of its training and "
                f"{self.test.accuracy:.1%} of the test images, may know wrong labels by heart: few "
                "suspects prove nothing."
            )
        if not self.can_judge or self.train.accuracy >= GOOD_ENOUGH:
            return ""
        return (
            f"The model is right on only {self.train.accuracy:.1%} of "
            f"{count(self.train.images, 'training image')}: what it thinks of single labels is "
            "worth little."
        )

    @property
    def headline(self) -> str:
        """One sentence for a banner; "" where the model can judge."""
        if self.can_judge:
            return ""
        if self.train.classes == 1:
            return "There is one class only: a model has nothing to tell apart, and cannot judge."
        return "This model cannot judge these images: what it thinks of single labels is withheld."

    @property
    def warning(self) -> str:
        """What stands above every figure: that the model cannot judge, or knows too little."""
        return self.headline or self.weakness

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, a sentence each; empty where the model can judge."""
        if self.can_judge or self.train.classes == 1:
            return ()
        found = []
        for answers, kind in ((self.train, "training image"), (self.test, "test image")):
            if answers.collapsed:
                found.append(collapse(answers, kind))
            if not answers.clearly_better and (kind == "training image" or answers.ruled_out):
                found.append(no_better(answers, kind))
        return tuple(found)


def collapse(answers: AnswerCounts, kind: str) -> str:
    """The sentence about a model that names one class for nearly all ``kind``s, with figures."""
    if answers.named == 1 and answers.images > 1:
        images = count(answers.images, kind)
        return f"It names a single class, {answers.most_named_class}, for all of {images}."
    return (
        f"It names one class, {answers.most_named_class}, for {answers.most_named:,} of "
        f"{count(answers.images, kind)}."
    )


def no_better(answers: AnswerCounts, kind: str) -> str:
    """The sentence about a model that is right too rarely on ``kind``s, with figures."""
    low, high = answers.interval
    facts = (
        f"It is right on {answers.right:,} of {count(answers.images, kind)} "
        f"({answers.accuracy:.1%}; 95% interval {low:.0%} to {high:.0%})"
    )
    if answers.present == 1 or answers.baseline > answers.largest / answers.images:
        return f"{facts}: not clearly better than guessing ({answers.baseline:.1%})."
    return (
        f"{facts}: not clearly better than always naming {answers.largest_class} "
        f"({answers.baseline:.1%})."
    )


def imbalance(sizes: Int64Array, class_names: Sequence[str]) -> tuple[str, ...]:
    """The sentence about classes of very unequal size, with figures; none where they are not.

    Args:
        sizes: (C,) training images of each class.
        class_names: of the training folder.
    """
    largest, smallest = int(sizes.argmax()), int(sizes.argmin())
    if sizes[largest] < IMBALANCED * max(1, sizes[smallest]):
        return ()
    return (
        f"The classes are of very unequal size: {sizes[largest]:,} training images of "
        f"{class_names[largest]} beside {sizes[smallest]:,} of {class_names[smallest]}.",
    )
