"""How sure a difference of accuracies is, of both chances that went into it. Pure, no torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tracin.intervals import Z_95

SEEDS = 10
T_95 = 2.262
"""Student's t for a 95 % interval with ``SEEDS`` − 1 degrees of freedom."""

BoolArray = npt.NDArray[np.bool_]


def difference_interval(changed: BoolArray, at_random: BoolArray) -> tuple[float, float]:
    """The 95 % interval, within −1 … +1, of how much more often the first arm is right.

    It covers two chances: which images came into the test set, and how training went. An image's
    difference is averaged over the seeds; to these n averages two are added, +1 and −1, as if one
    more image had been put right and one more spoilt (Bonett and Price 2012, "Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data"). That keeps
    the interval from shrinking to nothing where few images, or none, were seen to differ: of 20
    that are all named alike it is −13 to +13 points. The scatter of the seeds' differences, less
    the part of it that the images have brought in already, is added with Student's t, both parts
    as squares. An end beyond what a difference can be is cut off there.

    Args:
        changed: (SEEDS, n) whether a head of the first arm named each test image rightly; n at
            least 1.
        at_random: (SEEDS, n) the same of the second arm, pair by pair: same seed, same image.

    Raises:
        ValueError: the two are not both (SEEDS, n).
    """
    if changed.shape != at_random.shape or len(changed) != SEEDS or not changed.size:
        raise ValueError(f"{changed.shape} and {at_random.shape} are not both ({SEEDS}, n)")
    differences = changed.astype(np.float64) - at_random
    n = differences.shape[1]
    of_images, of_seeds = differences.mean(axis=0), differences.mean(axis=1)
    padded = np.append(of_images, (1.0, -1.0))
    images_variance = float(padded.var()) / len(padded)
    rest = differences - of_images - of_seeds[:, np.newaxis] + differences.mean()
    shared = float(np.square(rest).sum()) / (max(n - 1, 1) * (SEEDS - 1)) / (n * SEEDS)
    training_variance = max(0.0, float(of_seeds.var(ddof=1)) / SEEDS - shared)
    half = math.sqrt(Z_95**2 * images_variance + T_95**2 * training_variance)
    centre = float(padded.mean())
    return max(-1.0, centre - half), min(1.0, centre + half)
