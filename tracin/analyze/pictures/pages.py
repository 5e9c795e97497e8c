"""The pictures: panels placed on the dashboard and on a page for each class."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tracin.analyze.figures.class_influence import strongest_class_influence
from tracin.analyze.figures.distribution import averages, overall_charts
from tracin.analyze.figures.summary import ClassSummary, OverallSummary, RankedImage
from tracin.analyze.pictures import charts, heat_map, panels, style, text
from tracin.analyze.pictures.panels import FindPixels, ImageRow
from tracin.analyze.words.findings import Words
from tracin.analyze.words.tiles import Effect, class_tiles, overall_tiles, remark_on
from tracin.results.schema import REPORT
from tracin.wording import count

# Inches, from top to bottom.
HEADING_HEIGHT = 0.95
TILE_HEIGHT = 1.25
BELOW_TILES = 0.15
CHART_TOP = 0.75
"""Above a chart, for its title and what stands on its upper edge."""
CHART_HEIGHT = 2.75
CHART_BELOW = 1.0
"""For the labels of the x axis and two lines of words."""
GAP = 0.18

# Inches, from left to right.
COLUMN_GAP = 0.6
"""Between two columns of sentences."""
CHART_GAP = 0.25
BESIDE_COUNTS, BESIDE_SCORES, BESIDE_CLASSES = 0.7, 0.95, 2.2
"""Left of a chart, for the labels and words of its y axis: numbers of images with one line, scores
with two, names of classes with their numbers of images."""
HISTOGRAM_WIDTH = 3.55
CLASS_AVERAGES_WIDTH = 6.2
LABEL_BEYOND = 0.3
"""Right of a chart whose last label may stand under its corner: half of that label."""
FINDINGS = 7
"""So many of them the dashboard tells at most; the page has them all."""
HEADING_TAIL = 5
"""Kept for the words of a heading around the name of a class."""


def dashboard(overall: OverallSummary, words: Words, find_pixels: FindPixels) -> Figure:
    """The main picture: figures, distributions, classes, the strongest images, and advice."""
    columns = (style.CONTENT_WIDTH - COLUMN_GAP) / 2
    closing = (
        ("Key findings", first_findings(words.findings)),
        ("Recommendations", words.recommendations),
    )
    rows = _image_rows(overall, "all test images", find_pixels)
    influence = strongest_class_influence(overall)
    page = _Page(
        (heat_map.heat_map_height(influence), *(row.height for row in rows)),
        max(panels.sentences_height(said, columns) for _, said in closing),
    )
    title = "Which training images helped, and which hurt"
    panels.draw_heading(page.heading(), title, _remark(overall), warning=overall.warning)
    panels.draw_tiles(page.tiles(), overall_tiles(overall))
    second = BESIDE_COUNTS + HISTOGRAM_WIDTH + CHART_GAP + BESIDE_COUNTS
    third = second + HISTOGRAM_WIDTH + CHART_GAP + BESIDE_SCORES
    places = (
        (BESIDE_COUNTS, HISTOGRAM_WIDTH),
        (second, HISTOGRAM_WIDTH),
        (third, style.CONTENT_WIDTH - third),
    )
    for (left, width), chart in zip(places, overall_charts(overall), strict=True):
        charts.draw_chart(page.chart(left, width), chart)
    heat_map.draw_heat_map(page.figure, page.block_top(0), influence, overall.unit)
    for number, row in enumerate(rows):
        panels.draw_images(page.block(number + 1), row)
    for number, (heading, said) in enumerate(closing):
        left = number * (columns + COLUMN_GAP)
        panels.draw_sentences(page.closing(left, columns), heading, said)
    return page.figure


def class_page(
    summary: ClassSummary,
    overall: OverallSummary,
    findings: Sequence[str],
    find_pixels: FindPixels,
) -> Figure:
    """The picture of one class of test images: figures, who helped and hurt it, findings."""
    rows = _image_rows(summary, summary.name, find_pixels)
    page = _Page(
        [row.height for row in rows], panels.sentences_height(findings, style.CONTENT_WIDTH)
    )
    question = ": which training images helped, and which hurt"
    room = style.CONTENT_WIDTH - text.width(question, style.TITLE, "bold")
    name = summary.name if summary.is_class else summary.name.capitalize()
    title = text.fit(name, room, style.TITLE, "bold") + question
    panels.draw_heading(page.heading(), title, _remark(overall), warning=overall.warning)
    panels.draw_tiles(page.tiles(), class_tiles(summary, overall))
    chart = averages(summary.test_mean, summary.unit)
    charts.draw_chart(page.chart(BESIDE_SCORES, CLASS_AVERAGES_WIDTH), chart)
    left = BESIDE_SCORES + CLASS_AVERAGES_WIDTH + CHART_GAP + BESIDE_CLASSES
    width = style.CONTENT_WIDTH - left - LABEL_BEYOND
    charts.draw_label_sums(page.chart(left, width), summary)
    for number, row in enumerate(rows):
        panels.draw_images(page.block(number), row)
    panels.draw_sentences(page.closing(0, style.CONTENT_WIDTH), "Findings", findings)
    return page.figure


class _Page:
    """A page as high as its content, and the places on it from top to bottom.

    Heading, tiles, charts, then ``blocks`` of the full width, and sentences to close.
    """

    def __init__(self, block_heights: Sequence[float], closing_height: float) -> None:
        heights = (
            HEADING_HEIGHT,
            TILE_HEIGHT + BELOW_TILES,
            CHART_TOP + CHART_HEIGHT + CHART_BELOW,
            *(height + GAP for height in block_heights),
            closing_height,
        )
        self._block_heights = block_heights
        self._closing_height = closing_height
        self._tops = [style.PAGE_TOP]
        for height in heights:
            self._tops.append(self._tops[-1] + height)
        self.figure = style.new_page(self._tops[-1] + style.MARGIN)

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        return style.axes_at(self.figure, style.MARGIN + left, top, width, height)

    def heading(self) -> Axes:
        return self._axes(0, self._tops[0], style.CONTENT_WIDTH, HEADING_HEIGHT)

    def tiles(self) -> Axes:
        return self._axes(0, self._tops[1], style.CONTENT_WIDTH, TILE_HEIGHT)

    def chart(self, left: float, width: float) -> Axes:
        return self._axes(left, self._tops[2] + CHART_TOP, width, CHART_HEIGHT)

    def block_top(self, number: int) -> float:
        return self._tops[3 + number]

    def block(self, number: int) -> Axes:
        height = self._block_heights[number]
        return self._axes(0, self.block_top(number), style.CONTENT_WIDTH, height)

    def closing(self, left: float, width: float) -> Axes:
        return self._axes(left, self._tops[-2], width, self._closing_height)


def first_findings(findings: Sequence[str]) -> Sequence[str]:
    """Those that the dashboard tells, and how many more there are."""
    more = len(findings) - FINDINGS
    if more <= 0:
        return findings
    return [*findings[:FINDINGS], f"{count(more, 'more finding')} in {REPORT}."]


def _remark(overall: OverallSummary) -> str:
    return " · ".join(part for part in (overall.method, overall.provenance) if part)


def _image_rows(
    summary: OverallSummary | ClassSummary, test_images: str, find_pixels: FindPixels
) -> tuple[ImageRow, ...]:
    sides: tuple[tuple[Effect, tuple[RankedImage, ...]], ...] = (
        ("helpful", summary.helpful),
        ("harmful", summary.harmful),
    )
    room = style.CONTENT_WIDTH - HEADING_TAIL
    test_images = text.fit(test_images, room, style.HEADING, "bold")
    rows = []
    for side, images in sides:
        how_many = f"The {panels.PER_ROW} most" if len(images) >= panels.PER_ROW else "Most"
        remark = remark_on(summary.rank_by, summary.unit, summary.n_test, side)
        heading = f"{how_many} {side} training images for {test_images}"
        shown = images[: panels.PER_ROW]
        pixels = tuple(find_pixels(image.index) for image in shown)
        rows.append(ImageRow(side, heading, remark, shown, pixels))
    return tuple(rows)
