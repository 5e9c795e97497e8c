"""The map in a real browser: lasso, click, keys, and what they select."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from matplotlib.path import Path as Polygon

from tests.analyze.report.factors_world import write_map
from tests.analyze.report.in_browser import (
    choose,
    decisions,
    js,
    log_of,
    one,
    open_page,
    press,
)
from tests.analyze.report.review_world import (
    ReviewWorld,
    analysis_of,
    make_review_world,
    write_page,
)
from tracin.analyze.report import image_map as map_of_page
from tracin.analyze.report.analysis import PagePicture
from tracin.analyze.report.image_map import map_section
from tracin.analyze.report.page import write_report
from tracin.analyze.report.pictures import BUDGET, Album, make_album
from tracin.results import schema

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SAYS = "document.getElementById('map-says').textContent"
PATHS = "document.getElementById('map-paths').value.split('\\n')"
SIZE = """(() => { const c = document.getElementById('map-canvas');
  return [c.clientWidth, c.clientHeight]; })()"""
SELECTED = """[...document.querySelectorAll('.suspect.selected')].map((card) =>
  JSON.parse(document.getElementById('data').textContent).images[card.dataset.image].path)"""
HIDDEN = "document.getElementById('map-found').hidden"
EDGE = 26
"""Pixels from the canvas's edge to the outermost point."""

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """A page with a map; names try to break out."""
    review = make_review_world(tmp_path_factory.mktemp("map"), n_train=200, suspects=40)
    write_map(review)
    write_page(review)
    return review


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, chrome: Chrome, mapped: ReviewWorld) -> Iterator[Chrome]:
    """The page of ``mapped`` at its map, nothing decided; its console must be empty afterwards."""
    open_page(chrome, mapped.report, where=request.param, at="#map")
    yield chrome
    width = js(chrome, "[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert log_of(chrome, "browser") == []


def table_of(review: ReviewWorld) -> pd.DataFrame:
    return schema.read_table(review.world.results_dir, schema.MAP)


def on_screen(page: Chrome, review: ReviewWorld) -> Floats:
    """(n, 2): where each image of the table stands on the canvas, in pixels."""
    width, height = js(page, SIZE)
    places = table_of(review)[["x", "y"]].to_numpy() * (1, -1)
    extent = np.ptp(places, axis=0)
    scale = min((width - 2 * EDGE) / extent[0], (height - 2 * EDGE) / extent[1])
    middle = places.min(axis=0) + extent / 2
    return (places - middle) * scale + (width / 2, height / 2)  # type: ignore[no-any-return]


def mouse(page: Chrome) -> Any:
    from selenium.webdriver.common.action_chains import ActionChains

    return ActionChains(page, duration=0)


def draw(page: Chrome, corners: Floats) -> None:
    """Drag the mouse from corner to corner, pixels of the canvas."""
    canvas, chain = one(page, "#map-canvas"), mouse(page)
    offsets = np.rint(corners - np.array(js(page, SIZE)) / 2).astype(int).tolist()
    chain.move_to_element_with_offset(canvas, *offsets[0]).click_and_hold()
    for offset in offsets[1:]:
        chain.move_to_element_with_offset(canvas, *offset)
    chain.release().perform()


def lasso_of(page: Chrome, review: ReviewWorld) -> tuple[Floats, list[str], pd.DataFrame]:
    """(corners, the paths inside, the table): around all that lies left of a wide gap."""
    _, height = js(page, SIZE)
    places, table = on_screen(page, review), table_of(review)
    x = np.sort(places[:, 0])
    middle = x[len(x) // 3 : 2 * len(x) // 3]
    widest = int(np.diff(middle).argmax())
    assert middle[widest + 1] - middle[widest] > 1.5, "no gap in which a lasso could run"
    cut = round(float(middle[widest] + middle[widest + 1]) / 2)
    corners = np.array([(5, 5), (cut, 8), (cut, height - 9), (6, height - 6)], dtype=float)
    return corners, table["path"][places[:, 0] < cut].tolist(), table


def test_a_lasso_selects_what_it_encloses(page: Chrome, mapped: ReviewWorld) -> None:
    corners, inside, table = lasso_of(page, mapped)
    draw(page, corners)
    assert sorted(js(page, PATHS)) == sorted(inside)
    tests = int((table.set_index("path")["split"][inside] == "test").sum())
    suspects = set(inside) & set(mapped.paths)
    listed = schema.read_table(mapped.world.results_dir, schema.TEST_SUSPECTS)["test_path"]
    doubtful = len(suspects) + len(set(inside) & set(listed))
    says = js(page, SAYS)
    assert says.startswith(f"{len(inside)} images, {tests} of them test: ")
    assert f" {doubtful} labels look wrong" in says
    summary = schema.read_table(mapped.world.results_dir, schema.INFLUENCE_SUMMARY)
    wrong = set(summary["test_path"][~summary["correct"].to_numpy(bool)])
    assert f", {len(wrong & set(inside))} mistakes." in says

    one(page, "#map-select").click()
    assert sorted(js(page, SELECTED)) == sorted(suspects)
    press(page, "d")
    assert {path: each["action"] for path, each in decisions(page).items()} == dict.fromkeys(
        suspects, "delete"
    )


def test_a_click_takes_the_nearest_and_its_picture_can_be_decided(
    page: Chrome, mapped: ReviewWorld
) -> None:
    places, table = on_screen(page, mapped), table_of(mapped)
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    known = {path for path in table["path"] if path in mapped.paths}
    order = np.argsort(-distances.min(axis=1))
    alone = next(row for row in order if table["path"][row] in known)
    draw(page, places[[alone, alone]] + (1, 0))
    path = table["path"][alone]
    assert js(page, PATHS) == [path]
    assert js(page, SAYS).startswith(path)
    picture = one(page, "#map-pictures .pic")
    page.execute_script("arguments[0].focus()", picture)
    press(page, "d")
    assert decisions(page) == {path: {"action": "delete", "new_class": ""}}
    assert js(page, "document.querySelector('#map-pictures .pic').dataset.action") == "delete"


def test_the_lasso_by_keys(page: Chrome, mapped: ReviewWorld) -> None:
    width, height = js(page, SIZE)
    page.execute_script("arguments[0].focus()", one(page, "#map-canvas"))
    right, down, left = "\ue014", "\ue015", "\ue012"
    across, deep = int(width / 4 // 10), int(height / 4 // 10)
    press(page, " ", *(right * across), " ", *(down * deep), " ", *(left * across), " ", "\ue007")
    x, y = width / 2, height / 2
    corners = np.array([(x, y), (x + 10 * across, y), (x + 10 * across, y + 10 * deep)])
    corners = np.vstack([corners, (x, y + 10 * deep)])
    inside = Polygon(corners).contains_points(on_screen(page, mapped))
    sure = Polygon(corners).contains_points(on_screen(page, mapped), radius=-1)
    found = set(js(page, PATHS))
    table = table_of(mapped)
    assert set(table["path"][sure]) <= found
    assert len(found) == pytest.approx(inside.sum(), abs=2)
    press(page, "\ue00c")
    assert js(page, HIDDEN)


def test_what_is_hidden_is_not_selected(page: Chrome, mapped: ReviewWorld) -> None:
    corners, inside, table = lasso_of(page, mapped)
    one(page, "#map-train").click()
    draw(page, corners)
    of = table.set_index("path")["split"]
    assert sorted(js(page, PATHS)) == sorted(path for path in inside if of[path] == "test")
    one(page, "#map-train").click()
    assert js(page, HIDDEN)
    name = mapped.world.names[1]
    choose(page, "map-class", name)
    draw(page, corners)
    labels = dict(zip(table["path"], labels_of(mapped), strict=True))
    assert sorted(js(page, PATHS)) == sorted(path for path in inside if labels[path] == name)


def test_letters_on_the_map_reach_no_suspect(page: Chrome, mapped: ReviewWorld) -> None:
    press(page, "ngx")  # a suspect is current, and selected in the grid
    page.execute_script("arguments[0].focus()", one(page, "#map-canvas"))
    press(page, "dz")
    assert decisions(page) == {}
    assert not js(page, "document.getElementById('large').open")


def labels_of(review: ReviewWorld) -> list[str]:
    """The given class of each row of the table."""
    world = review.world
    return [world.names[label] for label in (*world.train_labels, *world.test_labels)]


def test_places_and_marks_are_those_of_the_tables(mapped: ReviewWorld) -> None:
    section = map_section(analysis_of(mapped.world.results_dir))
    assert section is not None
    data: dict[str, Any] = section.data()
    x, y, labels, kinds = (
        np.frombuffer(base64.b64decode(data[key]), "<u2").astype(int)
        for key in ("x", "y", "labels", "kinds")
    )
    table = table_of(mapped)
    assert list(data["paths"]) == table["path"].tolist()
    assert np.corrcoef(x, table["x"])[0, 1] > 0.999999
    assert np.corrcoef(y, table["y"])[0, 1] < -0.999999
    assert (x.max(), y.max()) == tuple(data["size"])
    assert [data["names"][label] for label in labels] == labels_of(mapped)
    assert ((kinds & 1) > 0).tolist() == (table["split"] == "test").tolist()
    listed = schema.read_table(mapped.world.results_dir, schema.TEST_SUSPECTS)["test_path"]
    suspects = {*mapped.paths, *listed}
    assert ((kinds & 2) > 0).tolist() == [path in suspects for path in table["path"]]


def test_a_map_that_is_too_large_keeps_what_is_marked(
    mapped: ReviewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = analysis_of(mapped.world.results_dir)
    whole = map_section(analysis)
    assert whole is not None
    characters = sum(
        len(json.dumps(path)) + map_of_page.BESIDE_A_NAME for path in whole.image_map.paths
    )
    monkeypatch.setattr(map_of_page, "MOST_CHARACTERS", int(characters * 0.7))
    part, again = map_section(analysis), map_section(analysis)
    assert part is not None
    assert again is not None
    kept = part.image_map
    assert kept.paths == again.image_map.paths
    assert part.total == len(whole.image_map.paths)
    assert 0.6 < len(kept.paths) / part.total < 0.8
    assert kept.is_marked.sum() == whole.image_map.is_marked.sum()
    row_of = {path: row for row, path in enumerate(whole.image_map.paths)}
    rows = [row_of[path] for path in kept.paths]
    assert rows == sorted(rows)
    assert np.array_equal(kept.places, whole.image_map.places[rows])


def test_a_map_of_other_images_is_not_shown(mapped: ReviewWorld) -> None:
    folder = mapped.world.results_dir
    kept = (folder / schema.MAP).read_bytes()
    try:
        schema.write_table(folder, schema.MAP, table_of(mapped).iloc[1:])
        assert map_section(analysis_of(folder)) is None
    finally:
        (folder / schema.MAP).write_bytes(kept)


def test_numbers_take_their_room_from_the_pictures(
    mapped: ReviewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = analysis_of(mapped.world.results_dir)
    section = map_section(analysis)
    assert section is not None
    characters = len(json.dumps(section.data()))
    assert section.characters == pytest.approx(characters, rel=0.2)
    rooms: list[int] = []

    def remember(folder: Path, wanted: Iterable[PagePicture], room: int) -> Album:
        rooms.append(room)
        return make_album(folder, wanted, room)

    monkeypatch.setattr("tracin.analyze.report.page.make_album", remember)
    write_report(mapped.report, analysis)
    assert rooms == [BUDGET - section.characters]
