"""The chart of a verdict: accuracy per seed in both arms, the difference, and earlier answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from tracin.analyze.pictures import panels, style, text
from tracin.temporary import replacing
from tracin.what_if.answers import Answer
from tracin.what_if.verdict import Verdict, signed_points

# Inches on the page.
TOP = 0.35
HEADING, CHART = 0.95, 3.3
UNDER_HEADING = 0.5
UNDER_CHART = 1.0
"""Room for the labels of the axes."""
ARMS_LEFT, ARMS_WIDTH = 4.0, 5.2
"""From the page's content; room for the arms' names on the left."""
DIFFERENCE_LEFT, DIFFERENCE_WIDTH = 10.6, 4.2
NAME_WIDTH = 3.7
"""Of an arm's name before it is wrapped."""
EARLIER_TOP, EARLIER_ROW, UNDER_EARLIER = 0.55, 0.62, 0.65
"""Above the earlier answers, for their heading; of each of them; below, for the axis."""
POINTS_LEFT = 7.3
"""Of an earlier difference in figures; what was asked stands left of it."""
FIRST_BASE, SECOND_BASE = 0.26, 0.5
"""From the top of an earlier answer to the base of its two lines."""

SPREAD = 0.15
"""Half the height over which an arm's dots are spread, so that equal values stand side by side."""
LEAST_REACH = 0.5
"""Percentage points that the axis of the difference shows at least: noise must not look large."""
BEYOND = 0.03
"""Share of an axis that may lie beyond what is possible, for the half of a dot on its end."""
NEAR_END = 0.7
"""Share of the reach."""


def write_chart(path: Path, verdict: Verdict, earlier: Sequence[Answer]) -> None:
    """Draw ``verdict``, and the ``earlier`` answers below it, as a PNG at ``path``."""
    texts = [*verdict.paragraphs, *(answer.name for answer in earlier)]
    with style.applied_style(texts), replacing(path) as temporary:
        style.save_picture(style.render(draw_verdict(verdict, earlier)), temporary)


def draw_verdict(verdict: Verdict, earlier: Sequence[Answer]) -> Figure:
    """Both arms as dots, one for each seed; beside them the difference with its interval; below,
    what it says, and the ``earlier`` answers, the latest first."""
    left, width = style.MARGIN, style.CONTENT_WIDTH
    chart = TOP + HEADING + UNDER_HEADING
    closing = chart + CHART + UNDER_CHART
    sentences = verdict.paragraphs[1:] if verdict.warning else verdict.paragraphs
    sentences_height = panels.sentences_height(sentences, width)
    before = closing + sentences_height
    rows = EARLIER_ROW * len(earlier)
    figure = style.new_page(
        before + (EARLIER_TOP + rows + UNDER_EARLIER if earlier else 0) + style.MARGIN
    )
    panels.draw_heading(
        style.axes_at(figure, left, TOP, width, HEADING),
        "What if the training data were changed?",
        verdict.change.capitalize(),
        warning=verdict.warning,
    )
    reach = _reach((verdict.interval, *((answer.low, answer.high) for answer in earlier)))
    at = left + DIFFERENCE_LEFT
    _draw_arms(style.axes_at(figure, left + ARMS_LEFT, chart, ARMS_WIDTH, CHART), verdict)
    _draw_difference(style.axes_at(figure, at, chart, DIFFERENCE_WIDTH, CHART), verdict, reach)
    panels.draw_sentences(
        style.axes_at(figure, left, closing, width, sentences_height), "Result", sentences
    )
    if earlier:
        _draw_asked(style.axes_at(figure, left, before, width, EARLIER_TOP + rows), earlier)
        _draw_intervals(
            style.axes_at(figure, at, before + EARLIER_TOP, DIFFERENCE_WIDTH, rows), earlier, reach
        )
    return figure


def _reach(intervals: Sequence[tuple[float, float]]) -> float:
    """Percentage points on both sides of zero that hold these intervals, and little beyond ±100."""
    farthest = max(abs(end) for interval in intervals for end in interval)
    return min(1.25 * max(farthest, LEAST_REACH), 100 * (1 + BEYOND))


