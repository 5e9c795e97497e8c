"""Intervals of shares and of their differences. Pure, no torch."""

from __future__ import annotations

import math

Z_95 = 1.96
"""Standard normal quantile of a two-sided 95 % interval."""

Z_99 = 2.576
"""Of a two-sided 99 % interval: for what was chosen among many for being the best."""


def wilson_interval(right: float, n: float, z: float = Z_95) -> tuple[float, float]:
    """The 95 % interval of a share, 0 to 1, of which ``right`` of ``n`` were seen (Wilson 1927).

    Neither number need be whole. Never leaves 0 … 1, and holds its coverage at small n and near the
    ends. (0, 1) for n = 0.
    """
    if n == 0:
        return 0.0, 1.0
    share, spread = right / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def paired_interval(gained: int, lost: int, n: int) -> tuple[float, float]:
    """The 95 % interval, within −1 … +1, of a difference of two shares of the same n things.

    Bonett and Price 2012, "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data": one more of either kind is added to those seen.

    Args:
        gained: things that count on the second side alone.
        lost: things that count on the first side alone.
        n: things seen on both sides; (−1, 1) for none.
    """
    if n == 0:
        return -1.0, 1.0
    more, less = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    difference = more - less
    half = Z_95 * math.sqrt((more + less - difference**2) / (n + 2))
    return max(-1.0, difference - half), min(1.0, difference + half)
