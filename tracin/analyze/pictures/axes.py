"""Axes of scores: linear or logarithmic as the numbers ask, ticks that people can read. Pure."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from tracin.analyze.read.scan import Float64Array
from tracin.wording import power_of_ten

MOST_DECADES = 6


def linear(axis: Axis, largest: float, label: str, unit_name: str) -> None:
    """Ticks in plain numbers; very small or large scores in units of a power of ten."""
    exponent = int(np.floor(np.log10(largest))) if largest > 0 else 0
    if -2 <= exponent <= 3:
        exponent = 0
    unit = 10.0**exponent
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value / unit)))
    scale = f", in {power_of_ten(exponent)}" if exponent else ""
    axis.set_label_text(f"{label}{scale}\n({unit_name})")


def logarithmic(ax: Axes, sign: int, label: str, unit_name: str) -> None:
    """x becomes logarithmic in the size of the score; below zero it runs to the left."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(numticks=6))
    ax.xaxis.set_minor_locator(LogLocator(subs=(), numticks=6))
    mark = "−" if sign < 0 else ""
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: mark + _power(size)))
    ax.set_xlabel(f"{label}, log scale\n({unit_name})")
    if sign < 0:
        ax.invert_xaxis()


def symmetric_log(ax: Axes, values: Float64Array, label: str, unit_name: str) -> None:
    """y becomes linear around zero and logarithmic for the larger three quarters."""
    sizes = np.abs(values[values != 0])
    high = int(np.floor(np.log10(sizes.max())))
    low = max(int(np.floor(np.log10(np.quantile(sizes, 0.25)))), high - MOST_DECADES)
    ax.set_yscale("symlog", linthresh=10.0**low, linscale=0.6)
    ax.set_ylim(min(0.0, 1.5 * values.min()), max(0.0, 1.5 * values.max()))
    powers = 10.0 ** np.arange(high, low - 1, -max(1, -(-(high - low) // 3)))
    ticks = np.concatenate([-powers, [0.0], powers[::-1]])
    ax.yaxis.set_major_locator(FixedLocator(ticks.tolist()))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: "0" if value == 0 else _signed_power(value))
    )
    ax.set_ylabel(f"{label}, log scale\n({unit_name})")


def _plain(value: float) -> str:
    return f"{round(value, 10):g}".replace("-", "−")


def _signed_power(value: float) -> str:
    return ("−" if value < 0 else "") + _power(abs(value))


def _power(size: float) -> str:
    exponent = round(np.log10(size))
    return f"{10.0**exponent:g}" if -3 < exponent < 4 else power_of_ten(exponent)
