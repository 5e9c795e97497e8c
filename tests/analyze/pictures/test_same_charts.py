"""The picture and the page show the same charts: bars, order, scale, ticks and words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tracin.analyze.figures.distribution import Chart, NoChart, averages, histogram
from tracin.analyze.pictures import charts, style
from tracin.analyze.read.scan import Float64Array
from tracin.analyze.report import svg

RANDOM = np.random.default_rng(0)

VALUES: dict[str, Float64Array] = {
    "few": np.array([0.2, 0.5, 0.9]),
    "many": RANDOM.normal(5, 1, 300),
    "heavy tails": np.concatenate([RANDOM.normal(10, 1, 200), [3e3, 8e5, -4e4]]),
    "decades": RANDOM.lognormal(0, 4, 400) * 1e-7,
    "one value": np.array([0.031]),
    "all equal": np.full(40, 7.25e-9),
    "nearly equal": 1000 + 1e-7 * RANDOM.random(30),
    "all zero": np.zeros(12),
    "some zero": np.concatenate([np.zeros(30), RANDOM.lognormal(0, 1, 30)]),
    "mixed signs": RANDOM.normal(0, 1, 90),
    "mixed decades": RANDOM.lognormal(0, 3, 500) * RANDOM.choice([-1, 1], 500),
    "a speck": np.concatenate([RANDOM.lognormal(0, 3, 100), [1e-40, -1e-40]]),
    "thousands": RANDOM.standard_t(1.5, 5000),
}


def of(values: Float64Array) -> tuple[Chart | NoChart, ...]:
    return (histogram(values, 1, "unit"), histogram(values, -1, "unit"), averages(values, "unit"))


@pytest.fixture(params=VALUES)
def both(request: pytest.FixtureRequest) -> Iterator[list[tuple[Chart, Axes, svg.Drawing]]]:
    drawn = []
    with style.applied_style():
        for chart in of(VALUES[request.param]):
            ax = charts.draw_chart(style.new_page(5).add_subplot(), chart)
            drawing = svg.drawing_of(chart)
            if isinstance(chart, NoChart):
                assert drawing.why == chart.why in [text.get_text() for text in ax.texts]
                assert not ax.patches and not drawing.bars
            else:
                drawn.append((chart, ax, drawing))
        yield drawn


def in_axes(ax: Axes, x: float, y: float) -> tuple[float, float]:
    right, up = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))
    return float(right), float(up)


def in_frame(x: float, y: float) -> tuple[float, float]:
    return (x - svg.LEFT) / (svg.RIGHT - svg.LEFT), (svg.BOTTOM - y) / (svg.BOTTOM - svg.TOP)


Box = tuple[float, float, float, float, str]


def boxes_of_the_picture(ax: Axes) -> list[Box]:
    found = []
    for patch in ax.patches:
        assert isinstance(patch, Rectangle)
        if patch.get_height():
            x, y = patch.get_x(), patch.get_y()
            left, start = in_axes(ax, x, y)
            right, end = in_axes(ax, x + patch.get_width(), y + patch.get_height())
            kind = "hurt" if patch.get_hatch() else ""
            found.append((left, right, min(start, end), max(start, end), kind))
    return found


def boxes_of_the_page(drawing: svg.Drawing) -> list[Box]:
    found = []
    for bar in drawing.bars:
        left, up = in_frame(bar.x, bar.y)
        right, down = in_frame(bar.x + bar.width, bar.y + bar.height)
        found.append((left, right, down, up, "hurt" if bar.kind == "hurt" else ""))
    return found


def test_bars_stand_at_the_same_places_in_the_same_order(
    both: list[tuple[Chart, Axes, svg.Drawing]],
) -> None:
    for chart, ax, drawing in both:
        picture, page = boxes_of_the_picture(ax), boxes_of_the_page(drawing)
        assert len(picture) == len(page) == sum(bar.height != 0 for bar in chart.bars)
        assert [box[4] for box in picture] == [box[4] for box in page]
        # The page leaves a gap of one unit, and rounds to hundredths.
        wide, high = 1.2 / (svg.RIGHT - svg.LEFT), 0.03 / (svg.BOTTOM - svg.TOP)
        np.testing.assert_allclose([b[:2] for b in picture], [b[:2] for b in page], atol=wide)
        np.testing.assert_allclose([b[2:4] for b in picture], [b[2:4] for b in page], atol=high)
        lefts = [box[0] for box in page]
        assert lefts == sorted(lefts)


def test_ticks_have_the_same_places_and_labels(
    both: list[tuple[Chart, Axes, svg.Drawing]],
) -> None:
    for chart, ax, drawing in both:
        page = [(*in_frame(text.x, text.y), text.words) for text in drawing.texts if not text.bold]
        across = [(x, words) for x, y, words in page if y < 0 and x >= 0]
        upward = [(y, words) for x, y, words in page if x < 0 and y < 1.1]
        for name, drawn, placed in (("x", ax.xaxis, across), ("y", ax.yaxis, upward)):
            labels = [label.get_text() for label in drawn.get_majorticklabels()]
            assert labels == [words for _, words in placed]
            at = [
                in_axes(ax, place, 0)[0] if name == "x" else in_axes(ax, chart.x.low, place)[1]
                for place in drawn.get_ticklocs()
            ]
            sunk = svg.TICK_SINK / (svg.BOTTOM - svg.TOP) if name == "y" else 0.0
            np.testing.assert_allclose(at, [place + sunk for place, _ in placed], atol=1e-3)
            assert len(labels) >= 2 or len(chart.bars) == 1
            assert len(set(labels)) == len(labels)


def test_scale_words_and_mean_are_the_same(
    both: list[tuple[Chart, Axes, svg.Drawing]],
) -> None:
    for chart, ax, drawing in both:
        for axis, scale in ((chart.x, ax.get_xscale()), (chart.y, ax.get_yscale())):
            assert scale == ("linear" if axis.linear_within is None else "symlog")
            assert ("log scale" in axis.words[0]) == (axis.linear_within is not None)
        assert tuple(ax.get_xlabel().split("\n")) == drawing.x_words
        said = [text.words for text in drawing.texts]
        assert all(line in said for line in ax.get_ylabel().split("\n"))
        assert ax.get_title(loc="left") == drawing.title
        legend = ax.get_legend()
        words = [text.get_text() for text in legend.get_texts()] if legend else []
        assert words == [key.words for key in drawing.key]
        bold = [text for text in drawing.texts if text.bold]
        assert [text.words for text in bold] == [text.get_text() for text in ax.texts]
        if chart.mean is not None:
            place = in_axes(ax, chart.mean, 0)[0]
            assert in_frame(bold[0].x, 0)[0] == pytest.approx(place, abs=1e-3)


def test_every_test_image_is_in_a_bar() -> None:
    for values in VALUES.values():
        for sign, chart in zip((1, -1), of(values)[:2], strict=True):
            if isinstance(chart, Chart):
                assert sum(bar.height for bar in chart.bars) == (sign * values > 0).sum()


@pytest.mark.parametrize("name", ["heavy tails", "decades", "a speck", "thousands"])
def test_heavy_tails_stay_readable(name: str) -> None:
    """No bar holds most of the images, and the bulk takes a good part of the axis."""
    chart = histogram(VALUES[name], 1, "unit")
    assert isinstance(chart, Chart) and chart.x.linear_within is not None
    counts = np.array([bar.height for bar in chart.bars])
    assert counts.max() < counts.sum() if name == "heavy tails" else counts.max() < counts.sum() / 2
    low, high = np.quantile(VALUES[name][VALUES[name] > 0], [0.05, 0.95])
    if name != "heavy tails":
        assert chart.x.fraction(float(high)) - chart.x.fraction(float(low)) > 0.15
