"""Sums that are the same to the bit in whatever order, by however many processes, they are made.

Floating-point addition rounds, so a sum depends on its order; but multiples of one spacing add
without rounding as long as no sum needs more than float64's 53 bits. So every term is rounded to
such a multiple once (Demmel and Nguyen 2013, "Fast reproducible floating-point summation").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MANTISSA = 52
"""Bits of a float64 after its first."""


def spacing(bound: float) -> float:
    """The finest spacing, a power of two, whose multiples up to ``bound`` add exactly in float64.

    Args:
        bound: no sum's terms have absolute values that add up to more; 0 where all are zero.
    """
    return 2.0 ** (math.frexp(bound)[1] - MANTISSA) if bound > 0 else 1.0


def on_grid(values: Tensor, step: float) -> Tensor:
    """``values`` rounded to multiples of ``step``, float64."""
    return torch.round(values.double() / step) * step
