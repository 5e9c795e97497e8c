"""The page with the map: every image in the plane of the model's features."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from tracin.analyze.figures.image_map import ImageMap
from tracin.analyze.pictures import style, text
from tracin.analyze.words.image_map import HEADING, MISTAKE, SUSPECT, remarks
from tracin.chart_style import MOST_CLASS_COLOURS, class_colours
from tracin.wording import count

# Inches.
HEADING_BASE, REMARK_BASE, REMARK_LINE = 0.35, 0.78, 0.26
MAP_HEIGHT = 9.4
LEGEND_WIDTH = 3.4
LEGEND_NAME = 2.6

DOTS, SMALLEST_DOT = ((1_000, 28.0), (10_000, 14.0)), 6.0
"""(images at most, area of a dot in square points), and of more images."""
MARK = 70.0
MOST_DOTS = 50_000
"""More would lie on one another; a picture of more images shows so many, drawn by chance."""
NAME_EDGE = 3


def map_page(image_map: ImageMap) -> Figure:
    """The map, its classes in colour, suspects and mistakes marked."""
    shown = image_map.thinned(MOST_DOTS)
    lines = [
        line
        for remark in remarks(image_map, len(shown.paths))
        for line in text.wrap(remark, style.CONTENT_WIDTH, style.BODY)
    ]
    top = style.PAGE_TOP + REMARK_BASE + len(lines) * REMARK_LINE
    figure = style.new_page(top + MAP_HEIGHT + style.MARGIN)
    head = style.axes_at(figure, style.MARGIN, style.PAGE_TOP, style.CONTENT_WIDTH, top)
    style.as_canvas(head)
    head.text(0, HEADING_BASE, HEADING, fontsize=style.TITLE, fontweight="bold", va="baseline")
    for at, words in enumerate(lines):
        y = REMARK_BASE + at * REMARK_LINE
        head.text(0, y, words, fontsize=style.BODY, color=style.MUTED, va="baseline")
    width = style.CONTENT_WIDTH - LEGEND_WIDTH
    ax = style.axes_at(figure, style.MARGIN, top, width, MAP_HEIGHT)
    _draw_points(ax, shown)
    _draw_legend(ax, image_map)
    return figure


def _draw_points(ax: Axes, image_map: ImageMap) -> None:
    x, y = image_map.places.T
    colours = np.array(class_colours(len(image_map.class_names)))[image_map.label]
    size = next((area for images, area in DOTS if len(x) <= images), SMALLEST_DOT)
    ax.scatter(x, y, s=size, c=colours, alpha=0.55, linewidths=0)
    wrong, suspect = image_map.is_mistake, image_map.is_suspect
    ax.scatter(x[wrong], y[wrong], s=MARK, c=style.HURT, marker="x", linewidths=1.8)
    rings: dict[str, Any] = {"facecolors": "none", "edgecolors": style.INK, "linewidths": 1.4}
    ax.scatter(x[suspect], y[suspect], s=MARK, **rings)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
    if len(image_map.class_names) > MOST_CLASS_COLOURS:
        return
    for label, name in enumerate(image_map.class_names):
        members = (image_map.label == label) & ~image_map.is_test
        if members.any():
            ax.text(
                float(np.median(x[members])),
                float(np.median(y[members])),
                text.fit(name, LEGEND_NAME, style.BODY, "bold"),
                fontsize=style.BODY,
                fontweight="bold",
                ha="center",
                va="center",
                path_effects=[withStroke(linewidth=NAME_EDGE, foreground="white")],
            )


def _draw_legend(ax: Axes, image_map: ImageMap) -> None:
    suspects, mistakes = int(image_map.is_suspect.sum()), int(image_map.is_mistake.sum())
    marks = [
        _sign("o", f"{SUSPECT} ({suspects:,})", markerfacecolor="none", color=style.INK),
        _sign("x", f"{MISTAKE} ({mistakes:,})", color=style.HURT),
    ]
    names, colours = image_map.class_names, class_colours(len(image_map.class_names))
    if len(names) > MOST_CLASS_COLOURS:
        marks.append(_sign("o", f"{count(len(names), 'class')}, not told apart", color=colours[0]))
    else:
        counts = np.bincount(image_map.label, minlength=len(names))
        for name, colour, n in zip(names, colours, counts, strict=True):
            shown = text.fit(name, LEGEND_NAME - 0.6, style.SMALL)
            marks.append(_sign("o", f"{shown} ({n:,})", color=colour))
    ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)


def _sign(marker: str, label: str, color: str, **settings: Any) -> Line2D:
    sign: dict[str, Any] = {
        "linestyle": "none",
        "marker": marker,
        "markersize": 8,
        "color": color,
        **settings,
    }
    return Line2D([], [], label=label, **sign)
