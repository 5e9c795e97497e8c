"""The chart of a verdict: accuracy per seed in both arms, and the difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tracin.analyze.pictures import panels, style, text
from tracin.results.staging import replacing
from tracin.what_if.verdict import Verdict, signed_points

CAVEAT = (
    "Only the head is retrained; the backbone has seen every image under its former label. The "
    "interval covers chance in training, not the choice of test images."
)
# Inches on the page.
TOP = 0.35
HEADING, CHART, SENTENCES = 0.95, 3.3, 1.75
UNDER_HEADING = 0.5
UNDER_CHART = 1.0
"""Room for the labels of the axes."""
ARMS_LEFT, ARMS_WIDTH = 4.0, 5.2
"""From the page's content; room for the arms' names on the left."""
DIFFERENCE_LEFT, DIFFERENCE_WIDTH = 10.6, 4.2
NAME_WIDTH = 3.7
"""Of an arm's name before it is wrapped."""

SPREAD = 0.15
"""Half the height over which an arm's dots are spread, so that equal values stand side by side."""
LEAST_REACH = 0.5
"""Percentage points that the axis of the difference shows at least: noise must not look large."""


def write_chart(path: Path, verdict: Verdict) -> None:
    """Draw ``verdict`` as a PNG at ``path``."""
    with style.applied_style([verdict.sentence]), replacing(path) as temporary:
        style.save(style.render(draw_verdict(verdict)), temporary)


def draw_verdict(verdict: Verdict) -> Figure:
    """Both arms as dots, one for each seed; beside them the difference with its interval."""
    chart = TOP + HEADING + UNDER_HEADING
    closing = chart + CHART + UNDER_CHART
    figure = style.new_page(closing + SENTENCES + style.MARGIN)
    left, width = style.MARGIN, style.CONTENT_WIDTH
    panels.draw_heading(
        style.axes_at(figure, left, TOP, width, HEADING),
        "What if the training data were changed?",
        verdict.change.capitalize(),
    )
    _draw_arms(style.axes_at(figure, left + ARMS_LEFT, chart, ARMS_WIDTH, CHART), verdict)
    _draw_difference(
        style.axes_at(figure, left + DIFFERENCE_LEFT, chart, DIFFERENCE_WIDTH, CHART), verdict
    )
    panels.draw_sentences(
        style.axes_at(figure, left, closing, width, SENTENCES), "Result", (verdict.sentence, CAVEAT)
    )
    return figure


def _draw_arms(ax: Axes, verdict: Verdict) -> Axes:
    arms = ((1, verdict.change, verdict.changed), (0, verdict.random, verdict.at_random))
    apart = np.linspace(-SPREAD, SPREAD, len(verdict.changed))
    for y, _, values in arms:
        ax.scatter(100 * values, y + apart, s=46, color=style.NEUTRAL, zorder=2)
        ax.plot([100 * values.mean()] * 2, [y - 0.3, y + 0.3], color=style.INK, linewidth=2.5)
    labels = ["\n".join(text.wrap(name, NAME_WIDTH, style.SMALL)) for _, name, _ in arms]
    ax.set_yticks([1, 0], labels)
    ax.set_ylim(-0.5, 1.5)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(
        f"test accuracy in percent (n = {verdict.n_test:,})\na dot per seed, a bar for the mean"
    )
    ax.grid(axis="x")
    return ax


def _draw_difference(ax: Axes, verdict: Verdict) -> Axes:
    low, high = verdict.interval
    ax.axvline(0, color=style.MUTED, linewidth=1.5, linestyle="--")
    ax.plot([low, high], [0, 0], color=style.NEUTRAL, linewidth=5, solid_capstyle="butt")
    ax.plot([verdict.mean], [0], "o", markersize=13, color=style.INK)
    ax.annotate(
        f"{signed_points(verdict.mean)} points",
        (verdict.mean, 0),
        (0, 18),
        textcoords="offset points",
        ha="center",
        fontsize=style.BODY,
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )
    reach = 1.25 * max(abs(low), abs(high), LEAST_REACH)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-1, 1)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    ax.set_xlabel("difference in percentage points (right: better)\nmean and 95% interval")
    return ax
