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
HEADING, CHART, SENTENCES = 0.95, 3.3, 1.75


def write_chart(path: Path, verdict: Verdict) -> None:
    """Draw ``verdict`` as PNG."""
    with style.applied_style([verdict.sentence]), replacing(path) as temporary:
        style.save(style.render(draw_verdict(verdict)), temporary)


def draw_verdict(verdict: Verdict) -> Figure:
    """Both arms as dots, one for each seed; beside them the difference with its interval."""
    figure = style.new_page(0.35 + HEADING + 0.5 + CHART + 1.0 + SENTENCES + style.MARGIN)
    left, width = style.MARGIN, style.CONTENT_WIDTH
    heading = style.axes_at(figure, left, 0.35, width, HEADING)
    panels.draw_heading(
        heading, "What if the training data were changed?", verdict.change.capitalize()
    )
    top = 0.35 + HEADING + 0.5
    _draw_arms(style.axes_at(figure, left + 4.0, top, 5.2, CHART), verdict)
    _draw_difference(style.axes_at(figure, left + 10.6, top, 4.2, CHART), verdict)
    closing = style.axes_at(figure, left, top + CHART + 1.0, width, SENTENCES)
    panels.draw_sentences(closing, "Result", (verdict.sentence, CAVEAT))
    return figure


def _draw_arms(ax: Axes, verdict: Verdict) -> Axes:
    arms = ((1, verdict.change, verdict.changed), (0, verdict.random, verdict.at_random))
    apart = np.linspace(-0.15, 0.15, len(verdict.changed))  # equal values stand side by side
    for y, _, values in arms:
        ax.scatter(100 * values, y + apart, s=46, color=style.NEUTRAL, zorder=2)
        ax.plot([100 * values.mean()] * 2, [y - 0.3, y + 0.3], color=style.INK, linewidth=2.5)
    labels = ["\n".join(text.wrap(name, 3.7, style.SMALL)) for _, name, _ in arms]
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
    reach = 1.25 * max(abs(low), abs(high), 0.5)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-1, 1)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    ax.set_xlabel("difference in percentage points (right: better)\nmean and 95% interval")
    return ax
