"""Geometry of the overview's charts: numbers → places in a drawing of WIDTH × HEIGHT. Pure.

The drawings scale with the page; at the width of a phone their text is 12 pixels high.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tracin.analyze.figures.distribution import spans_decades
from tracin.analyze.read.scan import Float64Array
from tracin.wording import number, power_of_ten, signed

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 334, 24, 164
"""The frame of the values, in the drawing."""

_MOST_POINTS = 250

Place = Callable[[float, float, float], float]
"""(value, low, high) → where it stands."""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """A drawing, and what it says to those who cannot see it."""

    title: str
    y_label: str
    x_label: str
    alt: str
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()
    positive_path: str = ""
    negative_path: str = ""
    zero: float | None = None
    """y of the value zero."""
    negative: bool = False
    """The bars stand for opponents."""


def histogram(values: Float64Array, title: str, *, negative: bool) -> Chart:
    """How many test images have which score; logarithmic in size where scores span decades.

    Args:
        values: (n,), one for each test image.
        title: what the values are.
        negative: they are most negative influences: drawn as such, and sized by their magnitude.
    """
    sizes = -values if negative else values
    above = sizes[sizes > 0]
    if not len(above):
        none = "below" if negative else "above"
        return Chart(title, "", "", f"No test image has a score {none} zero.", negative=negative)
    log = spans_decades(above)
    places = np.log10(above) if log else above
    edges = np.histogram_bin_edges(places, bins=min(24, max(6, round(2 * len(above) ** (1 / 3)))))
    counts, _ = np.histogram(places, edges)
    low, high = float(edges[0]), float(edges[-1])
    mark = "−" if negative else "+"
    without = len(values) - len(above)
    note = f"; {without:,} without one" if without else ""
    return Chart(
        title,
        "test images",
        f"score of each test image{', logarithmic' if log else ''} (n = {len(values):,}{note})",
        f"{title}: half of the {len(values):,} test images lie between "
        f"{signed(float(np.quantile(values, 0.25)))} and "
        f"{signed(float(np.quantile(values, 0.75)))}.",
        x_ticks=_log_ticks(low, high, mark) if log else _ticks(low, high, _x, mark),
        y_ticks=_count_ticks(int(counts.max())),
        bars=_bars(counts, edges, mark, log=log),
        negative=negative,
    )


def _bars(counts: np.ndarray, edges: Float64Array, mark: str, *, log: bool) -> tuple[Bar, ...]:
    most, low, high = int(counts.max()), float(edges[0]), float(edges[-1])
    ends = 10.0**edges if log else edges
    bars = []
    for n, start, end, first, last in zip(
        counts, edges[:-1], edges[1:], ends[:-1], ends[1:], strict=True
    ):
        if n:
            left, right = _x(float(start), low, high), _x(float(end), low, high)
            top = BOTTOM - (BOTTOM - TOP) * int(n) / most
            title = f"{int(n):,}: {mark}{number(float(first))} to {mark}{number(float(last))}"
            width = max(0.5, right - left - 1)
            bars.append(
                Bar(round(left, 1), round(top, 1), round(width, 1), round(BOTTOM - top, 1), title)
            )
    return tuple(bars)


def profile(values: Float64Array, title: str) -> Chart:
    """The values sorted, as an area above zero and one below."""
    ordered = np.sort(values)[::-1]
    places = np.unique(np.linspace(0, len(ordered) - 1, _MOST_POINTS).round().astype(int))
    kept = ordered[places]
    low, high = min(0.0, float(kept.min())), max(0.0, float(kept.max()))
    if low == high:
        return Chart(title, "", "", "Every average is zero.")
    n_above = int((values > 0).sum())
    zero = _y(0.0, low, high)
    positions = (places + 0.5) / len(ordered)
    xs = [LEFT + (RIGHT - LEFT) * float(position) for position in positions]
    return Chart(
        title,
        "mean score",
        f"test images, from highest to lowest (n = {len(values):,})",
        f"{title}: above zero for {n_above:,} of {len(values):,} test images, from "
        f"{signed(float(ordered[-1]))} to {signed(float(ordered[0]))}.",
        x_ticks=(),
        y_ticks=tuple(Tick(round(tick.at, 1), tick.label) for tick in _ticks(low, high, _y, "")),
        positive_path=_area(xs, [_y(max(0.0, float(v)), low, high) for v in kept], zero),
        negative_path=_area(xs, [_y(min(0.0, float(v)), low, high) for v in kept], zero),
        zero=round(zero, 1),
    )


def _area(xs: Sequence[float], ys: Sequence[float], zero: float) -> str:
    """The path between a line and zero, each point as wide as its share of the axis."""
    xs = [LEFT, *xs, RIGHT]
    ys = [ys[0], *ys, ys[-1]]
    line = " ".join(f"L{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
    return f"M{LEFT} {zero:.1f} {line} L{RIGHT} {zero:.1f}Z"


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (RIGHT - LEFT) * (value - low) / (high - low) if high > low else LEFT


def _y(value: float, low: float, high: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)


def _ticks(low: float, high: float, place: Place, mark: str) -> tuple[Tick, ...]:
    """Three to five round numbers between ``low`` and ``high``."""
    rough = (high - low) / 4
    unit = 10.0 ** np.floor(np.log10(rough)) if rough > 0 else 1.0
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough)
    first = int(np.ceil(low / step - 1e-9))
    last = int(np.floor(high / step + 1e-9))
    values = [float(k * step) for k in range(first, last + 1)]
    return tuple(Tick(round(place(value, low, high), 1), _short(value, mark)) for value in values)


def _short(value: float, mark: str) -> str:
    if value == 0:
        return "0"
    sign = mark or ("−" if value < 0 else "")
    size = abs(value)
    exponent = int(np.floor(np.log10(size) + 1e-9))
    if -3 <= exponent < 5:
        return f"{sign}{size:,.10g}"
    return f"{sign}{size / 10.0**exponent:.2g}·{power_of_ten(exponent)}"


def _log_ticks(low: float, high: float, mark: str) -> tuple[Tick, ...]:
    """At most five powers of ten."""
    first, last = int(np.ceil(low)), int(np.floor(high))
    step = max(1, -(-(last - first + 1) // 5))
    return tuple(
        Tick(round(_x(float(k), low, high), 1), mark + _power(k))
        for k in range(first, last + 1, step)
    )


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -3 <= exponent < 4 else power_of_ten(exponent)


def _count_ticks(most: int) -> tuple[Tick, ...]:
    """Zero, the middle and the largest count."""
    values = sorted({0, most // 2, most})
    return tuple(Tick(round(_y(float(v), 0.0, float(most)), 1), f"{v:,}") for v in values)
