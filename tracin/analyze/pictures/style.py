"""How every picture of this wing looks: the shared style, pages, and places in inches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tracin.analyze.pictures.fonts import families_for
from tracin.chart_style import (
    BODY,
    DPI,
    FAIR,
    HEADING,
    HELPED,
    HELPED_INK,
    HURT,
    HURT_INK,
    INK,
    LINE,
    MARGIN,
    MUTED,
    NEUTRAL,
    PAGE_WIDTH,
    SMALL,
    TILE,
    TITLE,
    applied_settings,
)

# Drawing code finds all that decides how a page looks under this one name.
__all__ = [
    "BODY",
    "DPI",
    "FAIR",
    "HEADING",
    "HELPED",
    "HELPED_INK",
    "HURT",
    "HURT_INK",
    "INK",
    "LINE",
    "MARGIN",
    "MUTED",
    "NEUTRAL",
    "PAGE_WIDTH",
    "SMALL",
    "TILE",
    "TITLE",
]

HATCH = "////"

BAND_COLOURS = {"EXCELLENT": HELPED, "GOOD": HELPED, "FAIR": FAIR, "NEEDS ATTENTION": HURT}

CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN
PAGE_TOP = 0.7 * MARGIN
"""A title's letters begin below its upper edge: less than a margin looks like one."""


@contextmanager
def applied_style(texts: Iterable[str] = ()) -> Iterator[tuple[str, ...]]:
    """Apply the settings of our pictures, with fonts for ``texts``, for as long as it lasts.

    Figures are built and saved inside. Gives the names of the fonts.
    """
    families = families_for(texts)
    with applied_settings(families):
        yield families


def new_page(height: float) -> Figure:
    """An empty page of ``PAGE_WIDTH`` by ``height`` inches."""
    return Figure(figsize=(PAGE_WIDTH, height), dpi=DPI, facecolor="white")


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """New axes on the page; all in inches, ``top`` measured from the upper edge."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / page_width,
            1 - (top + height) / page_height,
            width / page_width,
            height / page_height,
        )
    )


def as_canvas(ax: Axes) -> tuple[float, float]:
    """Empty ``ax`` and make its unit an inch from top left; return its (width, height)."""
    pixels = ax.get_window_extent()
    width, height = pixels.width / DPI, pixels.height / DPI
    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    return width, height


def render(figure: Figure) -> Image.Image:
    """The pixels of ``figure``."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write ``picture`` as PNG, whatever the ending of ``path``."""
    # Level 1 is three times faster than the default and the file a fifth larger.
    picture.save(path, format="PNG", compress_level=1, dpi=(DPI, DPI))
