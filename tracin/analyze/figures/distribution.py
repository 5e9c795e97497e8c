"""How scores are distributed, as charts: bins, order, scale and words, decided once. Pure.

The PNG and the page draw these values and decide nothing but colours and fonts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracin.analyze.figures.scale import (
    MARGIN,
    Axis,
    linear_axis,
    log_axis,
    log_axis_around_zero,
    spans_decades,
    whole_axis,
)
from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.read.scan import Float64Array
from tracin.wording import count, number, signed

Sign = Literal[-1, 0, 1]

FEWEST_BINS, MOST_BINS = 6, 30
MOST_DECADES = 12
"""Scores smaller than the largest by more than this stand in the first bar together."""

SAME = 1e-3
"""Scores that differ by less than this share of their size count as one: they read the same."""

MOST_BARS = 120
"""Of more test images only so many, evenly spaced in their order, have a bar."""

SEPARATE_BARS = 60
"""Up to so many bars are told apart by gaps; more are an area."""

BESIDE_SINGLE_BAR = 3
"""Widths of a histogram's only bar left free on each side of it: it is no wall."""

FEWEST_BARS = 8
"""The axis has room for so many: a single test image is a bar, not a wall."""

ABOVE_BARS = 0.08
"""Share of a chart's height left free above the highest bar."""


@dataclass(frozen=True)
class Bar:
    """A bar over a stretch of the x axis, from zero to ``height``."""

    left: float
    right: float
    height: float
    sign: Sign
    """Of the scores that it stands for: above zero helped, below zero hurt."""
    words: str
    """What it says to a reader who points at it."""


@dataclass(frozen=True)
class LegendEntry:
    """What the bars of one sign mean, and how many test images they stand for."""

    sign: Sign
    words: str


@dataclass(frozen=True)
class Chart:
    """Bars over two axes, from left to right."""

    title: str
    alt: str
    """A sentence for those who cannot see it."""
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    counts: bool = False
    """The heights are numbers of test images; else they are scores."""
    mean: float | None = None
    """Where on the x axis a line marks the mean; None: nowhere."""
    legend: tuple[LegendEntry, ...] = ()

    @property
    def separate(self) -> bool:
        """Whether gaps tell the bars apart."""
        return len(self.bars) <= SEPARATE_BARS


@dataclass(frozen=True)
class NoChart:
    """Why there is nothing to draw."""

    title: str
    why: str


def overall_charts(overall: OverallSummary) -> tuple[Chart | NoChart, ...]:
    """The three charts of the run, from left to right."""
    return (
        histogram(overall.test_max, 1, overall.unit),
        histogram(overall.test_min, -1, overall.unit),
        averages(overall.test_mean, overall.unit),
    )


def histogram(values: Float64Array, sign: Literal[-1, 1], unit: str) -> Chart | NoChart:
    """How many test images have which largest (``sign`` 1) or smallest (−1) score, and their mean.

    Args:
        values: (n,), one for each test image; those without a score of this sign are counted in
            words only.
        sign: of the scores shown.
        unit: what a score measures.
    """
    title = "Largest positive influence" if sign > 0 else "Most negative influence"
    shown = values[sign * values > 0]
    if not len(shown):
        return NoChart(title, f"No test image has a score {'above' if sign > 0 else 'below'} zero.")
    mean, sizes = float(shown.mean()), np.abs(shown)
    what = f"{'largest' if sign > 0 else 'smallest'} score of a test image"
    folded = 0
    if spans_decades(sizes):
        floor = _smallest_placed(sizes)
        folded = int((sizes < floor).sum())
        shown = sign * np.maximum(sizes, floor)
        edges = np.sort(sign * _log_edges(np.abs(shown)))
        x = log_axis(floor, float(sizes.max()), sign, what, unit)
    else:
        edges = _linear_edges(shown)
        beyond = (MARGIN if len(edges) > 2 else BESIDE_SINGLE_BAR) * float(np.ptp(edges))
        x = linear_axis(float(edges[0]) - beyond, float(edges[-1]) + beyond, what, unit)
    counts = np.histogram(shown, edges)[0]
    quarter, three_quarters = (float(score) for score in np.quantile(values, [0.25, 0.75]))
    notes = _notes(len(values), len(shown), folded, sign)
    return Chart(
        title,
        f"{title} of {count(len(values), 'test image')}: the middle half lies between "
        f"{signed(quarter)} and {signed(three_quarters)}.",
        x,
        whole_axis(0.0, (1 + ABOVE_BARS) * int(counts.max()), f"test images ({notes})"),
        tuple(
            Bar(
                float(left),
                float(right),
                float(n),
                sign,
                f"{int(n):,}: {_plain(sign, left)} to {_plain(sign, right)}",
            )
            for left, right, n in zip(edges[:-1], edges[1:], counts, strict=True)
        ),
        counts=True,
        mean=mean,
    )


