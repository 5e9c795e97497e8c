"""The picture of one test image's explanation, in the language of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tracin.analyze.figures.summary import RankedImage
from tracin.analyze.pictures import panels, style, text
from tracin.analyze.pictures.panels import ImageRow
from tracin.analyze.read.thumbnails import Pixels, image_file, read_thumbnail
from tracin.analyze.words.tiles import Effect
from tracin.wording import count

# Inches.
TOP_HEIGHT = 2.45
SUBJECT = 2.1
"""The test image's edge."""
BESIDE_SUBJECT = 0.35
GAP = 0.25
BELOW_ROWS = 0.3
QUESTION_BASE, VERDICT_BASE, PATH_BASE, METHOD_BASE = 0.34, 0.82, 1.25, 1.6
"""From the upper edge to the base of each line beside the test image."""


@dataclass(frozen=True)
class Explanation:
    """A test image, and the training images with the strongest influence on it."""

    path: str
    label: str
    predicted: str
    """Empty where no file tells."""
    probability: float | None
    """What the model gave its prediction; None where no file tells."""
    label_probability: float | None
    """What the model gave the label; None where no file tells."""
    method: str
    unit: str
    normalized: bool
    """Proponents are ranked by score over the root of self-influence."""
    proponents: tuple[RankedImage, ...]
    """Scores above zero, by rank."""
    opponents: tuple[RankedImage, ...]
    """Scores below zero, by rank."""
    rows: pd.DataFrame
    """The same as in top_influences.csv."""

    @property
    def verdict(self) -> str:
        """Label, prediction and probability in words."""
        given = "" if self.label_probability is None else f"{self.label_probability:.1%}"
        if not self.predicted:
            return f"labelled {self.label}"
        if self.predicted == self.label:
            return f"labelled {self.label}, recognised as such" + (f" ({given})" if given else "")
        wrong = "" if self.probability is None else f" ({self.probability:.1%})"
        right = f"; its own label got {given}" if given else ""
        return f"labelled {self.label}, taken for {self.predicted}{wrong}{right}"

    @property
    def ranking(self) -> str:
        """What proponents are ranked by."""
        return f"ranked by score{' / root of self-influence' if self.normalized else ''}"


def texts_of(explanation: Explanation) -> Iterator[str]:
    """Everything from outside that stands in the picture."""
    yield from (explanation.path, explanation.label, explanation.predicted)
    for image in (*explanation.proponents, *explanation.opponents):
        yield from (image.name, image.label or "", image.suggested or "")


def draw_explanation(explanation: Explanation, data_dir: Path) -> Figure:
    """The test image above a row of its proponents and a row of its opponents.

    Args:
        explanation: what is shown; the first ten of each direction.
        data_dir: the images' paths are relative to it.
    """
    sides: tuple[Effect, ...] = ("helpful", "harmful")
    rows = tuple(_row(explanation, data_dir, side) for side in sides)
    height = style.MARGIN + TOP_HEIGHT + sum(row.height + GAP for row in rows) + BELOW_ROWS
    figure = style.new_page(height)
    top = style.PAGE_TOP
    _draw_subject(
        style.axes_at(figure, style.MARGIN, top, style.CONTENT_WIDTH, TOP_HEIGHT),
        explanation,
        _pixels(data_dir, explanation.path),
    )
    top += TOP_HEIGHT + GAP
    for row in rows:
        ax = style.axes_at(figure, style.MARGIN, top, style.CONTENT_WIDTH, row.height)
        panels.draw_images(ax, row)
        top += row.height + GAP
    return figure


def _row(explanation: Explanation, data_dir: Path, side: Effect) -> ImageRow:
    helpful = side == "helpful"
    ranked = explanation.proponents if helpful else explanation.opponents
    images = ranked[: panels.PER_ROW]
    kind = "similar" if helpful else "opposite"
    order = explanation.ranking if helpful else "ranked by score"
    what = "proponents" if helpful else "opponents"
    heading = f"Strongest {what}" if images else f"No {what}"
    return ImageRow(
        side,
        f"{heading}: training images estimated to have {'helped' if helpful else 'hurt'} here",
        f"{kind} training signal; score ({explanation.unit}), {order}",
        images,
        tuple(_pixels(data_dir, image.path or "") for image in images),
    )


def _pixels(data_dir: Path, path: str) -> Pixels | None:
    file = image_file(data_dir, path)
    return None if file is None else read_thumbnail(file)


def _draw_subject(ax: Axes, explanation: Explanation, pixels: Pixels | None) -> Axes:
    """Draw the test image at the left, beside it what it is and what it was taken for."""
    width, height = style.as_canvas(ax)
    frame = Rectangle((0, 0), SUBJECT, SUBJECT, edgecolor=style.LINE, linewidth=1.5)
    frame.set_facecolor("none" if pixels is not None else style.TILE)
    if pixels is None:
        middle = SUBJECT / 2
        ax.text(middle, middle, "no picture", ha="center", fontsize=style.SMALL, color=style.MUTED)
    else:
        ax.imshow(pixels, extent=(0, SUBJECT, SUBJECT, 0), aspect="auto")
        ax.set_xlim(0, width)
        ax.set_ylim(height, 0)
    ax.add_patch(frame)
    left = SUBJECT + BESIDE_SUBJECT
    room = width - left
    _write_lines(ax, explanation, left, room)
    return ax


def _write_lines(ax: Axes, explanation: Explanation, left: float, room: float) -> None:
    """Write the question, the answer and what they rest on, from ``left`` on in ``room`` inches."""
    right = explanation.predicted in (explanation.label, "")
    verdict = explanation.verdict[:1].upper() + explanation.verdict[1:]
    listed = (
        f"{count(len(explanation.proponents), 'proponent')} and "
        f"{count(len(explanation.opponents), 'opponent')} listed"
    )
    lines = (
        (QUESTION_BASE, "Why did the model answer as it did?", style.BODY, "normal", style.MUTED),
        (
            VERDICT_BASE,
            verdict,
            style.TITLE,
            "bold",
            style.INK if right else style.HURT_INK,
        ),
        (PATH_BASE, explanation.path, style.BODY, "normal", style.INK),
        (METHOD_BASE, f"{explanation.method} · {listed}", style.BODY, "normal", style.MUTED),
    )
    for y, words, size, weight, colour in lines:
        ax.text(
            left,
            y,
            text.fit(words, room, size, weight),
            fontsize=size,
            fontweight=weight,
            color=colour,
            va="baseline",
        )
