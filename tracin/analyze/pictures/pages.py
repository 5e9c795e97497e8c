"""The pictures: panels placed on the dashboard and on a page for each class."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tracin.analyze.figures.summary import ClassSummary, OverallSummary, RankedImage
from tracin.analyze.pictures import averages, charts, panels, style, text
from tracin.analyze.pictures.panels import ImageRow, Picture
from tracin.analyze.words.findings import Words
from tracin.analyze.words.tiles import Effect, class_tiles, overall_tiles, remark_on

HEADING_HEIGHT = 0.95
TILE_HEIGHT = 1.25
CHART_TOP = 0.75
"""Inches above a chart for its title and what stands on its upper edge."""
CHART_HEIGHT = 2.75
CHART_BELOW = 1.0
GAP = 0.18
COLUMN_GAP = 0.6


def dashboard(overall: OverallSummary, words: Words, picture: Picture) -> Figure:
    """The main picture: figures, distributions, the strongest images, findings and advice."""
    columns = (style.CONTENT_WIDTH - COLUMN_GAP) / 2
    closing = (("Key findings", words.findings), ("Recommendations", words.recommendations))
    rows = _image_rows(overall, "all test images", picture)
    page = _Page(rows, max(panels.sentences_height(said, columns) for _, said in closing))
    title = "Which training images helped, and which hurt"
    panels.draw_heading(page.heading(), title, _remark(overall))
    panels.draw_tiles(page.tiles(), overall_tiles(overall))
    charts.draw_extremes(page.chart(0.7, 3.55), overall, "positive")
    charts.draw_extremes(page.chart(5.2, 3.55), overall, "negative")
    averages.draw_averages(page.chart(9.95, 5.05), overall)
    for number, row in enumerate(rows):
        panels.draw_images(page.images(number), row)
    for number, (heading, said) in enumerate(closing):
        left = number * (columns + COLUMN_GAP)
        panels.draw_sentences(page.closing(left, columns), heading, said)
    return page.figure


def class_page(
    one: ClassSummary, overall: OverallSummary, findings: Sequence[str], picture: Picture
) -> Figure:
    """The picture of one class of test images: figures, who helped and hurt it, findings."""
    rows = _image_rows(one, one.name, picture)
    page = _Page(rows, panels.sentences_height(findings, style.CONTENT_WIDTH))
    asked = ": which training images helped, and which hurt"
    room = style.CONTENT_WIDTH - text.width(asked, style.TITLE, "bold")
    whose = one.name if one.is_class else one.name.capitalize()
    title = text.fit(whose, room, style.TITLE, "bold") + asked
    panels.draw_heading(page.heading(), title, _remark(overall))
    panels.draw_tiles(page.tiles(), class_tiles(one, overall))
    averages.draw_class_averages(page.chart(0.95, 6.2), one)
    charts.draw_label_sums(page.chart(9.6, 5.1), one)
    for number, row in enumerate(rows):
        panels.draw_images(page.images(number), row)
    panels.draw_sentences(page.closing(0, style.CONTENT_WIDTH), "Findings", findings)
    return page.figure


class _Page:
    """A page as high as its content, and the places on it from top to bottom."""

    def __init__(self, rows: Sequence[ImageRow], closing_height: float) -> None:
        heights = (
            HEADING_HEIGHT,
            TILE_HEIGHT + 0.15,
            CHART_TOP + CHART_HEIGHT + CHART_BELOW,
            *(row.height + GAP for row in rows),
            closing_height,
        )
        self._rows = rows
        self._closing_height = closing_height
        self._tops = [0.7 * style.MARGIN]
        for height in heights:
            self._tops.append(self._tops[-1] + height)
        self.figure = style.new_page(self._tops[-1] + style.MARGIN)

    def _place(self, left: float, top: float, width: float, height: float) -> Axes:
        return style.place(self.figure, style.MARGIN + left, top, width, height)

    def heading(self) -> Axes:
        return self._place(0, self._tops[0], style.CONTENT_WIDTH, HEADING_HEIGHT)

    def tiles(self) -> Axes:
        return self._place(0, self._tops[1], style.CONTENT_WIDTH, TILE_HEIGHT)

    def chart(self, left: float, width: float) -> Axes:
        return self._place(left, self._tops[2] + CHART_TOP, width, CHART_HEIGHT)

    def images(self, number: int) -> Axes:
        height = self._rows[number].height
        return self._place(0, self._tops[3 + number], style.CONTENT_WIDTH, height)

    def closing(self, left: float, width: float) -> Axes:
        return self._place(left, self._tops[-2], width, self._closing_height)


def _remark(overall: OverallSummary) -> str:
    return " · ".join(part for part in (overall.method, overall.provenance) if part)


def _image_rows(
    summary: OverallSummary | ClassSummary, whose: str, picture: Picture
) -> tuple[ImageRow, ...]:
    sides: tuple[tuple[Effect, tuple[RankedImage, ...]], ...] = (
        ("helpful", summary.helpful),
        ("harmful", summary.harmful),
    )
    whose = text.fit(whose, style.CONTENT_WIDTH - 5, style.HEADING, "bold")
    rows = []
    for side, images in sides:
        most = f"The {panels.PER_ROW} most" if len(images) >= panels.PER_ROW else "Most"
        remark = remark_on(summary.rank_by, summary.unit, summary.n_test, side)
        heading = f"{most} {side} training images for {whose}"
        shown = images[: panels.PER_ROW]
        pictures = tuple(picture(image.index) for image in shown)
        rows.append(ImageRow(side, heading, remark, shown, pictures))
    return tuple(rows)
