"""Any picture anywhere: its menu, its large view, test images too."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.analyze.report.in_browser import (
    WIDTHS,
    box_of,
    click,
    decisions,
    images,
    js,
    log_of,
    one,
    open_page,
    press,
)
from tests.analyze.report.review_world import ReviewWorld

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ESCAPE, ENTER, LEFT, RIGHT, DOWN = "\ue00c", "\ue007", "\ue012", "\ue014", "\ue015"
PLACES = {
    "most harmful": "#overview .strip .pic",
    "neighbour": "#suspects .neighbours .pic",
    "mistake": "#mistakes .subject-picture",
    "opponent and proponent": "#mistakes .evidence .pic",
    "confused pair": "#classes .strip .pic",
    "duplicate": "#duplicates .pic",
}


@pytest.fixture(params=WIDTHS)
def sized(chrome: Chrome, hostile: ReviewWorld, request: pytest.FixtureRequest) -> Iterator[Chrome]:
    """The page of hostile names, on a desktop and on a phone."""
    open_page(chrome, hostile.report, where=request.param)
    yield chrome
    assert log_of(chrome, "browser") == []


def image_of(page: Chrome, selector: str) -> dict[str, str]:
    """What the page knows of the image in the first picture of ``selector``."""
    number = js(page, "document.querySelector(arguments[0]).dataset.image", selector)
    return images(page)[int(number)]


def is_open(page: Chrome, name: str) -> bool:
    return bool(
        js(
            page,
            "document.getElementById(arguments[0]).matches(':popover-open, dialog[open]')",
            name,
        )
    )


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_same_menu_wherever_a_picture_stands(sized: Chrome, place: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    image = image_of(sized, place)
    mouse = ActionChains(sized, duration=0)
    mouse.context_click(one(sized, place)).perform()
    assert is_open(sized, "menu")
    assert js(sized, "document.querySelector('#menu .path').textContent") == image["path"]
    click(sized, "#menu [data-do=delete]")
    assert decisions(sized) == {image["path"]: {"action": "delete", "new_class": ""}}
    number = js(sized, "document.querySelector(arguments[0]).dataset.image", place)
    marked = "[...document.querySelectorAll(`.pic[data-image='${arguments[0]}']`)]"
    verdicts = js(sized, f"{marked}.map(each => each.dataset.verdict)", number)
    assert set(verdicts) == {"✕ delete"}  # wherever it is shown
    js(sized, "document.querySelector(arguments[0]).focus()", place)
    press(sized, "u")
    assert decisions(sized) == {}
    js(sized, "document.querySelector(arguments[0]).focus()", place)
    press(sized, "m")
    assert is_open(sized, "menu")
    press(sized, "o")
    assert not is_open(sized, "menu")
    assert decisions(sized)[image["path"]]["action"] == "keep"
    assert js(sized, "document.activeElement.matches(arguments[0])", place)


def test_the_button_at_a_picture_opens_its_menu(page: Chrome) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    place = "#mistakes .evidence .pic"
    image = image_of(page, place)
    mouse = ActionChains(page, duration=0)
    mouse.move_to_element(one(page, place)).perform()
    mouse.move_to_element(js(page, "document.getElementById('more')")).click().perform()
    assert is_open(page, "menu")
    select = js(page, "document.querySelector('#menu select')")
    other = next(
        name for name in js(page, "JSON.parse(data.textContent).classes") if name != image["label"]
    )
    js(page, "arguments[0].focus()", select)
    page.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('change', {bubbles: true}))",
        select,
        other,
    )
    assert decisions(page) == {image["path"]: {"action": "relabel", "new_class": other}}
    assert not is_open(page, "menu")


def test_test_images_are_exported_under_their_split(
    page: Chrome, downloads: Path, hostile: ReviewWorld
) -> None:
    suggested = image_of(page, "#mistakes .subject-picture")
    assert suggested["is_test"] and suggested["suggested"]
    js(page, "document.querySelector('#mistakes .subject-picture').focus()")
    press(page, "r")
    (downloads / "actions.csv").unlink(missing_ok=True)
    click(page, "#export")
    deadline = time.monotonic() + 10
    while not (downloads / "actions.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with (downloads / "actions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (downloads / "actions.csv").unlink()
    assert rows == [
        {
            "train_path": suggested["path"],
            "action": "relabel",
            "new_class": suggested["suggested"],
        }
    ]
    assert suggested["path"].startswith("test/")


def test_large_beside_its_nearest_by_keys(sized: Chrome, hostile: ReviewWorld) -> None:
    press(sized, "jz")
    assert is_open(sized, "large")
    path = "document.querySelector('#large .path').textContent"
    assert js(sized, path) == hostile.paths[0]
    row = hostile.suspects.iloc[0]
    titles = js(sized, "[...document.querySelectorAll('#large-near p')].map(p => p.textContent)")
    assert titles == [
        f"Nearest labelled {row[name]}" for name in ("given_class", "suggested_class")
    ]
    assert js(sized, "document.querySelectorAll('#large-near .pic').length") == 6
    press(sized, RIGHT, RIGHT, LEFT)
    assert js(sized, path) == hostile.paths[1]
    press(sized, "d")  # and on to the next
    assert js(sized, path) == hostile.paths[2]
    press(sized, "u")
    press(sized, "o")
    assert decisions(sized) == {hostile.paths[2]: {"action": "keep", "new_class": ""}}
    assert js(sized, path) == hostile.paths[3]
    press(sized, ESCAPE)
    assert not is_open(sized, "large")
    card = "document.activeElement.closest('.suspect').id"
    assert js(sized, card) == "suspect-4"
    press(sized, ENTER)
    assert is_open(sized, "large") and js(sized, path) == hostile.paths[3]
    press(sized, "z", "k")
    assert js(sized, card) == "suspect-3"


def test_large_by_mouse(sized: Chrome, hostile: ReviewWorld) -> None:
    click(sized, "#suspect-2 .subject-picture")
    path = "document.querySelector('#large .path').textContent"
    assert js(sized, path) == hostile.paths[1]
    size = js(
        sized,
        "(({width, height}) => [width, height])"
        "(document.querySelector('#large-picture').getBoundingClientRect())",
    )
    assert min(size) > 200
    click(sized, "#large-on")
    assert js(sized, path) == hostile.paths[2]
    click(sized, "#large .decide [data-do=keep]")
    assert decisions(sized) == {hostile.paths[2]: {"action": "keep", "new_class": ""}}
    click(sized, "#large-near .pic")
    beside = js(sized, path)
    assert beside != hostile.paths[2]
    press(sized, RIGHT)
    assert js(sized, path) != beside
    click(sized, "#large-close")
    assert not is_open(sized, "large")
    assert js(sized, "document.activeElement.closest('.suspect').id") == "suspect-2"


def test_large_steps_through_the_mistakes(sized: Chrome) -> None:
    first = image_of(sized, ".mistake .subject-picture")
    click(sized, ".mistake .subject-picture")
    assert js(sized, "document.querySelector('#large .path').textContent") == first["path"]
    assert js(sized, "document.querySelectorAll('#large-near p').length") == 2
    press(sized, RIGHT, ESCAPE)
    assert js(
        sized,
        "document.activeElement.closest('.mistake') === document.querySelectorAll('.mistake')[1]",
    )


def test_no_menu_or_large_view_is_wider_than_the_screen(sized: Chrome) -> None:
    press(sized, "jz")
    wide = (
        "[...document.querySelectorAll('#large *, #menu *')]"
        ".filter(each => each.checkVisibility() && !each.closest('.sideways'))"
        ".filter(each => each.getBoundingClientRect().right > innerWidth + 1)"
        ".map(each => each.outerHTML.slice(0, 90))"
    )
    assert js(sized, wide) == []
    press(sized, "m")
    assert js(sized, wide) == []
    left, top, right, bottom = box_of(sized, "#menu")
    width, height = js(sized, "[innerWidth, innerHeight]")
    assert left >= 0 and top >= 0 and right <= width and bottom <= height
    press(sized, ESCAPE)
    assert is_open(sized, "large") and not is_open(sized, "menu")
