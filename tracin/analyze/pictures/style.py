"""How every picture looks: colours, sizes, and places in inches."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tracin.analyze.pictures.fonts import families_for

# Okabe and Ito's palette, told apart with every kind of colour vision; never the only sign of a
# meaning: bad is also hatched, below a line, or marked with a minus.
HELPED = "#009E73"
HURT = "#D55E00"
FAIR = "#E69F00"
NEUTRAL = "#0072B2"
HELPED_INK = "#00694C"
HURT_INK = "#A34700"
"""The two darker, for text: contrast above 5 : 1 on white."""
INK = "#1B2730"
MUTED = "#52616B"
LINE = "#C9D1D6"
TILE = "#F2F5F7"
HATCH = "////"

BAND_COLOURS = {"EXCELLENT": HELPED, "GOOD": HELPED, "FAIR": FAIR, "NEEDS ATTENTION": HURT}

# Points; at 120 dots per inch the smallest is 19 pixels high.
TITLE, HEADING, BODY, SMALL = 24, 15.5, 13, 11.5

PAGE_WIDTH = 16.0
"""Inches; 1,920 pixels, a full screen."""
DPI = 120
MARGIN = 0.5
CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN
PAGE_TOP = 0.7 * MARGIN
"""A title's letters begin below its upper edge: less than a margin looks like one."""


@contextmanager
def applied_style(texts: Iterable[str] = ()) -> Iterator[tuple[str, ...]]:
    """Apply the settings of our pictures, with fonts for ``texts``, for as long as it lasts.

    Figures are built and saved inside. Gives the names of the fonts.
    """
    families = families_for(texts)
    settings: dict[Any, Any] = {
        "font.family": list(families),
        "font.size": SMALL,
        "text.color": INK,
        "text.hinting": "no_hinting",  # a third faster, and letters keep their shape at 120 dpi
        "text.parse_math": False,  # a file may be called $x$.jpg
        "axes.edgecolor": LINE,
        "axes.labelcolor": INK,
        "axes.labelsize": SMALL,
        "axes.titlecolor": INK,
        "axes.unicode_minus": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "axes.axisbelow": True,
        "grid.color": "#E4E9EC",
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "hatch.linewidth": 1.0,
        "hatch.color": "white",
        "legend.frameon": False,
        "legend.fontsize": SMALL,
    }
    # A font for another script may lack the bold face; the regular one serves without a notice.
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with mpl.rc_context(settings):
            yield families
    finally:
        logger.setLevel(level)


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


def save(picture: Image.Image, path: Path) -> None:
    """Write ``picture`` as PNG, whatever the ending of ``path``."""
    # Level 1 is three times faster than the default and the file a fifth larger.
    picture.save(path, format="PNG", compress_level=1, dpi=(DPI, DPI))
