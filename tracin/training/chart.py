"""The training curve as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tracin import chart_style as style
from tracin.training.outputs import EpochRow
from tracin.wording import count

# Inches on the page, from its upper or left edge.
HEIGHT = 6.1
TITLE_BASE, SUBTITLE_BASE = 0.65, 1.0
CHART_TOP, CHART_HEIGHT = 2.05, 2.9
REMARK_BASE = HEIGHT - 0.3
ACCURACY_LEFT, LOSS_LEFT = 1.1, 9.0
CHART_WIDTH = 5.0
"""To the right of each chart is room for the names of its lines."""

NAME_GAP = 0.085
"""Least distance between the names of two lines, as a share of the chart's height."""
BESIDE, ABOVE, TITLE_PAD = 8, 7, 28
"""Points from a chart to the names beside it, the mark above it, and its title."""

NEAR_THE_EDGE = 0.15
"""Share of a chart's width within which the best epoch's mark would reach over its side."""
HEADROOM = 1.1
"""The axis of the loss ends so many times as high as the highest loss."""

COUNTED = "Training images are varied, and counted before the step that learns from them"
COUNTED_AFTER = "validation images after the epoch"
DOTTED = "Dotted: what always naming the largest class would reach."

Quantity = Literal["accuracy", "loss"]


class Line(NamedTuple):
    """A line of a chart with a figure for each epoch."""

    name: str
    values: list[float]
    colour: str


def write_curve(path: Path, history: Sequence[EpochRow], largest_share: float) -> None:
    """Draw the figure of ``build_curve`` as a PNG at ``path``."""
    with style.applied_settings():
        build_curve(history, largest_share).savefig(path, format="png")


def build_curve(history: Sequence[EpochRow], largest_share: float) -> Figure:
    """Accuracy and loss by epoch, the best epoch marked, the head-only stage shaded.

    Args:
        history: the epochs so far, at least one.
        largest_share: share of the images that carry the largest class, 0 to 1: what always
            naming it would reach.
    """
    figure = Figure(figsize=(style.PAGE_WIDTH, HEIGHT), dpi=style.DPI, facecolor="white")
    remark = f"{COUNTED}; {COUNTED_AFTER}. {DOTTED}" if _best(history) else f"{COUNTED}. {DOTTED}"
    for base, words, size, weight, colour in (
        (TITLE_BASE, "Training curve", style.TITLE, "bold", style.INK),
        (SUBTITLE_BASE, _subtitle(history), style.BODY, "normal", style.MUTED),
        (REMARK_BASE, remark, style.SMALL, "normal", style.MUTED),
    ):
        position = (style.MARGIN / style.PAGE_WIDTH, 1 - base / HEIGHT)
        figure.text(*position, words, fontsize=size, fontweight=weight, color=colour)
    draw_accuracy(_axes_at(figure, ACCURACY_LEFT), history, largest_share)
    draw_loss(_axes_at(figure, LOSS_LEFT), history)
    return figure


def _axes_at(figure: Figure, left: float) -> Axes:
    bottom = 1 - (CHART_TOP + CHART_HEIGHT) / HEIGHT
    width = CHART_WIDTH / style.PAGE_WIDTH
    return figure.add_axes((left / style.PAGE_WIDTH, bottom, width, CHART_HEIGHT / HEIGHT))


def _best(history: Sequence[EpochRow]) -> EpochRow | None:
    return next((row for row in reversed(history) if row.best), None)


def _subtitle(history: Sequence[EpochRow]) -> str:
    best, epochs = _best(history), count(len(history), "epoch")
    if best is None or best.val_accuracy is None:
        return f"{epochs}, without validation images"
    which = f", the best is epoch {best.epoch}" if len(history) > 1 else ""
    return f"{epochs}{which}: right on {best.val_accuracy:.1%} of the validation images"


def draw_accuracy(ax: Axes, history: Sequence[EpochRow], largest_share: float) -> Axes:
    """Draw the share of images whose class the model names; dotted, that of the largest class."""
    ax.axhline(largest_share, color=style.INK, linestyle=":", linewidth=1.5, zorder=1)
    lines = _lines(history, "accuracy")
    _draw_lines(ax, history, lines)
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    names = [(line.values[-1], f"{line.name} {line.values[-1]:.1%}", line.colour) for line in lines]
    reference = (largest_share, f"largest class {largest_share:.1%}", style.INK)
    _name_lines(ax, [*names, reference])
    return _write_title(ax, "Accuracy")