def _draw_arms(ax: Axes, verdict: Verdict) -> Axes:
    changed, at_random = (100 * values for values in verdict.accuracies)
    arms = ((1, verdict.change, changed), (0, verdict.random, at_random))
    apart = np.linspace(-SPREAD, SPREAD, len(changed))
    for y, _, values in arms:
        ax.scatter(values, y + apart, s=46, color=style.NEUTRAL, zorder=2)
        ax.plot([values.mean()] * 2, [y - 0.3, y + 0.3], color=style.INK, linewidth=2.5)
    labels = ["\n".join(text.wrap(name, NAME_WIDTH, style.SMALL)) for _, name, _ in arms]
    ax.set_yticks([1, 0], labels)
    ax.set_ylim(-0.5, 1.5)
    low, high = ax.get_xlim()
    slack = BEYOND * (high - low)
    low, high = max(low, -slack), min(high, 100 + slack)
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(max(low, 0), min(high, 100))
    ax.xaxis.set_major_locator(FixedLocator([x for x in ticks if low <= x <= min(high, 100)]))
    ax.set_xlim(low, high)
    ax.set_xlabel(
        f"test accuracy in percent (n = {verdict.n_test:,})\na dot per seed, a bar for the mean"
    )
    ax.grid(axis="x")
    return ax


def _draw_difference(ax: Axes, verdict: Verdict, reach: float) -> Axes:
    _draw_interval(ax, 0, verdict.mean, verdict.interval)
    # A value near an end of the axis is written towards the middle, so that it stays on the page.
    near_end = abs(verdict.mean) > NEAR_END * reach
    ax.annotate(
        f"{signed_points(verdict.mean)} points",
        (verdict.mean, 0),
        (0, 18),
        textcoords="offset points",
        ha=("right" if verdict.mean > 0 else "left") if near_end else "center",
        fontsize=style.BODY,
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )
    ax.set_ylim(-1, 1)
    _finish_difference(ax, reach)
    ax.set_xlabel("difference in percentage points (right: better)\nmean and 95% interval")
    return ax


def _draw_asked(ax: Axes, earlier: Sequence[Answer]) -> Axes:
    """Write what was asked, when, and what the answer was, under a heading."""
    style.as_canvas(ax)
    ax.text(
        0,
        panels.HEADING_BASE,
        "Earlier answers",
        fontsize=style.HEADING,
        fontweight="bold",
        va="baseline",
    )
    room = POINTS_LEFT - panels.TILE_GAP
    figures_room = DIFFERENCE_LEFT - POINTS_LEFT
    for number, answer in enumerate(earlier):
        top = EARLIER_TOP + EARLIER_ROW * number
        name = answer.name[:1].upper() + answer.name[1:]
        facts = (
            f"{answer.when} · test accuracy {answer.accuracy_changed:.1%}, with random removals "
            f"{answer.accuracy_random:.1%}"
        )
        lines = (
            (0, FIRST_BASE, name, room, style.BODY, style.INK),
            (0, SECOND_BASE, facts, room, style.SMALL, style.MUTED),
            (POINTS_LEFT, FIRST_BASE, answer.verdict, figures_room, style.BODY, style.INK),
            (POINTS_LEFT, SECOND_BASE, answer.points, figures_room, style.SMALL, style.MUTED),
        )
        for x, base, words, space, size, ink in lines:
            fitting = text.fit(words, space, size)
            ax.text(x, top + base, fitting, fontsize=size, color=ink, va="baseline")
    return ax


def _draw_intervals(ax: Axes, earlier: Sequence[Answer], reach: float) -> Axes:
    """Draw the difference of each of the ``earlier`` answers beside its words."""
    for row, answer in enumerate(earlier):
        _draw_interval(ax, row + 0.5, answer.difference, (answer.low, answer.high), size=8)
    ax.set_ylim(len(earlier), 0)
    _finish_difference(ax, reach)
    return ax


def _draw_interval(
    ax: Axes, y: float, mean: float, interval: tuple[float, float], *, size: float = 13
) -> None:
    ax.plot(interval, [y, y], color=style.NEUTRAL, linewidth=5, solid_capstyle="butt")
    ax.plot([mean], [y], "o", markersize=size, color=style.INK, clip_on=False)


def _finish_difference(ax: Axes, reach: float) -> None:
    """Give ``ax`` its zero, and percentage points on both sides of it."""
    ax.axvline(0, color=style.MUTED, linewidth=1.5, linestyle="--", zorder=1)
    ax.set_xlim(-reach, reach)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
