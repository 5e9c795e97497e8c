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
from tracin.analyze.words.tiles import Effect, Tile
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
STRIP = 0.27
"""Inches of what stands in for the pictures where none is at hand: as high as a badge."""
CAPTION_BEYOND = 0.06
"""Inches that a caption may take of the gap to the next picture."""
CAPTION_BASE, BELOW_CAPTION = 0.22, 0.15
"""Inches from a picture to the base of its first caption, and from the last to the next block."""
EMPTY_ROW, EMPTY_ROW_BASE = 1.15, 0.95
"""Inches of a row that says that there are no images, and where it says so."""

HEADING_BASE, REMARK_BASE = 0.22, 0.47
"""Inches from the top of a block to the base of its heading, and of the remark under it."""
TITLE_BASE, SUBTITLE_BASE = 0.42, 0.75
"""The same for the title of a page, and for what was analysed."""

TILE_GAP, TILE_INDENT, BAND_WIDTH = 0.18, 0.22, 0.09
"""Inches between tiles, from a tile's edge to its words, and of the coloured band of the health."""
TILE_RIGHT = 0.14
FIRST_TILE = 1.3
"""Times as wide as the others: the health has a word beside its number."""
TILE_BASES = (0.3, 0.74, 1.06)
"""Inches from the top of a tile to the base of its name, its value and its remark."""
SHRINK = 0.5
"""Points by which a text is made smaller until it fits."""

BADGE_HEIGHT, BADGE_PADDING = 0.27, 0.14

LINE_HEIGHT = 0.27
"""Inches of a line of sentences."""
SENTENCE_GAP, SENTENCE_INDENT, SENTENCES_TOP, SENTENCES_BELOW = 0.08, 0.25, 0.3, 0.2
"""Inches between sentences, left of them, and above and below them all."""
BULLET_LEFT, BULLET, BULLET_LIFT = 0.03, 0.06, 0.105
"""Inches: place and edge of the square before a sentence; its top above the base of the line."""


@dataclass(frozen=True)
class ImageRow:
    """Ranked training images with a heading, and a remark on what their scores are."""

    side: Effect
    heading: str
    remark: str
    images: tuple[RankedImage, ...]
    pictures: tuple[Pixels | None, ...]

    @property
    def edge(self) -> float:
        """Inches from the upper edge of the pictures to the lower; without any, a strip."""
        return EDGE if any(pixels is not None for pixels in self.pictures) else STRIP

    @property
    def height(self) -> float:
        """Inches that it takes."""
        if not self.images:
            return EMPTY_ROW
        captions = CAPTION * (4 if self.suspicious else 3)
        return PICTURE_TOP + self.edge + captions + BELOW_CAPTION

    @property
    def suspicious(self) -> bool:
        """Whether the label of one of the pictures looks wrong."""
        return any(image.suggested for image in self.images)


def draw_heading(ax: Axes, title: str, remark: str, *, warning: str = "") -> Axes:
    """Write a page's title, and beneath it what was analysed, or instead the ``warning``."""
    width, _ = style.as_canvas(ax)
    title = text.fit(title, width, style.TITLE, "bold")
    ax.text(0, TITLE_BASE, title, fontsize=style.TITLE, fontweight="bold", va="baseline")
    weight, ink = ("bold", style.HURT_INK) if warning else ("normal", style.MUTED)
    beneath = text.fit(warning or remark, width, style.BODY, weight)
    ax.text(
        0,
        SUBTITLE_BASE,
        beneath,
        fontsize=style.BODY,
        fontweight=weight,
        color=ink,
        va="baseline",
    )
    return ax


def draw_tiles(ax: Axes, tiles: Sequence[Tile]) -> Axes:
    """Draw the ``tiles`` side by side."""
    width, height = style.as_canvas(ax)
    unit = (width - TILE_GAP * (len(tiles) - 1)) / (len(tiles) - 1 + FIRST_TILE)
    left = 0.0
    for position, tile in enumerate(tiles):
        tile_width = unit if position else FIRST_TILE * unit
        ax.add_patch(Rectangle((left, 0), tile_width, height, facecolor=style.TILE, linewidth=0))
        if tile.band:
            ax.add_patch(
                Rectangle(
                    (left, 0),
                    BAND_WIDTH,
                    height,
                    facecolor=style.BAND_COLOURS[tile.band],
                    linewidth=0,
                )
            )
        room = tile_width - TILE_INDENT - TILE_RIGHT
        lines = (
            (tile.name, style.BODY, "normal", style.MUTED),
            (tile.value, style.TITLE, "bold", style.INK),
            (tile.remark, style.SMALL, "normal", style.MUTED),
        )
        for y, (words, size, weight, ink) in zip(TILE_BASES, lines, strict=True):
            while size > style.SMALL and text.width(drawable(words), size, weight) > room:
                size -= SHRINK  # noqa: PLW2901
            ax.text(
                left + TILE_INDENT,
                y,
                text.fit(words, room, size, weight),
                fontsize=size,
                fontweight=weight,
                color=ink,
                va="baseline",
            )
        left += tile_width + TILE_GAP
    return ax


