"""Drawings of the overview's charts: their values → places in an SVG. Pure.

The drawings scale with the page; at the width of a phone their text is 12 pixels high.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tracin.analyze.figures.distribution import Chart, NoChart
from tracin.wording import signed

WIDTH, HEIGHT = 340, 216
LEFT, RIGHT, TOP, BOTTOM = 44, 334, 50, 190
"""The frame of the values, in the drawing."""

WORDS_LEFT, WORDS_TOP, WORDS_LINE = 2, 12, 15
"""Left end and base of the first line above the frame, and the distance to the next."""

TICK_GAP, TICK_DROP, TICK_SINK = 5, 17, 4
"""Labels stand left of the frame, below it, and this much under the middle of their line."""

MEAN_LIFT = 4
"""The words about the mean stand this much above the frame."""

NEAR_EDGE = 0.25
"""Share of the frame's width in which a text about a line stands beside it, not over it."""

GAP = 1.0
"""Between bars that are told apart."""

HATCH = 6
"""From one line of the hatching to the next."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Text:
    """Words at a place."""

    x: float
    y: float
    words: str
    anchor: Anchor = "start"
    bold: bool = False


@dataclass(frozen=True)
class Rectangle:
    """A bar, and what it says to those who point at it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    """``helped``, ``hurt`` or ``neither``."""
    words: str


@dataclass(frozen=True)
class Key:
    """A colour, and what it means."""

    kind: str
    words: str


@dataclass(frozen=True)
class Drawing:
    """What the template fills into an SVG and around it; or ``why`` there is none."""

    title: str
    why: str = ""
    alt: str = ""
    x_words: tuple[str, ...] = ()
    key: tuple[Key, ...] = ()
    grid: tuple[str, ...] = ()
    """Paths of the thin lines, of the axis, and of the line at the mean ("": none)."""
    axis: str = ""
    mean: str = ""
    bars: tuple[Rectangle, ...] = ()
    texts: tuple[Text, ...] = ()
    separate: bool = True
    """Gaps tell the bars apart."""

    hatch: int = HATCH

    @property
    def view_box(self) -> str:
        """The whole drawing, as SVG writes it."""
        return f"0 0 {WIDTH} {HEIGHT}"


def drawing_of(chart: Chart | NoChart) -> Drawing:
    """``chart`` as what the template needs of it."""
    if isinstance(chart, NoChart):
        return Drawing(chart.title, chart.why)
    return Drawing(
        chart.title,
        alt=chart.alt,
        x_words=chart.x.words,
        key=tuple(Key(_kind(entry.sign), entry.words) for entry in chart.legend),
        grid=tuple(_across(_y(chart, tick.at)) for tick in chart.y.ticks),
        axis=_across(_y(chart, 0.0)),
        mean="" if chart.mean is None else f"M{_x(chart, chart.mean)} {TOP}V{BOTTOM}",
        bars=tuple(_rectangles(chart)),
        texts=tuple(_texts(chart)),
        separate=chart.separate,
    )


def _rectangles(chart: Chart) -> Iterator[Rectangle]:
    gap = GAP if chart.separate else 0.0
    for bar in chart.bars:
        if bar.height:
            left, right = _x(chart, bar.left), _x(chart, bar.right)
            upper, lower = sorted((_y(chart, 0.0), _y(chart, bar.height)))
            width = max(GAP / 2, right - left - gap)
            yield Rectangle(
                round(left + (right - left - width) / 2, 2),
                upper,
                round(width, 2),
                round(lower - upper, 2),
                _kind(bar.sign),
                bar.words,
            )


def _texts(chart: Chart) -> Iterator[Text]:
    for line, words in enumerate(chart.y.words):
        yield Text(WORDS_LEFT, WORDS_TOP + line * WORDS_LINE, words)
    for tick in chart.y.ticks:
        yield Text(LEFT - TICK_GAP, _y(chart, tick.at) + TICK_SINK, tick.label, "end")
    for tick in chart.x.ticks:
        yield Text(_x(chart, tick.at), BOTTOM + TICK_DROP, tick.label, "middle")
    if chart.mean is not None:
        along = chart.x.fraction(chart.mean)
        anchor: Anchor = (
            "start" if along < NEAR_EDGE else "end" if along > 1 - NEAR_EDGE else "middle"
        )
        yield Text(
            _x(chart, chart.mean), TOP - MEAN_LIFT, f"mean {signed(chart.mean)}", anchor, bold=True
        )


def _kind(sign: int) -> str:
    return "helped" if sign > 0 else "hurt" if sign < 0 else "neither"


def _across(y: float) -> str:
    return f"M{LEFT} {y}H{RIGHT}"


def _x(chart: Chart, value: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * chart.x.fraction(value), 2)


def _y(chart: Chart, value: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * chart.y.fraction(value), 2)
