"""The picture of the map: what stands where, whatever the number and names of the classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from tracin.analyze.figures.image_map import ImageMap
from tracin.analyze.pictures import style
from tracin.analyze.pictures.image_map import map_page
from tracin.analyze.words.image_map import remarks


def make_map(n: int, names: tuple[str, ...]) -> ImageMap:
    """``n`` images in places by chance; every fifth a test image, some of them marked."""
    random = np.random.default_rng(0)
    is_test = np.arange(n) % 5 == 4
    return ImageMap(
        paths=tuple(f"train/{row}.jpg" for row in range(n)),
        places=random.normal(size=(n, 2)),
        class_names=names,
        label=random.integers(len(names), size=n),
        is_test=is_test,
        is_suspect=random.random(n) < 0.2,
        is_mistake=is_test & (random.random(n) < 0.5),
        variance=(0.5, 0.25),
    )


def test_of_very_many_the_suspects_and_a_sample_are_drawn() -> None:
    image_map = make_map(400, ("cat", "dog"))
    thin = image_map.thinned(150)
    assert len(thin.paths) == 150
    assert thin.is_suspect.sum() == image_map.is_suspect.sum()
    rows = [image_map.paths.index(path) for path in thin.paths]
    assert rows == sorted(rows)
    np.testing.assert_array_equal(thin.places, image_map.places[rows])
    share = (
        thin.is_mistake[~thin.is_suspect].mean()
        / image_map.is_mistake[~image_map.is_suspect].mean()
    )
    assert 0.4 < share < 1.8
    assert "Drawn are 150: all whose" in remarks(image_map, 150)[0]
    assert "Drawn" not in remarks(image_map, 400)[0]
    assert image_map.thinned(400) is image_map


NAMES = {
    "one": ("cat",),
    "ten": tuple("abcdefghij"),
    "long": ("a_class_with_" + "a_very_" * 12 + "long_name", "שחור כלב", "$x$ & <b>"),
    "many": tuple(f"class {k}" for k in range(40)),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("n", [1, 60])
def test_points_and_marks_stand_in_their_places(kind: str, n: int) -> None:
    image_map = make_map(n, NAMES[kind])
    with style.applied_style(NAMES[kind]):
        figure = map_page(image_map)
        picture = style.render(figure)
    assert picture.width == style.PAGE_WIDTH * style.DPI
    axes = figure.axes[1]
    drawn = [part for part in axes.collections if isinstance(part, PathCollection)]
    expected = (np.ones(n, bool), image_map.is_mistake, image_map.is_suspect)
    for part, rows in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(part.get_offsets(), image_map.places[rows])
    legend = axes.get_legend()
    assert legend is not None
    texts = [text.get_text() for text in legend.get_texts()]
    assert f"({int(image_map.is_suspect.sum())})" in texts[0]
    assert f"({int(image_map.is_mistake.sum())})" in texts[1]
    assert len(texts) == 2 + (1 if kind == "many" else len(NAMES[kind]))
    box = legend.get_window_extent()
    assert box.x1 <= picture.width
    assert box.y0 >= 0
