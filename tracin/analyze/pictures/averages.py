"""Panels with the average influence of the training set on each test image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from tracin.analyze.figures.distribution import spans_decades
from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.analyze.pictures import axes, style, text
from tracin.analyze.pictures.fonts import drawable
from tracin.analyze.pictures.signs import hatch_negative, panel_message, panel_title, sign_colours
from tracin.analyze.read.scan import Float64Array, Int64Array

MOST_BARS = 60
"""Up to so many test images each has its bar; more are drawn as a sorted profile."""

FEWEST_BARS = 8


def draw_averages(ax: Axes, overall: OverallSummary) -> Axes:
    """Average influence of the training set on each test image: bars, or a sorted profile."""
    panel_title(ax, "Average influence per test image")
    if not overall.test_mean.any():
        return panel_message(ax, "Every average is zero.")
    if overall.n_test > MOST_BARS:
        return _profile(ax, overall.test_mean, overall.unit)
    order = np.argsort(overall.group_of, kind="stable")
    names = overall.groups if overall.has_classes else ()
    return _bars(ax, overall.test_mean[order], overall.unit, names, overall.group_of[order])


def draw_class_averages(ax: Axes, one: ClassSummary) -> Axes:
    """The same for the test images of one class."""
    panel_title(ax, "Average influence per test image")
    if not one.test_mean.any():
        return panel_message(ax, "Every average is zero.")
    if one.n_test > MOST_BARS:
        return _profile(ax, one.test_mean, one.unit)
    return _bars(ax, np.sort(one.test_mean), one.unit, (), np.zeros(one.n_test, np.int64))


def _bars(
    ax: Axes, means: Float64Array, unit: str, names: Sequence[str], group_of: Int64Array
) -> Axes:
    """A bar for each test image, in order of ``group_of``; positive green, negative hatched."""
    positions = np.arange(len(means))
    bars = ax.bar(
        positions, means, width=0.78, color=sign_colours(means), linewidth=0, edgecolor="white"
    )
    hatch_negative(bars.patches, means)
    for position in positions[means == 0]:
        ax.annotate("0", (position, 0), xytext=(0, 2), textcoords="offset points", ha="center")
    ax.axhline(0, color=style.INK, linewidth=1)
    _scale_y(ax, means, unit)
    middle = (len(means) - 1) / 2
    half = max(len(means), FEWEST_BARS) / 2 + 0.1  # a few bars do not become walls
    ax.set_xlim(middle - half, middle + half)
    ax.margins(y=0.12)
    _group_ticks(ax, names, group_of, len(means))
    _sign_legend(ax, means)
    return ax


def _profile(ax: Axes, means: Float64Array, unit: str) -> Axes:
    """All test images from the most negative to the most positive mean."""
    ordered = np.sort(means)
    x = np.arange(len(ordered) + 1)
    steps = np.append(ordered, ordered[-1])
    ax.fill_between(x, np.maximum(steps, 0), step="post", color=style.HELPED, linewidth=0)
    below = ax.fill_between(x, np.minimum(steps, 0), step="post", facecolor=style.HURT, linewidth=0)
    below.set(hatch=style.HATCH, edgecolor="white")
    ax.axhline(0, color=style.INK, linewidth=1)
    _scale_y(ax, means, unit)
    ax.set_xlim(0, len(ordered))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel(f"test images, sorted by their average (n = {len(means):,})")
    _sign_legend(ax, means)
    return ax


def _scale_y(ax: Axes, means: Float64Array, unit: str) -> None:
    if spans_decades(np.abs(means)):
        axes.symmetric_log(ax, means, "average score", unit)
    else:
        axes.linear(ax.yaxis, float(np.abs(means).max()), "average score", unit)
    ax.grid(axis="y")


def _group_ticks(ax: Axes, names: Sequence[str], group_of: Int64Array, n: int) -> None:
    """Class names under their bars where there is room for them, else only the number of images."""
    ax.set_xticks([])
    pitch = ax.get_window_extent().width / style.DPI / n
    present, counts = np.unique(group_of, return_counts=True)
    ends = np.cumsum(counts)
    middles = ends - counts / 2 - 0.5
    apart = pitch * float(np.diff(middles, prepend=-1e9).min())
    if not names or apart < 0.18:
        order = "class" if names else "average"
        ax.set_xlabel(f"test images, sorted by {order} (n = {n:,})" if n > 1 else "the test image")
        return
    rooms = counts * pitch - 0.1
    level = all(
        text.width(drawable(names[group]), style.SMALL) <= room
        for group, room in zip(present, rooms, strict=True)
    )
    angle, room = (0, 9.0) if level else (38, 1.1) if apart >= 0.28 else (90, 0.72)
    shown = [text.fit(names[group], room, style.SMALL) for group in present]
    slant: dict[str, Any] = (
        {"rotation": angle, "ha": "right", "rotation_mode": "anchor"} if angle else {}
    )
    if angle == 90:
        slant["va"] = "center"
    ax.set_xticks(middles, shown, **slant)
    ax.tick_params(axis="x", length=0)
    for end in ends[:-1]:
        ax.axvline(end - 0.5, color=style.LINE, linewidth=0.8, zorder=0)
    ax.set_xlabel(f"test images by class (n = {n:,})")


def _sign_legend(ax: Axes, means: Float64Array) -> None:
    above, below = int((means > 0).sum()), int((means < 0).sum())
    zero = len(means) - above - below
    entries = [
        Patch(facecolor=style.HELPED, label=f"+  helped on average ({above:,})"),
        Patch(
            facecolor=style.HURT,
            hatch=style.HATCH,
            edgecolor="white",
            linewidth=0,
            label=f"−  hurt on average ({below:,})",
        ),
    ]
    if zero:
        entries.append(Patch(facecolor=style.LINE, label=f"0  neither ({zero:,})"))
    ax.legend(
        handles=entries,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.4,
    )
