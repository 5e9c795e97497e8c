"""How many labels are wrong: a sample for a person's eyes, and what it says of all images. Pure.

Every estimate that rests on the model alone fails where the model learnt the mistakes. So images of
every suspicion are drawn, and a person says of each whether its label is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracin.intervals import Z_95

Int64Array = npt.NDArray[np.int64]

EDGES = (0.1, 0.3, 0.5, 0.7)
"""Suspicions between which the strata lie."""

DRAWN = (25, 20, 20, 20, 15)
"""Images of each stratum, from the least suspicious on; together a hundred."""


@dataclass(frozen=True)
class ReviewSample:
    """Images to be reviewed, in the order in which they are shown."""

    rows: Int64Array
    """(n,): training images; strata mixed, so that nobody is led."""
    strata: Int64Array
    """(n,): the stratum of each."""
    sizes: Int64Array
    """(5,): all images of each stratum."""


@dataclass(frozen=True)
class WrongShare:
    """What a sample says of all labels."""

    share: float
    """Of the labels that are wrong, 0 to 1."""
    low: float
    high: float
    """Ends of its 95 % interval."""


def draw_review_sample(suspicion: npt.NDArray[np.float64], seed: int) -> ReviewSample:
    """A hundred images from strata of suspicion, or all where there are fewer.

    What a stratum cannot fill goes to the one with the most images left.

    Args:
        suspicion: (n,) of the training images.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    stratum_of = np.searchsorted(EDGES, suspicion, side="right")
    sizes = np.bincount(stratum_of, minlength=len(DRAWN))
    numbers = np.minimum(DRAWN, sizes)
    while (lacking := min(sum(DRAWN), int(sizes.sum())) - int(numbers.sum())) > 0:
        left = sizes - numbers
        largest = int(left.argmax())
        numbers[largest] += min(lacking, int(left[largest]))
    rows = np.concatenate(
        [
            random.choice(np.flatnonzero(stratum_of == stratum), number, replace=False)
            for stratum, number in enumerate(numbers)
        ]
    )
    rows = random.permutation(rows)
    return ReviewSample(rows, stratum_of[rows], sizes)


def wrong_share(
    sizes: Sequence[int], reviewed: Sequence[int], wrong: Sequence[int]
) -> WrongShare | None:
    """The share of wrong labels among all images, from those that a person reviewed.

    The share is ``Σ N_h p_h / N`` over the strata h, with ``p_h`` of those seen there. The variance
    is that of a stratified sample without replacement (Cochran 1977, "Sampling Techniques", section
    5.6). There, and for the middle of the interval, the images that nobody saw are taken to be
    wrong at the rate ``(k_h + 1/2) / (n_h + 1)``, so that a stratum in which none, or all, were
    wrong does not pass for certain. Around the share itself the interval covered the truth in 88 %
    of draws at worst, around this middle in 93 % (simulated over kinds of noise and sizes).

    The page computes the same in ``script/sample.js``, as answers come in; the tests hold the two
    against each other.

    Args:
        sizes: (5,) N_h, all images of each stratum.
        reviewed: (5,) n_h, those that were reviewed.
        wrong: (5,) k_h, those of them that were found wrong.

    Returns:
        None while a stratum that holds images has none reviewed.
    """
    total = sum(sizes)
    share = middle = variance = 0.0
    for size, n, k in zip(sizes, reviewed, wrong, strict=True):
        if size == 0:
            continue
        if n == 0:
            return None
        rate, unseen = (k + 0.5) / (n + 1), size - n
        share += size * k / n / total
        middle += (k + unseen * rate) / total
        variance += size * unseen * rate * (1 - rate) / n / total**2
    if total == 0:
        return None
    half = Z_95 * math.sqrt(variance)
    return WrongShare(
        share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
    )
