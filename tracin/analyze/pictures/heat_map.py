"""The panel of classes against classes: a heat map of what each adds up to for each."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tracin.analyze.figures.class_influence import ClassInfluence
from tracin.analyze.pictures import style, text
from tracin.analyze.pictures.fonts import drawable
from tracin.wording import count

HEADING = "Which training classes helped or hurt which test classes"

UNKNOWN = (
    "Not drawn: the labels of the training images or the classes of the test images are not known."
)

# Inches, from top to bottom and from left to right.
HEADING_BASE, REMARK_BASE, REMARK_LINE = 0.22, 0.49, 0.235
COLUMN_WORDS = 0.34
"""For the words above the columns' names."""
LEVEL_NAMES, SLANTED_NAMES = 0.32, 1.15
CELL_HEIGHT = 0.36
LOWEST_MAP = 1.6
"""High enough for the five labels of the colour bar."""
BELOW = 0.3
ROW_NAMES = 1.9
CELL_WIDTH = 1.15
"""At most: two classes do not fill the page."""
BEFORE_BAR, BAR_WIDTH, BAR_LABELS = 0.25, 0.2, 1.35
BESIDE_NAME = 0.1
UNKNOWN_HEIGHT = 0.85
POINTS_PER_INCH = 72

SLANT = 38
SLANTED_ROOM = 1.5
"""Inches of a slanted name, so that it stays within ``SLANTED_NAMES``."""

DEEPEST = 0.75
"""How much of the tool's colour the strongest cell has: dark text stays legible on it."""

PALETTE_STEPS = 100
"""Steps from white to a colour, of which ``DEEPEST`` names one."""


def heat_map_height(influence: ClassInfluence | None) -> float:
    """Inches that ``draw_heat_map`` takes."""
    if influence is None:
        return UNKNOWN_HEIGHT
    return _map_top(influence) + _map_height(influence) + BELOW


def draw_heat_map(
    figure: Figure, top: float, influence: ClassInfluence | None, unit: str
) -> Axes | None:
    """Draw classes against classes on ``figure``, or say why not.

    Args:
        figure: the page.
        top: inches from its upper edge.
        influence: what is drawn; None where labels or classes are not known.
        unit: what a score measures.

    Returns:
        The axes of the map.
    """
    height = heat_map_height(influence)
    canvas = style.axes_at(figure, style.MARGIN, top, style.CONTENT_WIDTH, height)
    style.as_canvas(canvas)
    canvas.text(0, HEADING_BASE, HEADING, fontsize=style.HEADING, fontweight="bold", va="baseline")
    remarks = (UNKNOWN,) if influence is None else _remarks(influence, unit)
    for line, words in enumerate(remarks):
        canvas.text(
            0,
            REMARK_BASE + line * REMARK_LINE,
            text.fit(words, style.CONTENT_WIDTH, style.SMALL),
            fontsize=style.SMALL,
            color=style.MUTED,
            va="baseline",
        )
    if influence is None:
        return None
    left, width = style.MARGIN + ROW_NAMES, _map_width(influence)
    bar_left = left + width + BEFORE_BAR
    top, height = top + _map_top(influence), _map_height(influence)
    ax = style.axes_at(figure, left, top, width, height)
    bar = style.axes_at(figure, bar_left, top, BAR_WIDTH, height)
    _draw_cells(ax, bar, influence)
    _draw_names(ax, influence)
    _draw_scale(bar, influence)
    return ax


def _remarks(influence: ClassInfluence, unit: str) -> tuple[str, ...]:
    scale = f", in {influence.scale}" if influence.scale else ""
    chosen = (
        f" {influence.n_shown} of {count(influence.n_classes, 'class')}: those with the strongest "
        "influence between classes."
        if influence.n_shown < influence.n_classes
        else ""
    )
    return (
        "Each cell adds up the scores of all training images of a class, averaged over the test "
        f"images of a class ({unit}{scale}).",
        f"Green, +: helped. Orange, −: hurt. Framed: a class on itself.{chosen}",
    )


