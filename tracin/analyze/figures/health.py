"""The health of training labels, and whether the model knows their images. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.scan import Float64Array, Int64Array
from tracin.model_check import FEWEST_TO_JUDGE, FEWEST_TO_RULE_OUT, ModelCheck, knows_few
from tracin.results.schema import SUSPICION_CUT
from tracin.wording import count

EXCELLENT_ABOVE = 95
GOOD_FROM = 80
FAIR_FROM = 60
"""The bands of the health score in percent; exactly 95 is GOOD, and below 60 NEEDS ATTENTION."""

CONTRADICTED = 0.15
"""So much more than the share of training images that the model is right on cannot be known to have
right labels: it names another class for the others."""

TOO_FEW = "too few to judge"
NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class Health:
    """Share of training images whose label does not look wrong, and what it is called."""

    good: int
    """Images with a suspicion below the cut."""
    n: int
    of_labels: bool = True
    """False: from a matrix alone, the share of test images whose mean influence is above zero."""
    doubt: str = ""
    """Why a good score proves nothing, where the model knows few of these images: that it is
    ``right on only 3 of 24 test images``."""
    doubt_of_all: bool = False
    """Whether that is about all images, not those of one class."""

    @property
    def percent(self) -> float:
        """0 to 100, higher is better."""
        return 100 * self.good / self.n

    @property
    def band(self) -> str:
        """The name that the bands give ``percent``; "" for too few images, and where a good one
        would rest on a model that does not know them."""
        if self.n < FEWEST_TO_JUDGE or (self.doubt and self.percent >= GOOD_FROM):
            return ""
        return _band(self.percent)

    @property
    def verdict(self) -> str:
        """The band, or why there is none."""
        return self.band or (NO_VERDICT if self.n >= FEWEST_TO_JUDGE else TOO_FEW)

    @property
    def shown(self) -> str:
        """``97.5%``, with as many decimals as it takes not to round into another band."""
        for decimals in range(1, 6):
            text = f"{self.percent:.{decimals}f}"
            if _band(float(text)) == _band(self.percent):
                break
        return f"{text}%"

    def __str__(self) -> str:
        return f"{self.shown} ({self.verdict})"


def _band(percent: float) -> str:
    if percent > EXCELLENT_ABOVE:
        return "EXCELLENT"
    if percent >= GOOD_FROM:
        return "GOOD"
    return "FAIR" if percent >= FAIR_FROM else "NEEDS ATTENTION"


def health_of(inputs: Inputs, test_mean: Float64Array, label: str | None = None) -> Health | None:
    """Of the training labels (of one class: ``label``); without suspicion of the test images."""
    check = check_of(inputs)
    if check is not None and not check.can_judge:
        return None
    train = inputs.train
    if train.suspicion is None or train.labels is None:
        return Health(int(np.count_nonzero(test_mean > 0)), len(test_mean), of_labels=False)
    carries = np.arange(inputs.n_train)
    if label is not None:
        carries = train.by_label.rows(label) if train.by_label else carries[:0]
    suspicion = train.suspicion[carries]
    if not len(suspicion):
        return None
    good = int(np.count_nonzero(suspicion < SUSPICION_CUT))
    if check is not None and check.by_heart:
        learnt = (
            f"right on {check.train.accuracy:.1%} of the training images and on only "
            f"{check.test.accuracy:.1%} of the test images"
        )
        return Health(good, len(suspicion), doubt=learnt, doubt_of_all=True)
    doubt = _doubt(inputs, carries, label, good / len(suspicion))
    return Health(good, len(suspicion), doubt=doubt)


def _doubt(inputs: Inputs, carries: Int64Array, label: str | None, health: float) -> str:
    """What the model knows too little of, a clause; "" where it knows enough to judge.

    Args:
        inputs: what is known about the images.
        carries: rows of the training images that are meant.
        label: the class of the test images that are meant; None: all.
        health: share of these training images whose label does not look wrong.
    """
    test = inputs.test
    meant = np.arange(inputs.n_test)
    if label is not None:
        meant = np.flatnonzero(test.group_of == test.groups.index(label))
    for kind, correct, which in (
        ("training image", inputs.train.correct, carries),
        ("test image", test.correct, meant),
    ):
        if correct is None or not len(which):
            continue
        right, n = int(correct[which].sum()), len(which)
        contradicted = which is carries and right / n < health - CONTRADICTED
        if knows_few(right, n) or (contradicted and n >= FEWEST_TO_RULE_OUT):
            return f"right on only {right:,} of {count(n, kind)}"
    return ""


def check_of(inputs: Inputs) -> ModelCheck | None:
    """Whether the model can judge; None where no file tells."""
    return inputs.run.model_check if inputs.run else None
