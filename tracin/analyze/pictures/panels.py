"""Panels without axes: the heading, tiles with figures, rows of images, sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from tracin.analyze.figures.summary import RankedImage
from tracin.analyze.pictures import style, text
from tracin.analyze.pictures.fonts import drawable
from tracin.analyze.read.thumbnails import Pixels
from tracin.analyze.words.tiles import Side, Tile
from tracin.wording import signed

FindPixels = Callable[[int], Pixels | None]
"""Gives the thumbnail of a training image by its row."""

PER_ROW = 10
EDGE = 1.36
"""Inches of a thumbnail."""
CAPTION = 0.235
"""Inches of a line under it."""
PICTURE_TOP = 0.64
"""Inches above the thumbnails, for heading and remark."""
LINE_HEIGHT = 0.27
"""Inches of a line of sentences."""


@dataclass(frozen=True)
class ImageRow:
    """Ranked training images with a heading, and a remark on what their scores are."""

    side: Side
    heading: str
    remark: str
    images: tuple[RankedImage, ...]
    pictures: tuple[Pixels | None, ...]

    @property
    def edge(self) -> float:
        """Inches from the upper edge of the pictures to the lower; without any, a strip."""
        return EDGE if any(pixels is not None for pixels in self.pictures) else 0.27

    @property
    def height(self) -> float:
        """Inches that it takes."""
        if not self.images:
            return 1.15
        return PICTURE_TOP + self.edge + CAPTION * (4 if self.suspicious else 3) + 0.15

    @property
    def suspicious(self) -> bool:
        """Whether the label of one of the pictures looks wrong."""
        return any(image.suggested for image in self.images)


def draw_heading(ax: Axes, title: str, remark: str) -> Axes:
    """A page's title, and beneath it what was analysed."""
    width, _ = style.as_canvas(ax)
    title = text.fit(title, width, style.TITLE, "bold")
    ax.text(0, 0.42, title, fontsize=style.TITLE, fontweight="bold", va="baseline")
    remark = text.fit(remark, width, style.BODY)
    ax.text(0, 0.75, remark, fontsize=style.BODY, color=style.MUTED, va="baseline")
    return ax


def draw_tiles(ax: Axes, tiles: Sequence[Tile]) -> Axes:
    """The ``tiles`` side by side."""
    width, height = style.as_canvas(ax)
    gap, first = 0.18, 1.3  # the health score takes more room
    unit = (width - gap * (len(tiles) - 1)) / (len(tiles) - 1 + first)
    left = 0.0
    for position, tile in enumerate(tiles):
        each = unit if position else first * unit
        ax.add_patch(Rectangle((left, 0), each, height, facecolor=style.TILE, linewidth=0))
        if tile.band:
            ax.add_patch(
                Rectangle(
                    (left, 0), 0.09, height, facecolor=style.BAND_COLOURS[tile.band], linewidth=0
                )
            )
        room = each - 0.36
        for y, words, size, weight, ink in (
            (0.3, tile.name, style.BODY, "normal", style.MUTED),
            (0.74, tile.value, style.TITLE, "bold", style.INK),
            (1.06, tile.remark, style.SMALL, "normal", style.MUTED),
        ):
            while size > style.SMALL and text.width(drawable(words), size, weight) > room:
                size -= 0.5  # noqa: PLW2901
            ax.text(
                left + 0.22,
                y,
                text.fit(words, room, size, weight),
                fontsize=size,
                fontweight=weight,
                color=ink,
                va="baseline",
            )
        left += each + gap
    return ax


def draw_images(ax: Axes, row: ImageRow) -> Axes:
    """A row of training images in order of rank, with label and score; or why there are none."""
    style.as_canvas(ax)
    helpful = row.side == "helpful"
    colour, ink = (style.HELPED, style.HELPED_INK) if helpful else (style.HURT, style.HURT_INK)
    ax.text(0, 0.22, row.heading, fontsize=style.HEADING, fontweight="bold", va="baseline")
    remark = row.remark
    if row.suspicious:
        remark += "; → its label looks wrong"
    if row.edge < EDGE and row.images:
        remark += "; no pictures at hand"
    ax.text(
        0,
        0.47,
        text.fit(remark, style.CONTENT_WIDTH, style.SMALL),
        fontsize=style.SMALL,
        color=style.MUTED,
        va="baseline",
    )
    if not row.images:
        none = f"None: no mean score is {'above' if helpful else 'below'} zero."
        ax.text(0, 0.95, none, fontsize=style.BODY, va="baseline")
        return ax
    pitch = style.CONTENT_WIDTH / PER_ROW
    for position, (image, pixels) in enumerate(zip(row.images, row.pictures, strict=True)):
        left = position * pitch
        mark = f"{'+' if helpful else '−'}{position + 1}"
        _draw_picture(ax, pixels, (left, PICTURE_TOP, EDGE, row.edge), colour)
        _draw_badge(ax, mark, left, PICTURE_TOP, colour)
        _draw_caption(ax, image, left, PICTURE_TOP + row.edge, ink)
    return ax


