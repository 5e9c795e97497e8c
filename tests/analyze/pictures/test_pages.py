"""The pictures: they say what the summary says, and nothing stands on anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from tests.analyze.figures.test_summarize import summarized
from tests.analyze.world import ANIMALS, make_world
from tracin.analyze.figures.distribution import averages, histogram
from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.pictures import charts, pages, style
from tracin.analyze.read.thumbnails import SIDE, Pixels
from tracin.analyze.words.findings import in_words

HARD_NAMES = (
    *("a very long class name that goes on and on and on and on and on and on", "قطة", "חתול"),
    *("x" * 90, "a/b\\c", '"quoted" & <script>', "$x_1$", "dog", "Dog", "🐱"),
)


@dataclass(frozen=True)
class Drawn:
    """A text that was drawn: what, how large, where in pixels."""

    words: str
    points: float
    box: Any
    slanted: bool


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Drawn]]:
    drawn: list[Drawn] = []
    draw = Text.draw

    def record(self: Text, renderer: Any, *rest: Any, **options: Any) -> None:
        draw(self, renderer, *rest, **options)
        if self.get_visible() and self.get_text().strip():
            box = self.get_window_extent(renderer)
            angle = self.get_rotation() % 90
            drawn.append(Drawn(self.get_text(), float(self.get_fontsize()), box, angle != 0))

    with monkeypatch.context() as patched:
        patched.setattr(Text, "draw", record)
        yield drawn


def picture(index: int) -> Pixels | None:
    return None if index % 3 == 0 else np.full((SIDE, SIDE, 3), index % 255, np.uint8)


def figures(overall: OverallSummary) -> Iterator[Figure]:
    words = in_words(overall)
    yield pages.dashboard(overall, words, picture)
    for one in overall.classes[:2]:
        yield pages.class_page(one, overall, words.by_class[one.name], picture)


WORLDS: dict[str, dict[str, Any]] = {
    "ten": {"n_train": 100, "n_test": 10},
    "fifty": {"n_train": 100, "n_test": 50},
    "thousands": {"n_train": 30, "n_test": 5224},
    "one image": {"n_train": 30, "n_test": 1, "names": ANIMALS[:2]},
    "one class": {"n_train": 30, "n_test": 20, "names": ANIMALS[:1]},
    "zero": {"n_train": 30, "n_test": 20, "zero": True},
    "hard names": {"n_train": 100, "n_test": 30, "names": HARD_NAMES},
    "saturated": {"n_train": 100, "n_test": 200, "steps": 4000},
}


@pytest.mark.parametrize("name", WORLDS)
def test_no_text_is_small_or_stands_on_another(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overall = summarized(make_world(tmp_path, images=False, **WORLDS[name]).results_dir)
    with style.applied_style([*HARD_NAMES]):
        for figure in figures(overall):
            with recorded(monkeypatch) as drawn:
                style.render(figure)
            width, height = figure.get_size_inches() * style.DPI
            assert len(drawn) > 10
            for text in drawn:
                assert text.points >= 11, text.words
                assert -1 <= text.box.x0 <= text.box.x1 <= width + 1, text.words
                assert -1 <= text.box.y0 <= text.box.y1 <= height + 1, text.words
            # The boxes of slanted texts overlap where the texts do not.
            upright = [text for text in drawn if not text.slanted]
            for one, other in combinations(upright, 2):
                across = min(one.box.x1, other.box.x1) - max(one.box.x0, other.box.x0)
                along = min(one.box.y1, other.box.y1) - max(one.box.y0, other.box.y0)
                assert across < 2 or along < 3, (one.words, other.words)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]


def test_the_dashboard_says_what_the_summary_says(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    words = in_words(overall)
    with style.applied_style():
        said = texts(pages.dashboard(overall, words, picture))
    whole = " ".join(said).replace("\u200e", "")
    assert overall.health is not None
    assert f"{overall.health.shown} {overall.health.band}" in said
    assert any(line.startswith("TracIn · learning rate 0.001") for line in said)
    for sentence in (*words.findings, *words.recommendations):
        assert sentence in whole
    for image in overall.helpful:
        assert (image.path or "").split("/")[-1] in said
    assert "n = 30" in whole
    assert overall.unit in whole


def test_method_is_named_on_every_picture(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    with style.applied_style():
        for figure in figures(overall):
            assert any(line.startswith("TracIn") for line in texts(figure))


def rectangles(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_bars_are_the_averages_and_hatched_below_zero(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    with style.applied_style():
        chart = averages(overall.test_mean, overall.unit)
        ax = charts.draw_chart(style.new_page(5).add_subplot(), chart)
    bars = rectangles(ax)
    np.testing.assert_allclose([bar.get_height() for bar in bars], np.sort(overall.test_mean))
    for bar in bars:
        assert bool(bar.get_hatch()) == (bar.get_height() < 0)


def test_a_histogram_holds_every_test_image(tmp_path: Path) -> None:
    for name in ("ten", "saturated", "one image"):
        world = make_world(tmp_path / name, images=False, **WORLDS[name])
        overall = summarized(world.results_dir)
        with style.applied_style():
            chart = histogram(overall.test_max, 1, overall.unit)
            ax = charts.draw_chart(style.new_page(5).add_subplot(), chart)
        shown = int((overall.test_max > 0).sum())
        assert sum(bar.get_height() for bar in rectangles(ax)) == shown
        without = overall.n_test - shown
        assert (f"{without} without one" in ax.get_ylabel()) == (without > 0)


def test_settings_stay_as_they_were(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, images=False).results_dir)
    before = dict(mpl.rcParams)
    with style.applied_style():
        list(figures(overall))
    assert dict(mpl.rcParams) == before