def _draw_cells(ax: Axes, bar: Axes, influence: ClassInfluence) -> None:
    """Draw the cells with their numbers, where these fit, and a frame around each own class."""
    sns.heatmap(
        influence.strengths,
        ax=ax,
        cbar_ax=bar,
        cmap=_palette(),
        vmin=-1,
        vmax=1,
        annot=_numbers(influence),
        fmt="",
        annot_kws={"fontsize": style.SMALL, "color": style.INK},
        linewidths=1.5,
        linecolor="white",
        xticklabels=False,
        yticklabels=False,
    )
    for row, label in enumerate(influence.rows):
        if label in influence.columns:
            corner = (influence.columns.index(label), row)
            frame = Rectangle(corner, 1, 1, facecolor="none", edgecolor=style.MUTED, linewidth=1.5)
            frame.set_clip_on(False)
            ax.add_patch(frame)


def _numbers(influence: ClassInfluence) -> npt.NDArray[np.str_] | None:
    """The cells' numbers, as fine as they fit; None where they do not."""
    room = _map_width(influence) / len(influence.columns)
    for fine in (True, False):
        numbers = [
            [influence.shown(float(value), fine=fine) for value in row] for row in influence.sums
        ]
        if max(text.width(number, style.SMALL) for row in numbers for number in row) < room:
            return np.array(numbers)
    return None


def _draw_names(ax: Axes, influence: ClassInfluence) -> None:
    """Write the classes' names beside the rows and above the columns, and what these are."""
    middles = np.arange(len(influence.columns)) + 0.5
    if _names_are_level(influence):
        names = [drawable(name) for name in influence.columns]
        ax.set_xticks(middles, names)
    else:
        names = [text.fit(name, SLANTED_ROOM, style.SMALL) for name in influence.columns]
        ax.set_xticks(middles, names, rotation=SLANT, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    rows = [text.fit(name, ROW_NAMES - BESIDE_NAME, style.SMALL) for name in influence.rows]
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, rotation=0)
    ax.tick_params(length=0)
    above_names = LEVEL_NAMES if _names_are_level(influence) else SLANTED_NAMES
    _write_corner(ax, "test class", (0, above_names), "left")
    _write_corner(ax, "training class", (-BESIDE_NAME, BESIDE_NAME), "right")


def _write_corner(
    ax: Axes, words: str, offset: tuple[float, float], align: Literal["left", "right"]
) -> None:
    """Write ``words`` ``offset`` inches right of the map's upper left corner, and above it."""
    ax.annotate(
        words,
        (0, 1),
        xycoords="axes fraction",
        xytext=(POINTS_PER_INCH * offset[0], POINTS_PER_INCH * offset[1]),
        textcoords="offset points",
        fontsize=style.SMALL,
        fontweight="bold",
        ha=align,
        va="bottom",
    )


def _draw_scale(bar: Axes, influence: ClassInfluence) -> None:
    """Label the colour bar with what its colours stand for."""
    shares = (-1.0, -0.5, 0.0, 0.5, 1.0)
    meaning = {-1.0: " hurt", 1.0: " helped"}
    values = (np.sign(share) * share**2 * influence.largest for share in shares)
    labels = [
        influence.shown(float(value)) + meaning.get(share, "")
        for share, value in zip(shares, values, strict=True)
    ]
    bar.set_yticks(shares, labels)
    bar.tick_params(length=0)


def _palette() -> Colormap:
    """Orange over white to green."""
    ends = [
        sns.blend_palette(["white", colour], PALETTE_STEPS + 1)[round(PALETTE_STEPS * DEEPEST)]
        for colour in (style.HURT, style.HELPED)
    ]
    palette: Colormap = sns.blend_palette([ends[0], "white", ends[1]], as_cmap=True)
    return palette


def _map_width(influence: ClassInfluence) -> float:
    room = style.CONTENT_WIDTH - ROW_NAMES - BEFORE_BAR - BAR_WIDTH - BAR_LABELS
    return min(room, CELL_WIDTH * len(influence.columns))


def _map_height(influence: ClassInfluence) -> float:
    return max(LOWEST_MAP, CELL_HEIGHT * len(influence.rows))


def _map_top(influence: ClassInfluence) -> float:
    names = LEVEL_NAMES if _names_are_level(influence) else SLANTED_NAMES
    return REMARK_BASE + REMARK_LINE + COLUMN_WORDS + names + BESIDE_NAME


def _names_are_level(influence: ClassInfluence) -> bool:
    room = _map_width(influence) / len(influence.columns) - BESIDE_NAME
    return all(text.width(drawable(name), style.SMALL) <= room for name in influence.columns)
