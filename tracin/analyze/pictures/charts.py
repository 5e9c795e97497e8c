"""Panels with axes: how scores are distributed, and who sums up to what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tracin.analyze.figures.distribution import spans_decades
from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.analyze.pictures import axes, style, text
from tracin.analyze.pictures.signs import (
    hatch_negative,
    panel_message,
    panel_title,
    sign_colours,
    sign_ink,
)
from tracin.analyze.read.scan import Float64Array
from tracin.wording import signed

MOST_LABELS = 10
"""So many training classes the sums show at most."""


def draw_extremes(ax: Axes, overall: OverallSummary, side: Literal["positive", "negative"]) -> Axes:
    """How the largest (or smallest) score of each test image is distributed, its mean marked."""
    positive = side == "positive"
    values = overall.test_max if positive else overall.test_min
    sign, colour = (1, style.HELPED) if positive else (-1, style.HURT)
    panel_title(ax, "Largest positive influence" if positive else "Most negative influence")
    if overall.all_zero:
        return panel_message(ax, "Every score is zero.")
    sizes = sign * values
    shown, left_out = sizes, 0
    label = f"{'largest' if positive else 'smallest'} score of a test image"
    if log := spans_decades(sizes):
        shown = sizes[sizes > 0]
        left_out = len(sizes) - len(shown)
        edges = _log_edges(shown)
    else:
        shown = values
        edges = _linear_edges(shown)
    hatch = None if positive else style.HATCH
    ax.hist(shown, bins=list(edges), color=colour, hatch=hatch, edgecolor="white", linewidth=0.8)
    if len(edges) == 2:  # one value: a bar, not a wall
        ax.set_xlim(edges[0] - 3 * np.ptp(edges), edges[1] + 3 * np.ptp(edges))
    mean = float(values.mean())
    if log:
        axes.logarithmic(ax, sign, label, overall.unit)
    else:
        axes.linear(ax.xaxis, float(np.abs(edges).max()), label, overall.unit)
    _mark_mean(ax, sign * mean if log else mean, mean)
    note = f"; {left_out:,} without one" if left_out else ""
    ax.set_ylabel(f"test images (n = {overall.n_test:,}{note})")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.grid(axis="y")
    return ax


def draw_label_sums(ax: Axes, one: ClassSummary) -> Axes:
    """What the training images of each label add up to for this class of test images."""
    panel_title(ax, "Sum of scores by training class")
    if not one.by_label:
        return panel_message(ax, "The labels of the training images are not known.")
    if not any(total for _, total, _ in one.by_label):
        return panel_message(ax, "Every sum is zero.")
    largest = sorted(one.by_label, key=lambda entry: -abs(entry[1]))[:MOST_LABELS]
    dropped = len(largest) < len(one.by_label)
    entries = sorted(largest, key=lambda entry: entry[1])
    sums = np.array([total for _, total, _ in entries])
    rows = np.arange(len(entries))
    bars = ax.barh(
        rows, sums, height=0.62, color=sign_colours(sums), edgecolor="white", linewidth=0
    )
    hatch_negative(bars.patches, sums)
    ax.set_yticks(rows, [""] * len(rows))
    ax.tick_params(axis="y", length=0)
    _write_labels(ax, one.name, entries)
    ax.axvline(0, color=style.INK, linewidth=1)
    _leave_room(ax, sums)
    whose = f"{len(entries)} of {len(one.by_label)} classes, " if dropped else ""
    what = f"sum of scores ({whose}mean over n = {one.n_test:,} test images)"
    axes.linear(ax.xaxis, float(np.abs(sums).max()), what, one.unit)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    return ax


def _write_labels(ax: Axes, own: str, entries: Sequence[tuple[str, float, int]]) -> None:
    """Each class and its number of images at the left, each sum at the end of its bar."""
    for row, (label, total, n) in enumerate(entries):
        shown = text.fit(label, 1.55, style.BODY, "bold" if label == own else "normal")
        ax.annotate(
            f"{shown}  ({n:,})",
            (0, row),
            xytext=(-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=style.BODY,
            fontweight="bold" if label == own else "normal",
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


def _leave_room(ax: Axes, sums: Float64Array) -> None:
    """Widen the x axis by the widest score's text at each end where bars point."""
    inches = ax.get_window_extent().width / style.DPI
    room = max(text.width(signed(total), style.SMALL) for total in sums) + 0.15
    left, right = room * bool((sums < 0).any()), room * bool((sums >= 0).any())
    low, high = min(0.0, float(sums.min())), max(0.0, float(sums.max()))
    scale = (high - low) / (inches - left - right)
    ax.set_xlim(low - max(left, 0.1) * scale, high + max(right, 0.1) * scale)


def _mark_mean(ax: Axes, position: float, mean: float) -> None:
    """A dashed line at the mean, its value above the panel, where no bar can hide it."""
    ax.axvline(position, color=style.INK, linewidth=1.6, linestyle=(0, (4, 3)))
    left, right = ax.get_xlim()
    fraction = float(ax.transAxes.inverted().transform(ax.transData.transform((position, 0)))[0])
    ax.annotate(
        f"mean {signed(mean)}",
        (fraction, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        ha="left" if fraction < 0.3 else "right" if fraction > 0.7 else "center",
        va="bottom",
        fontsize=style.SMALL,
        fontweight="bold",
    )
    ax.set_xlim(left, right)


def _bins(values: Float64Array) -> int:
    return int(np.clip(np.ceil(np.sqrt(len(values)) * 1.6), 6, 36))


def _linear_edges(values: Float64Array) -> Float64Array:
    low, high = float(values.min()), float(values.max())
    if low == high:  # one bar at the value
        return low + (abs(low) or 1.0) * np.array([-0.1, 0.1])
    return np.linspace(low, high, _bins(values) + 1)


def _log_edges(sizes: Float64Array) -> Float64Array:
    low, high = np.log10(sizes.min()), np.log10(sizes.max())
    edges: Float64Array = np.logspace(low, high, _bins(sizes) + 1)
    edges[0], edges[-1] = sizes.min(), sizes.max()  # rounding must not leave out the extremes
    return edges