def _notes(n: int, n_shown: int, folded: int, sign: int) -> str:
    notes = [f"n = {n:,}"]
    if n_shown < n:
        notes.append(f"{n - n_shown:,} without one")
    if folded:
        notes.append(f"{folded:,} smaller in the {'first' if sign > 0 else 'last'} bar")
    return "; ".join(notes)


def averages(means: Float64Array, unit: str) -> Chart | NoChart:
    """The average influence on each test image, from the most negative to the most positive."""
    title = "Average influence per test image"
    if not means.any():
        return NoChart(title, "Every average is zero.")
    n = len(means)
    ordered = np.sort(means)
    ranks = np.unique(np.linspace(0, n - 1, MOST_BARS).round().astype(int))
    edges = np.linspace(0, n, len(ranks) + 1)
    above, below = int((means > 0).sum()), int((means < 0).sum())
    spare = max(0.0, (FEWEST_BARS - n) / 2)
    what = f"test images, sorted by their average (n = {n:,})"
    return Chart(
        title,
        f"{title}: above zero for {above:,} of {count(n, 'test image')}, from "
        f"{signed(float(ordered[0]))} to {signed(float(ordered[-1]))}.",
        # The k-th image has its bar from k − 1 to k, and its number under the middle.
        whole_axis(-spare, n + spare, what, shift=0.5),
        _averages_axis(means, unit),
        tuple(
            Bar(
                float(left),
                float(right),
                float(ordered[rank]),
                _sign(float(ordered[rank])),
                f"{rank + 1:,} of {n:,}: {signed(float(ordered[rank]))}",
            )
            for rank, left, right in zip(ranks, edges[:-1], edges[1:], strict=True)
        ),
        legend=_legend(above, below, n - above - below),
    )


def _averages_axis(means: Float64Array, unit: str) -> Axis:
    if spans_decades(np.abs(means)):
        return log_axis_around_zero(means, "average score", unit)
    low, high = min(0.0, float(means.min())), max(0.0, float(means.max()))
    return linear_axis((1 + ABOVE_BARS) * low, (1 + ABOVE_BARS) * high, "average score", unit)


def _legend(above: int, below: int, zero: int) -> tuple[LegendEntry, ...]:
    helped = LegendEntry(1, f"+  helped on average: {above:,} of {above + below + zero:,}")
    hurt = LegendEntry(-1, f"−  hurt: {below:,}")
    return (helped, hurt, LegendEntry(0, f"0  neither: {zero:,}"))[: 3 if zero else 2]


def _smallest_placed(sizes: Float64Array) -> float:
    """The smallest size with a place of its own; at most one in twenty lies below."""
    furthest = float(sizes.max()) / 10.0**MOST_DECADES
    return max(float(sizes.min()), min(furthest, float(np.quantile(sizes, 0.05))))


def _bins(values: Float64Array) -> int:
    """Rice's rule: enough to see a shape, few enough that chance does not draw one."""
    return int(np.clip(np.ceil(2 * np.cbrt(len(values))), FEWEST_BINS, MOST_BINS))


def _linear_edges(values: Float64Array) -> Float64Array:
    low, high = float(values.min()), float(values.max())
    if high - low <= SAME * max(abs(low), abs(high)):  # one bar around the value
        return (low + high) / 2 + max(abs(low), abs(high)) * np.array([-0.1, 0.1])
    return np.linspace(low, high, _bins(values) + 1)


def _log_edges(sizes: Float64Array) -> Float64Array:
    edges = np.geomspace(sizes.min(), sizes.max(), _bins(sizes) + 1)
    edges[0], edges[-1] = sizes.min(), sizes.max()  # rounding must not leave out the extremes
    return edges


def _sign(value: float) -> Sign:
    return 1 if value > 0 else -1 if value < 0 else 0


def _plain(sign: int, value: float) -> str:
    return f"{'+' if sign > 0 else '−'}{number(abs(value))}"
