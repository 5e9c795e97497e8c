"""Numbers on the command line, checked as they are read: types for argparse."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise ArgumentTypeError(f"{text} is not at least 1")
    return value


def natural_int(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise ArgumentTypeError(f"{text} is below 0")
    return value


def positive_float(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"{text} is not above 0")
    return value


def share(text: str) -> float:
    """A number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"{text} is not between 0 and 1")
    return value
