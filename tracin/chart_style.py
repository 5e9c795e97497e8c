"""How every chart looks, whichever wing draws it: colours, sizes of letters, settings."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

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

MOST_CLASS_COLOURS = 20
"""More classes than that are not told apart by colour."""

# Points; at 120 dots per inch the smallest is 19 pixels high.
TITLE, HEADING, BODY, SMALL = 24, 15.5, 13, 11.5

PAGE_WIDTH = 16.0
"""Inches; 1,920 pixels, a full screen."""
DPI = 120
MARGIN = 0.5

BASE_FONT = "DejaVu Sans"
"""Comes with Matplotlib."""


def class_colours(classes: int) -> tuple[str, ...]:
    """(classes,): a colour for each as ``#rrggbb``; the same for all where they are too many."""
    if classes > MOST_CLASS_COLOURS:
        return (MUTED,) * classes
    palette = mpl.colormaps["tab10" if classes <= 10 else "tab20"]
    return tuple(mpl.colors.to_hex(palette(each)) for each in range(classes))


@contextmanager
def applied_settings(fonts: Sequence[str] = (BASE_FONT,)) -> Iterator[None]:
    """Apply the settings of our pictures for as long as it lasts.

    Figures are built and saved inside.

    Args:
        fonts: names, the main one first; the others draw what it lacks.
    """
    settings: dict[Any, Any] = {
        "font.family": list(fonts),
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
            yield
    finally:
        logger.setLevel(level)