def draw_loss(ax: Axes, history: Sequence[EpochRow]) -> Axes:
    """Draw the loss that the training makes small."""
    lines = _lines(history, "loss")
    _draw_lines(ax, history, lines)
    finite = [value for line in lines for value in line.values if math.isfinite(value)]
    ax.set_ylim(0, HEADROOM * max(finite, default=1) or 1)
    _name_lines(
        ax, [(line.values[-1], f"{line.name} {line.values[-1]:.3f}", line.colour) for line in lines]
    )
    return _write_title(ax, "Loss")


def _lines(history: Sequence[EpochRow], quantity: Quantity) -> list[Line]:
    """The lines of a chart; none for validation where no images are kept back."""
    found = []
    for name, prefix, colour in (
        ("training", "train", style.MUTED),
        ("validation", "val", style.NEUTRAL),
    ):
        values = [getattr(row, f"{prefix}_{quantity}") for row in history]
        if None not in values:
            found.append(Line(name, values, colour))
    return found


def _draw_lines(ax: Axes, history: Sequence[EpochRow], lines: Sequence[Line]) -> None:
    """Draw the lines over their epochs, the best epoch, and the first stage as a shade."""
    epochs = [row.epoch for row in history]
    drawn: dict[str, Any] = {
        "marker": "o",
        "clip_on": False,
    }  # at 100% the dots stand out in full
    for line in lines:
        ax.plot(epochs, line.values, color=line.colour, markersize=4, linewidth=2, **drawn)
    best = _best(history)
    if best is not None:
        ax.axvline(best.epoch, color=style.LINE, linewidth=1.5, zorder=1)
        value = lines[-1].values[best.epoch - 1]
        ax.plot(best.epoch, value, markersize=10, color=style.NEUTRAL, **drawn)
        ax.annotate(
            f"best: epoch {best.epoch}",
            (best.epoch, 1),
            (0, ABOVE),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha=_alignment((best.epoch - 0.5) / len(history)),
            color=style.NEUTRAL,
        )
    head_epochs = sum(row.stage == "head" for row in history)
    if head_epochs:
        ax.axvspan(0.5, head_epochs + 0.5, color=style.TILE, linewidth=0, zorder=0)
    shaded = " (shaded: the head alone learns)" if head_epochs else ""
    ax.set_xlabel(f"epoch{shaded}")
    ax.set_xlim(0.5, len(history) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(axis="y")


def _alignment(position: float) -> str:
    """How a text at ``position``, 0 to 1 of the chart's width, stands to stay within the chart."""
    if position < NEAR_THE_EDGE:
        return "left"
    return "right" if position > 1 - NEAR_THE_EDGE else "center"


def _name_lines(ax: Axes, names: Sequence[tuple[float, str, str]]) -> None:
    """Write each (height, text, colour) beside the right end, moved where two would touch."""
    low, high = ax.get_ylim()
    shown = [
        ((value - low) / (high - low), words, colour)
        for value, words, colour in sorted(names)
        if math.isfinite(value)
    ]
    positions = spread([position for position, _, _ in shown], NAME_GAP)
    for position, (_, words, colour) in zip(positions, shown, strict=True):
        ax.annotate(
            words,
            (1, position),
            (BESIDE, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colour,
        )


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Ascending ``positions`` moved as little as need be, so that any two are ``gap`` apart.

    Neighbours that touch become a block around the mean of where they wanted to be.
    """
    blocks: list[tuple[float, list[float]]] = []
    for position in positions:
        block = [position]
        while blocks and _bottom(block, gap) < blocks[-1][0] + gap * len(blocks[-1][1]):
            block = blocks.pop()[1] + block
        blocks.append((_bottom(block, gap), block))
    return [bottom + gap * step for bottom, block in blocks for step in range(len(block))]


def _bottom(block: Sequence[float], gap: float) -> float:
    """Where a block begins whose middle is the mean of its places."""
    return sum(block) / len(block) - gap * (len(block) - 1) / 2


def _write_title(ax: Axes, title: str) -> Axes:
    ax.set_title(title, loc="left", fontsize=style.HEADING, fontweight="bold", pad=TITLE_PAD)
    return ax
