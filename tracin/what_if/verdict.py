"""Accuracies of both arms → what may be said about their difference. Pure, no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SEEDS = 10
T_95 = 2.262
"""Student's t for a 95 % interval with ``SEEDS`` − 1 degrees of freedom."""

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """Test accuracy with the change, and with as many random removals; a pair per seed."""

    change: str
    """What was done, such as "without the 20 most suspicious training images"."""
    random: str
    """What it is compared with."""
    changed: Float64Array
    """(SEEDS,), 0 to 1"""
    at_random: Float64Array
    """(SEEDS,), 0 to 1: the same initial weights, other images removed."""
    n_test: int

    @property
    def points(self) -> Float64Array:
        """(SEEDS,) differences in percentage points; positive = the change is better."""
        return 100 * (self.changed - self.at_random)

    @property
    def mean(self) -> float:
        """Mean of the differences, in percentage points."""
        return float(self.points.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean difference over seeds, in percentage points."""
        half = T_95 * float(self.points.std(ddof=1)) / math.sqrt(len(self.points))
        return self.mean - half, self.mean + half

    @property
    def conclusion(self) -> str:
        """Whether the difference is more than noise."""
        low, high = self.interval
        if low <= 0 <= high:
            return (
                "The difference is within the noise between seeds: nothing can be concluded from "
                "it."
            )
        better = "helps" if self.mean > 0 else "hurts"
        return f"The difference is beyond the noise between seeds: the change {better}."

    @property
    def sentence(self) -> str:
        """The result in words."""
        low, high = self.interval
        change = self.change[:1].upper() + self.change[1:]
        return (
            f"{change} the retrained head is right on {self.changed.mean():.1%} of the "
            f"{self.n_test:,} test images, {self.random} on {self.at_random.mean():.1%}: "
            f"{signed_points(self.mean)} points (95% interval {signed_points(low)} to "
            f"{signed_points(high)}, {len(self.points)} seeds). {self.conclusion}"
        )


def signed_points(value: float) -> str:
    """``+0.42``, with a true minus; ``0.00`` without a sign."""
    text = f"{abs(value):.2f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "−") + text
