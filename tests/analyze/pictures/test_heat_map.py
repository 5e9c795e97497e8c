"""The heat map: a cell for each pair of classes, legible with two classes and with thirty."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.text import Text

from tracin.analyze.figures.class_influence import ClassInfluence
from tracin.analyze.pictures import heat_map, style


def influence(n: int, *, name: str = "class {}", of: int | None = None) -> ClassInfluence:
    names = tuple(name.format(number) for number in range(n))
    sums = np.random.default_rng(n).normal(0, 30, (n, n))
    return ClassInfluence(names, names, sums, of or n)


def drawn(shown: ClassInfluence | None) -> tuple[Figure, Axes | None]:
    page = style.new_page(heat_map.heat_map_height(shown) + 1)
    ax = heat_map.draw_heat_map(page, 0.5, shown, "estimated drop in test loss")
    style.render(page)
    return page, ax


def words(figure: Figure) -> list[Text]:
    found = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [text for text in found if text.get_text().strip() and text.get_visible()]


@pytest.mark.parametrize("n", [1, 2, 10, 20])
@pytest.mark.parametrize("name", ["class {}", "a very long name of class number {}", "{}"])
def test_every_number_stands_in_its_cell(n: int, name: str) -> None:
    shown = influence(n, name=name)
    with style.applied_style():
        figure, ax = drawn(shown)
        assert ax is not None
        numbers = [text for text in ax.texts if text.get_text()[0] in "+−0"]
        assert len(numbers) == n * n
        expected = {shown.shown(v) for v in shown.sums.flat}
        expected |= {shown.shown(v, fine=False) for v in shown.sums.flat}
        assert {text.get_text() for text in numbers} <= expected
        cell = ax.get_window_extent().width / n
        page = figure.bbox
        upright = []
        for text in words(figure):
            box = text.get_window_extent()
            assert float(text.get_fontsize()) >= 11
            assert page.x0 <= box.x0 <= box.x1 <= page.x1
            assert page.y0 <= box.y0 <= box.y1 <= page.y1
            if text in numbers:
                assert box.width < cell
            if text.get_rotation() == 0:
                upright.append((text.get_text(), box))
        for (first, one), (second, other) in combinations(upright, 2):
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            along = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert across < 2 or along < 3, (first, second)


def test_colours_are_centred_on_zero() -> None:
    shown = ClassInfluence(("a", "b"), ("a", "b"), np.array([[8.0, 0.0], [-2.0, 2.0]]), 2)
    with style.applied_style():
        _, ax = drawn(shown)
    assert ax is not None
    (mesh,) = [each for each in ax.collections if isinstance(each, QuadMesh)]
    assert mesh.get_clim() == (-1, 1)
    strongest, nothing, hurt, helped = np.asarray(mesh.get_facecolor())
    np.testing.assert_allclose(nothing[:3], 1, atol=0.01)
    assert strongest[1] > strongest[0] and helped[1] > helped[0]
    assert hurt[0] > hurt[2]
    assert strongest[0] < helped[0]


def test_words_say_how_many_classes_are_left_out_and_why_there_is_no_map() -> None:
    with style.applied_style():
        figure, _ = drawn(influence(20, of=30))
        said = " ".join(text.get_text() for text in words(figure))
        assert "20 of 30 classes: those with the strongest influence between classes" in said
        assert "training class" in said and "test class" in said
        figure, ax = drawn(None)
    assert ax is None
    assert "not known" in " ".join(text.get_text() for text in words(figure))
