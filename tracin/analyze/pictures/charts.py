"""Panels with axes: how scores are distributed, and which training class sums up to what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from tracin.analyze.figures.distribution import Chart, LegendEntry, NoChart
from tracin.analyze.figures.scale import linear_axis
from tracin.analyze.figures.summary import ClassSummary
from tracin.analyze.pictures import style, text
from tracin.analyze.pictures.axes import draw_axis
from tracin.analyze.pictures.signs import (
    colour_of,
    hatch_negative,
    sign_colours,
    sign_ink,
    write_message,
    write_title,
)
from tracin.analyze.read.scan import Float64Array
from tracin.wording import count, signed

MOST_LABELS = 10
"""So many training classes the sums show at most."""

LABEL_WIDTH, LABEL_ROOM = 1.55, 2.05
"""Inches for the name of a training class beside its bar at most, and with its number of images."""

BESIDE_BAR, BLANK_END = 0.15, 0.1
"""Inches: around the text at the end of a bar, and at an end of the axis that no bar points to."""

NEAR_EDGE = 0.3
"""Share of a panel's width in which a text about a line stands beside it, not over it."""

GAP_BETWEEN_BARS = 0.8
"""Points of white around bars that are told apart."""


def draw_chart(ax: Axes, chart: Chart | NoChart) -> Axes:
    """Draw ``chart`` on ``ax``: bars, axes, and the mean or the legend; or why there are none."""
    write_title(ax, chart.title)
    if isinstance(chart, NoChart):
        return write_message(ax, chart.why)
    _draw_bars(ax, chart)
    draw_axis(ax, "x", chart.x)
    draw_axis(ax, "y", chart.y)
    ax.grid(axis="y")
    if chart.y.low < 0:
        ax.axhline(0, color=style.INK, linewidth=1)
    if chart.mean is not None:
        _mark_mean(ax, chart.mean)
    if chart.legend:
        _draw_legend(ax, chart.legend)
    return ax


def _draw_bars(ax: Axes, chart: Chart) -> None:
    """The bars of ``chart``; positive green, negative hatched orange."""
    lefts = np.array([bar.left for bar in chart.bars])
    rights = np.array([bar.right for bar in chart.bars])
    heights = np.array([bar.height for bar in chart.bars])
    signs = np.array([bar.sign for bar in chart.bars], dtype=float)
    # Smoothed edges would leave thin seams between bars that are joined.
    line: dict[str, Any] = {
        "edgecolor": "white",
        "linewidth": GAP_BETWEEN_BARS * chart.separate,
        "antialiased": chart.separate,
        "snap": chart.separate,
    }
    if chart.counts:
        sns.histplot(
            x=(lefts + rights) / 2,
            weights=heights,
            bins=[*lefts.tolist(), float(rights[-1])],
            color=colour_of(signs[0]),
            alpha=1,
            ax=ax,
            **line,
        )
    else:
        ax.bar(lefts, heights, rights - lefts, align="edge", color=sign_colours(signs), **line)
    hatch_negative(ax.patches, signs)


def draw_label_sums(ax: Axes, summary: ClassSummary) -> Axes:
    """Draw what the training images of each label add up to for this class of test images."""
    write_title(ax, "Sum of scores by training class")
    if not summary.by_label:
        return write_message(ax, "The labels of the training images are not known.")
    if not any(total for _, total, _ in summary.by_label):
        return write_message(ax, "Every sum is zero.")
    largest = sorted(summary.by_label, key=lambda entry: -abs(entry[1]))[:MOST_LABELS]
    dropped = len(largest) < len(summary.by_label)
    entries = sorted(largest, key=lambda entry: entry[1])
    sums = np.array([total for _, total, _ in entries])
    rows = np.arange(len(entries))
    bars = ax.barh(
        rows, sums, height=0.62, color=sign_colours(sums), edgecolor="white", linewidth=0
    )
    hatch_negative(bars.patches, sums)
    ax.set_yticks(rows, [""] * len(rows))
    ax.tick_params(axis="y", length=0)
    _write_labels(ax, summary.name, entries)
    ax.axvline(0, color=style.INK, linewidth=1)
    chosen = f"{len(entries)} of {count(len(summary.by_label), 'class')}, " if dropped else ""
    what = f"sum of scores ({chosen}mean over n = {count(summary.n_test, 'test image')})"
    draw_axis(ax, "x", linear_axis(*_with_room(ax, sums), what, summary.unit))
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    return ax


def _write_labels(ax: Axes, own: str, entries: Sequence[tuple[str, float, int]]) -> None:
    """Write each class and its number of images at the left, each sum at the end of its bar."""
    for row, (label, total, n) in enumerate(entries):
        number, weight = f"  ({n:,})", "bold" if label == own else "normal"
        room = min(LABEL_WIDTH, LABEL_ROOM - text.width(number, style.BODY, weight))
        ax.annotate(
            text.fit(label, room, style.BODY, weight) + number,
            (0, row),
            xytext=(-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=style.BODY,
            fontweight=weight,
        )
        ax.annotate(
            signed(total),
            (total, row),
            xytext=(5 if total >= 0 else -5, 0),
            textcoords="offset points",
            ha="left" if total >= 0 else "right",
            va="center",
            fontsize=style.SMALL,
            color=sign_ink(total),
        )


def _with_room(ax: Axes, sums: Float64Array) -> tuple[float, float]:
    """(low, high) of an x axis on which each sum's text has room at the end of its bar."""
    inches = ax.get_window_extent().width / style.DPI
    room = max(text.width(signed(total), style.SMALL) for total in sums) + BESIDE_BAR
    left, right = room * bool((sums < 0).any()), room * bool((sums >= 0).any())
    low, high = min(0.0, float(sums.min())), max(0.0, float(sums.max()))
    scale = (high - low) / (inches - left - right)
    return low - max(left, BLANK_END) * scale, high + max(right, BLANK_END) * scale


def _mark_mean(ax: Axes, mean: float) -> None:
    """Draw a dashed line at the mean, its value above the panel, where no bar can hide it."""
    ax.axvline(mean, color=style.INK, linewidth=1.6, linestyle=(0, (4, 3)))
    fraction = float(ax.transAxes.inverted().transform(ax.transData.transform((mean, 0)))[0])
    ax.annotate(
        f"mean {signed(mean)}",
        (fraction, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        ha="left" if fraction < NEAR_EDGE else "right" if fraction > 1 - NEAR_EDGE else "center",
        va="bottom",
        fontsize=style.SMALL,
        fontweight="bold",
    )


def _draw_legend(ax: Axes, entries: Sequence[LegendEntry]) -> None:
    """Write what the colours mean above the panel, at its right end."""
    handles = [Patch(facecolor=colour_of(entry.sign), label=entry.words) for entry in entries]
    for handle, entry in zip(handles, entries, strict=True):
        if entry.sign < 0:
            handle.set(hatch=style.HATCH, edgecolor="white", linewidth=0)
    ax.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles),
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.4,
    )