def _draw_picture(
    ax: Axes, pixels: Pixels | None, place: tuple[float, float, float, float], colour: str
) -> None:
    """A framed picture at ``place`` (left, top, width, height), or a frame that says so."""
    left, top, width, height = place
    box = Rectangle((left, top), width, height, edgecolor=colour, linewidth=2.5)
    if pixels is None:
        box.set_facecolor(style.TILE)
        words = "no picture" if height == EDGE else ""
        middle = (left + width / 2, top + height / 2)
        ax.text(*middle, words, ha="center", va="center", fontsize=style.SMALL, color=style.MUTED)
    else:
        box.set_facecolor("none")
        limits = ax.get_xlim(), ax.get_ylim()
        extent = (left, left + width, top + height, top)
        ax.imshow(pixels, extent=extent, aspect="auto", interpolation="none")
        ax.set_xlim(limits[0])
        ax.set_ylim(limits[1])
    ax.add_patch(box)


def _draw_badge(ax: Axes, mark: str, left: float, top: float, colour: str) -> None:
    """The rank, with the sign of the score before it, in the picture's corner."""
    width = text.width(mark, style.BODY, "bold") + 0.14
    ax.add_patch(Rectangle((left, top), width, 0.27, facecolor=colour, linewidth=0))
    ax.text(
        left + width / 2,
        top + 0.135,
        mark,
        ha="center",
        va="center_baseline",
        fontsize=style.BODY,
        fontweight="bold",
        color="white",
    )


def _draw_caption(ax: Axes, image: RankedImage, left: float, top: float, ink: str) -> None:
    name = text.fit_path(image.path, EDGE, style.SMALL) if image.path else f"image {image.index}"
    room = EDGE + 0.06
    lines = [
        (text.fit(image.label or "", room, style.SMALL, "bold"), "bold", style.INK),
        (signed(image.score), "normal", ink),
        (name, "normal", style.MUTED),
        (text.fit(f"→ {image.suggested}?", room, style.SMALL, "bold"), "bold", style.HURT_INK),
    ]
    lines = lines[: 4 if image.suggested else 3]
    for number, (words, weight, colour) in enumerate(lines if image.label else lines[1:]):
        ax.text(
            left,
            top + 0.22 + number * CAPTION,
            words,
            fontsize=style.SMALL,
            fontweight=weight,
            color=colour,
            va="baseline",
        )


def sentence_lines(sentences: Sequence[str], width: float) -> list[tuple[str, bool]]:
    """(line, whether a sentence begins with it) of the ``sentences`` in ``width`` inches."""
    return [
        (line, first == 0)
        for sentence in sentences
        for first, line in enumerate(text.wrap(sentence, width - 0.25, style.BODY))
    ]


def sentences_height(sentences: Sequence[str], width: float) -> float:
    """Inches that ``draw_sentences`` takes."""
    lines = sentence_lines(sentences, width)
    return 0.5 + LINE_HEIGHT * len(lines) + 0.08 * len(sentences)


def draw_sentences(ax: Axes, heading: str, sentences: Sequence[str]) -> Axes:
    """The ``sentences`` as a list under a heading."""
    width, _ = style.as_canvas(ax)
    ax.text(0, 0.22, heading, fontsize=style.HEADING, fontweight="bold", va="baseline")
    y = 0.3
    for line, first in sentence_lines(sentences, width):
        y += LINE_HEIGHT + (0.08 if first else 0)
        if first:
            ax.add_patch(
                FancyBboxPatch(
                    (0.03, y - 0.105),
                    0.06,
                    0.06,
                    boxstyle="square,pad=0",
                    facecolor=style.NEUTRAL,
                    linewidth=0,
                )
            )
        ax.text(0.25, y, line, fontsize=style.BODY, va="baseline")
    return ax