def draw_images(ax: Axes, row: ImageRow) -> Axes:
    """Draw training images in order of rank, with label and score; or say that there are none."""
    style.as_canvas(ax)
    helpful = row.side == "helpful"
    colour, ink = (style.HELPED, style.HELPED_INK) if helpful else (style.HURT, style.HURT_INK)
    ax.text(0, HEADING_BASE, row.heading, fontsize=style.HEADING, fontweight="bold", va="baseline")
    remark = row.remark
    if row.suspicious:
        remark += "; → its label looks wrong"
    if row.edge < EDGE and row.images:
        remark += "; no pictures at hand"
    ax.text(
        0,
        REMARK_BASE,
        text.fit(remark, style.CONTENT_WIDTH, style.SMALL),
        fontsize=style.SMALL,
        color=style.MUTED,
        va="baseline",
    )
    if not row.images:
        none = f"None: no mean score is {'above' if helpful else 'below'} zero."
        ax.text(0, EMPTY_ROW_BASE, none, fontsize=style.BODY, va="baseline")
        return ax
    pitch = style.CONTENT_WIDTH / PER_ROW
    for position, (image, pixels) in enumerate(zip(row.images, row.pictures, strict=True)):
        left = position * pitch
        mark = f"{'+' if helpful else '−'}{position + 1}"
        _draw_picture(ax, pixels, (left, PICTURE_TOP, row.edge), colour)
        _draw_badge(ax, mark, left, PICTURE_TOP, colour)
        _draw_caption(ax, image, left, PICTURE_TOP + row.edge, ink)
    return ax


def _draw_picture(
    ax: Axes, pixels: Pixels | None, box: tuple[float, float, float], colour: str
) -> None:
    """Draw a framed picture in ``box`` (left, top, height), or a frame that says there is none."""
    left, top, height = box
    frame = Rectangle((left, top), EDGE, height, edgecolor=colour, linewidth=2.5)
    if pixels is None:
        frame.set_facecolor(style.TILE)
        words = "no picture" if height == EDGE else ""
        middle = (left + EDGE / 2, top + height / 2)
        ax.text(*middle, words, ha="center", va="center", fontsize=style.SMALL, color=style.MUTED)
    else:
        frame.set_facecolor("none")
        limits = ax.get_xlim(), ax.get_ylim()
        extent = (left, left + EDGE, top + height, top)
        ax.imshow(pixels, extent=extent, aspect="auto", interpolation="none")
        ax.set_xlim(limits[0])
        ax.set_ylim(limits[1])
    ax.add_patch(frame)


def _draw_badge(ax: Axes, mark: str, left: float, top: float, colour: str) -> None:
    """Write the rank, with the sign of the score before it, in the picture's corner."""
    width = text.width(mark, style.BODY, "bold") + BADGE_PADDING
    ax.add_patch(Rectangle((left, top), width, BADGE_HEIGHT, facecolor=colour, linewidth=0))
    ax.text(
        left + width / 2,
        top + BADGE_HEIGHT / 2,
        mark,
        ha="center",
        va="center_baseline",
        fontsize=style.BODY,
        fontweight="bold",
        color="white",
    )


def _draw_caption(ax: Axes, image: RankedImage, left: float, top: float, ink: str) -> None:
    """Write label, score and name under a picture, and what its label should rather be."""
    name = text.fit_path(image.path, EDGE, style.SMALL) if image.path else f"image {image.index}"
    room = EDGE + CAPTION_BEYOND
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
            top + CAPTION_BASE + number * CAPTION,
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
        for first, line in enumerate(text.wrap(sentence, width - SENTENCE_INDENT, style.BODY))
    ]


def sentences_height(sentences: Sequence[str], width: float) -> float:
    """Inches that ``draw_sentences`` takes."""
    lines = sentence_lines(sentences, width)
    return (
        SENTENCES_TOP + LINE_HEIGHT * len(lines) + SENTENCE_GAP * len(sentences) + SENTENCES_BELOW
    )


def draw_sentences(ax: Axes, heading: str, sentences: Sequence[str]) -> Axes:
    """Write the ``sentences`` as a list under a heading."""
    width, _ = style.as_canvas(ax)
    ax.text(0, HEADING_BASE, heading, fontsize=style.HEADING, fontweight="bold", va="baseline")
    y = SENTENCES_TOP
    for line, first in sentence_lines(sentences, width):
        y += LINE_HEIGHT + (SENTENCE_GAP if first else 0)
        if first:
            ax.add_patch(
                FancyBboxPatch(
                    (BULLET_LEFT, y - BULLET_LIFT),
                    BULLET,
                    BULLET,
                    boxstyle="square,pad=0",
                    facecolor=style.NEUTRAL,
                    linewidth=0,
                )
            )
        ax.text(SENTENCE_INDENT, y, line, fontsize=style.BODY, va="baseline")
    return ax
