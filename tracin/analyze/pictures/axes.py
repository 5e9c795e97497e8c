"""Drawing an axis of ``figures.scale`` with Matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from tracin.analyze.figures.scale import DECADES_TO_ZERO, Axis, Tick

SYMLOG_LINSCALE = 0.9 * DECADES_TO_ZERO
"""Matplotlib's name for the same length: it divides by 1 − 1/10."""


def draw_axis(ax: Axes, name: Literal["x", "y"], axis: Axis) -> None:
    """Give the x or y axis of ``ax`` the scale, ends, ticks and words of ``axis``."""
    if axis.linear_within is not None:
        # Between two ends of one sign this is a plain logarithmic axis, below zero as well.
        options = {"linthresh": axis.linear_within, "linscale": SYMLOG_LINSCALE}
        (ax.set_xscale if name == "x" else ax.set_yscale)("symlog", **options)
    (ax.set_xlim if name == "x" else ax.set_ylim)(axis.low, axis.high)
    draw_ticks(ax, name, axis.ticks)
    (ax.xaxis if name == "x" else ax.yaxis).set_label_text("\n".join(axis.words))


def draw_ticks(ax: Axes, name: Literal["x", "y"], ticks: Sequence[Tick]) -> None:
    """Put ``ticks``, and no others, on the x or y axis of ``ax``."""
    drawn = ax.xaxis if name == "x" else ax.yaxis
    drawn.set_major_locator(FixedLocator([tick.at for tick in ticks]))
    drawn.set_major_formatter(FixedFormatter([tick.label for tick in ticks]))
    drawn.set_minor_locator(NullLocator())
