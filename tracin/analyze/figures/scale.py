"""The axes of charts: linear or logarithmic as the numbers ask, with ticks for people. Pure.

Pictures and page draw the same axes: what is decided here is where they end, how they run in
between, and what stands beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracin.analyze.read.scan import Float64Array
from tracin.wording import power_of_ten

WIDE = 50.0
"""From this ratio of large to small on a linear axis hides the small: the axis is logarithmic."""

FEWEST_FOR_LOG = 8

DECADES_TO_ZERO = 2 / 3
"""On a logarithmic axis with a zero: how many decades long the linear stretch beside it is."""

MOST_DECADES_AROUND_ZERO = 6
MOST_STEPS, MOST_WHOLE_STEPS, MOST_POWERS = 4, 5, 5
"""So many labels stand side by side under the narrowest chart: scores, whole numbers, powers."""

ROUNDING = 1e-9
"""Share by which a sum of floats misses a round number."""

MARGIN = 0.04
"""Share of the axis left free beyond the values, so that the last bar does not touch the frame."""

LOG_MARGIN = 1.5
"""The same for a logarithmic axis with a zero: it ends at so many times the largest value."""

TICK_ROOM = 0.09
"""Share of a vertical axis that a label takes, in the lowest chart there is."""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` (left, or below) to ``high``, both in the unit of the values."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    words: tuple[str, ...]
    """Lines that say what the axis measures."""
    linear_within: float | None = None
    """None: linear. Else it is logarithmic on both sides of zero, and linear up to this size."""

    def fraction(self, value: float) -> float:
        """Where ``value`` stands: 0 at ``low``, 1 at ``high``."""
        start, end = self._along(self.low), self._along(self.high)
        return (self._along(value) - start) / (end - start)

    def _along(self, value: float) -> float:
        if self.linear_within is None:
            return value
        size = abs(value) / self.linear_within
        along = size * DECADES_TO_ZERO if size <= 1 else DECADES_TO_ZERO + math.log10(size)
        return math.copysign(along, value)


def spans_decades(magnitudes: Float64Array) -> bool:
    """Whether scores of these sizes (zeros do not count) need a logarithmic axis.

    They do where the bulk spans decades, and where a few large ones would press it into one bar.
    """
    sizes = magnitudes[magnitudes > 0]
    if len(sizes) < FEWEST_FOR_LOG:
        return False
    low, middle, high = np.quantile(sizes, [0.05, 0.5, 0.95])
    return bool(high > WIDE * low or sizes.max() > WIDE * middle)


def linear_axis(low: float, high: float, what: str, unit: str) -> Axis:
    """Plain numbers; very small or large ones in units of a power of ten, which its words name."""
    largest = max(abs(low), abs(high))
    exponent = math.floor(math.log10(largest)) if largest > 0 else 0
    if -2 <= exponent <= 3:
        exponent = 0
    size = 10.0**exponent
    scale = f", in {power_of_ten(exponent)}" if exponent else ""
    step = _round_step((high - low) / MOST_STEPS, (1, 2, 2.5, 5, 10))
    decimals = next(
        digits for digits in range(9) if math.isclose(round(step / size, digits), step / size)
    )
    ticks = tuple(
        Tick(value, _minus(f"{value / size:,.{decimals}f}") if value else "0")
        for value in _multiples(step, low, high)
    )
    return Axis(low, high, ticks, (f"{what}{scale}", f"({unit})"))


def whole_axis(low: float, high: float, what: str, *, shift: float = 0.0) -> Axis:
    """Whole numbers of things from 0 on; each stands ``shift`` before its value."""
    step = max(1.0, _round_step((high - max(0.0, low)) / MOST_WHOLE_STEPS, (1, 2, 5, 10)))
    ticks = tuple(
        Tick(value - shift, f"{value:,.0f}")
        for value in _multiples(step, max(0.0, low), high)
        if low <= value - shift <= high
    )
    return Axis(low, high, ticks, (what,))


def log_axis(smallest: float, largest: float, sign: int, what: str, unit: str) -> Axis:
    """Sizes from ``smallest`` to ``largest``; with ``sign`` −1 they are negative, largest left."""
    ratio = (largest / smallest) ** MARGIN
    inner, outer = smallest / ratio, largest * ratio
    low, high = sorted((sign * inner, sign * outer))
    ticks = tuple(Tick(sign * size, _power(sign * size)) for size in _round_sizes(inner, outer))
    return Axis(low, high, ticks, (f"{what}, log scale", f"({unit})"), linear_within=inner)


def log_axis_around_zero(values: Float64Array, what: str, unit: str) -> Axis:
    """Linear beside zero and logarithmic for the larger three quarters of ``values``."""
    sizes = np.abs(values[values != 0])
    top = math.floor(math.log10(sizes.max()))
    quarter = math.floor(math.log10(np.quantile(sizes, 0.25)))
    bottom = max(quarter, top - MOST_DECADES_AROUND_ZERO)
    low = min(0.0, LOG_MARGIN * float(values.min()))
    high = max(0.0, LOG_MARGIN * float(values.max()))
    axis = Axis(low, high, (), (f"{what}, log scale", f"({unit})"), 10.0**bottom)
    powers = [sign * 10.0**exponent for exponent in range(top, bottom - 1, -1) for sign in (1, -1)]
    kept = _apart(axis, [0.0, *(power for power in powers if axis.low <= power <= axis.high)])
    return replace(axis, ticks=tuple(Tick(at, _power(at)) for at in sorted(kept)))


def _apart(axis: Axis, values: Iterable[float]) -> list[float]:
    """Those of ``values``, the first before the others, whose labels stand clear of each other."""
    kept: list[float] = []
    for value in values:
        along = axis.fraction(value)
        if all(abs(along - axis.fraction(other)) >= TICK_ROOM for other in kept):
            kept.append(value)
    return kept


def _round_step(rough: float, digits: Sequence[float]) -> float:
    """The smallest step from ``rough`` on that begins with one of ``digits``."""
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(digit * unit for digit in digits if digit * unit >= rough * (1 - ROUNDING))


def _multiples(step: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(low / step - ROUNDING), math.floor(high / step + ROUNDING)
    return [min(max(multiple * step, low), high) for multiple in range(first, last + 1)]


def _round_sizes(low: float, high: float) -> Sequence[float]:
    """Powers of ten, or 1 and 3 of each where there are fewer than two."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    if last > first:
        step = -(-(last - first + 1) // MOST_POWERS)
        return [10.0**exponent for exponent in range(first, last + 1, step)]
    sizes = [
        digit * 10.0**exponent for exponent in range(first - 1, last + 2) for digit in (1.0, 3.0)
    ]
    return [size for size in sizes if low <= size <= high]


def _power(value: float) -> str:
    """``0``, ``−0.1``, ``300`` or ``3×10⁻⁷``."""
    if value == 0:
        return "0"
    size = abs(value)
    exponent = math.floor(math.log10(size) + ROUNDING)
    digit = round(size / 10.0**exponent)
    if -3 < exponent < 4:
        plain = f"{size:,.{max(0, -exponent)}f}"
    else:
        plain = power_of_ten(exponent) if digit == 1 else f"{digit}×{power_of_ten(exponent)}"
    return f"−{plain}" if value < 0 else plain


def _minus(text: str) -> str:
    return text.replace("-", "−")
