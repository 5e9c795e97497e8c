"""What heads of both arms named rightly → what may be said about the difference. Pure, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from tracin.model_check import FEWEST_TO_JUDGE
from tracin.what_if.interval import BoolArray, difference_interval
from tracin.wording import count

Finding = Literal[
    "helps", "hurts", "within the noise", "too few test images", "the model cannot judge"
]
"""The verdict in a word or two, as tables have it."""

CAVEAT = (
    "Only the head is retrained. The backbone has seen every image under its former label, so the "
    "true effect of retraining everything may be larger or smaller. The interval covers chance in "
    "training and in the choice of test images."
)

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """What was right with the change, and with as many random removals; a pair per seed."""

    change: str
    """What was done, such as "without the 20 most suspicious training images"."""
    random: str
    """What it is compared with."""
    changed: BoolArray
    """(SEEDS, n_test): whether each head named each test image rightly."""
    at_random: BoolArray
    """(SEEDS, n_test): the same initial weights, other images removed."""
    warning: str = ""
    """Why the model cannot judge, a sentence; "" where it can."""
    test_note: str = ""
    """What was corrected among the test images, a sentence."""

    @property
    def n_test(self) -> int:
        """How many test images there are."""
        return len(self.changed[0])

    @property
    def accuracies(self) -> tuple[Float64Array, Float64Array]:
        """(SEEDS,) each, 0 to 1: with the change, and with random removals."""
        return self.changed.mean(axis=1), self.at_random.mean(axis=1)

    @property
    def mean(self) -> float:
        """Mean of the differences in percentage points; positive = the change is better."""
        return 100 * float(self.changed.mean() - self.at_random.mean())

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference in percentage points, within −100 … +100."""
        low, high = difference_interval(self.changed, self.at_random)
        return 100 * low, 100 * high

    @property
    def finding(self) -> Finding:
        """The verdict, where there may be one; else why there is none."""
        if self.warning:
            return "the model cannot judge"
        if self.n_test < FEWEST_TO_JUDGE:
            return "too few test images"
        low, high = self.interval
        if low <= 0 <= high:
            return "within the noise"
        return "helps" if self.mean > 0 else "hurts"

    @property
    def conclusion(self) -> str:
        """What follows from the figures, a sentence."""
        few = self.n_test < FEWEST_TO_JUDGE
        match self.finding:
            case "the model cannot judge":
                too = f", and the test images are too few ({self.n_test:,})" if few else ""
                return f"There is no verdict: the model cannot judge{too}."
            case "too few test images":
                return f"There are too few test images for a verdict ({self.n_test:,})."
            case "within the noise":
                return "The difference is within the noise: nothing can be concluded from it."
            case finding:
                return f"The difference is beyond the noise: the change {finding}."

    @property
    def sentence(self) -> str:
        """The result in words."""
        low, high = self.interval
        change = self.change[:1].upper() + self.change[1:]
        return (
            f"{change} the retrained head is right on {self.changed.mean():.1%} of "
            f"{count(self.n_test, 'test image')}, {self.random} on {self.at_random.mean():.1%}: "
            f"{signed_points(self.mean)} points (95% interval {signed_points(low)} to "
            f"{signed_points(high)}, {len(self.changed)} seeds). {self.conclusion}"
        )

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """All that is to be said, the most important first."""
        return tuple(filter(None, (self.warning, self.sentence, self.test_note, CAVEAT)))


def signed_points(value: float) -> str:
    """``+0.42``, with a true minus; ``0.00`` without a sign."""
    text = f"{abs(value):.2f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "−") + text
