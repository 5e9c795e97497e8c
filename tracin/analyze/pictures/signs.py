"""What panels share: titles, and telling good from bad by colour and by mark."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from tracin.analyze.pictures import style, text
from tracin.analyze.read.scan import Float64Array

TITLE_PAD = 26
"""Points from a panel to its title: a line of small text fits between."""


def write_title(ax: Axes, title: str) -> None:
    """Write ``title`` above the panel, with room between for a legend or a mark."""
    room = ax.get_window_extent().width / style.DPI
    shown = text.fit(title, room, style.HEADING, "bold")
    ax.set_title(shown, loc="left", fontsize=style.HEADING, fontweight="bold", pad=TITLE_PAD)


def write_message(ax: Axes, message: str) -> Axes:
    """Write ``message`` in place of a chart."""
    ax.set_axis_off()
    ax.text(
        0.5,
        0.5,
        message,
        transform=ax.transAxes,
        ha="center",
        va="center",
        fontsize=style.BODY,
        color=style.MUTED,
    )
    return ax


def sign_colours(values: Float64Array) -> list[str]:
    """The colour of a bar for each score."""
    return [colour_of(float(value)) for value in values]


def colour_of(value: float) -> str:
    """The colour of what a score of this sign stands for."""
    return style.HELPED if value > 0 else style.HURT if value < 0 else style.LINE


def sign_ink(value: float) -> str:
    """The colour of a score's text."""
    return style.HELPED_INK if value > 0 else style.HURT_INK if value < 0 else style.MUTED


def hatch_negative(patches: Sequence[Patch], values: Float64Array) -> None:
    """Hatch the bars of scores below zero."""
    for patch, value in zip(patches, values, strict=True):
        if value < 0:
            patch.set_hatch(style.HATCH)
