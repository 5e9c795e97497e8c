"""Bins, order, scale and ticks of the charts, at the ends and for odd values."""

from __future__ import annotations

import numpy as np
import pytest

from tracin.analyze.figures.distribution import (
    MOST_BARS,
    MOST_BINS,
    Chart,
    NoChart,
    averages,
    histogram,
)
from tracin.analyze.figures.scale import linear_axis, log_axis, spans_decades, whole_axis


def test_one_value_is_one_bar_and_no_wall() -> None:
    several: list[list[float]] = [[3.0], [3.0] * 5000, [3 + 1e-9 * k for k in range(8)]]
    for values in map(np.array, several):
        chart = histogram(values, 1, "unit")
        assert isinstance(chart, Chart)
        (bar,) = chart.bars
        assert bar.height == len(values)
        assert bar.left < 3 < bar.right
        assert chart.x.fraction(bar.right) - chart.x.fraction(bar.left) < 0.2


def test_without_a_score_of_its_sign_there_is_no_chart() -> None:
    for values in (np.zeros(4), -np.ones(4)):
        assert histogram(values, 1, "unit") == NoChart(
            "Largest positive influence", "No test image has a score above zero."
        )
    assert isinstance(averages(np.zeros(9), "unit"), NoChart)


def test_images_without_a_score_are_counted_in_words() -> None:
    chart = histogram(np.array([-1.0, 0.0, 2.0, 3.0]), 1, "unit")
    assert isinstance(chart, Chart)
    assert chart.y.words == ("test images (n = 4; 2 without one)",)
    assert chart.mean == 2.5


def test_a_speck_does_not_stretch_the_axis() -> None:
    values = np.concatenate([np.random.default_rng(0).lognormal(0, 3, 99), [1e-40]])
    for sign, where in ((1, "first"), (-1, "last")):
        chart = histogram(sign * values, 1 if sign > 0 else -1, "unit")
        assert isinstance(chart, Chart)
        assert f"1 smaller in the {where} bar" in chart.y.words[0]
        assert sum(bar.height for bar in chart.bars) == 100
        assert min(abs(chart.x.low), abs(chart.x.high)) > 1e-12


def test_the_most_negative_stands_left_in_every_chart() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    for chart in (histogram(values, -1, "unit"), averages(values, "unit")):
        assert isinstance(chart, Chart)
        assert chart.x.low < chart.x.high
        lefts = [bar.left for bar in chart.bars]
        assert lefts == sorted(lefts)
    chart = averages(values, "unit")
    assert isinstance(chart, Chart)
    heights = [bar.height for bar in chart.bars]
    assert heights == sorted(heights)
    assert (heights[0], heights[-1]) == (values.min(), values.max())


def test_number_of_bars_is_bounded() -> None:
    values = np.random.default_rng(0).normal(0, 1, 100_000)
    histogram_bars, average_bars = (
        len(chart.bars)
        for chart in (histogram(values, 1, "unit"), averages(values, "unit"))
        if isinstance(chart, Chart)
    )
    assert histogram_bars <= MOST_BINS
    assert average_bars == MOST_BARS


def test_a_few_outliers_make_an_axis_logarithmic() -> None:
    assert spans_decades(np.array([*[1.0] * 30, 100.0]))
    assert not spans_decades(np.linspace(0.001, 1, 300))
    assert not spans_decades(np.array([1.0, 1000.0]))


@pytest.mark.parametrize("scale", [1e-30, 1e-7, 1e-3, 1.0, 37.0, 1e3, 1e9])
@pytest.mark.parametrize("ends", [(0.0, 1.0), (-1.0, 2.6), (0.21, 0.98), (5.0, 5.01)])
def test_ticks_are_few_distinct_and_between_the_ends(
    scale: float, ends: tuple[float, float]
) -> None:
    low, high = (scale * end for end in ends)
    axis = linear_axis(low, high, "score", "unit")
    assert 2 <= len(axis.ticks) <= 6
    assert len({tick.label for tick in axis.ticks}) == len(axis.ticks)
    assert all(0 <= axis.fraction(tick.at) <= 1 for tick in axis.ticks)
    assert all(len(tick.label) <= 8 for tick in axis.ticks)


def test_whole_numbers_and_powers() -> None:
    assert [tick.label for tick in whole_axis(0, 1.08, "n").ticks] == ["0", "1"]
    assert [tick.label for tick in whole_axis(0, 5224, "n").ticks] == ["0", "2,000", "4,000"]
    assert [tick.label for tick in log_axis(0.04, 70, 1, "s", "u").ticks] == ["0.1", "1", "10"]
    negative = log_axis(2e-7, 3e-6, -1, "s", "u")
    assert [tick.label for tick in negative.ticks] == ["−3×10⁻⁷", "−10⁻⁶", "−3×10⁻⁶"]
    assert negative.low < negative.high < 0
