"""Many suspects at once: the grid, what is selected there, one decision for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.analyze.report.in_browser import (
    WIDTHS,
    box_of,
    choose,
    click,
    decisions,
    js,
    log_of,
    one,
    open_page,
    press,
    shown,
)
from tests.analyze.report.review_world import ReviewWorld

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ARROWS = {"left": "\ue012", "up": "\ue013", "right": "\ue014", "down": "\ue015"}
SPACE, ESCAPE, SHIFT = "\ue00d", "\ue00c", "\ue008"


@pytest.fixture(params=WIDTHS)
def tiles(chrome: Chrome, many: ReviewWorld, request: pytest.FixtureRequest) -> Iterator[Chrome]:
    """The long page as a grid, on a desktop and on a phone."""
    open_page(chrome, many.report, where=request.param)
    press(chrome, "jg")
    yield chrome
    assert log_of(chrome, "browser") == []


def selected(page: Chrome) -> list[int]:
    """Places of the selected tiles among those shown."""
    return list(
        js(
            page,
            "[...document.querySelectorAll('.suspect:not([hidden])')]"
            ".flatMap((card, at) => card.classList.contains('selected') ? [at] : [])",
        )
    )


def tile(page: Chrome, at: int, part: str = ".pic") -> Any:
    return js(
        page,
        "[...document.querySelectorAll('.suspect:not([hidden])')][arguments[0]]"
        ".querySelector(arguments[1])",
        at,
        part,
    )


def test_one_decision_for_all_of_a_pair_undone_as_one(tiles: Chrome, many: ReviewWorld) -> None:
    table = many.suspects
    given, suggested = (
        "butterfly",
        table[table["given_class"] == "butterfly"]["suggested_class"].mode()[0],
    )
    of_pair = table[(table["given_class"] == given) & (table["suggested_class"] == suggested)]
    choose(tiles, "by-pair", f"{given} → {suggested} ({len(of_pair)})")
    assert shown(tiles) == list(of_pair["train_path"])
    click(tiles, "#select-all")
    assert len(selected(tiles)) == len(of_pair) > 2
    click(tiles, "[data-all=relabel]")
    expected = {
        path: {"action": "relabel", "new_class": suggested} for path in of_pair["train_path"]
    }
    assert decisions(tiles) == expected
    assert selected(tiles) == []
    click(tiles, "#undo")
    assert decisions(tiles) == {}
    press(tiles, "ad")
    assert {each["action"] for each in decisions(tiles).values()} == {"delete"}
    press(tiles, "u")
    assert decisions(tiles) == {}
    press(tiles, "a")
    choose(tiles, "all-other", "horse")
    assert {each["new_class"] for each in decisions(tiles).values()} == {"horse"}


def test_tiles_are_selected_by_mouse(tiles: Chrome) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    one(tiles, "#filter-bar")
    mouse = ActionChains(tiles, duration=0)
    js(tiles, "arguments[0].click()", tile(tiles, 1, ".check"))
    assert selected(tiles) == [1]
    js(tiles, "arguments[0].scrollIntoView({block: 'center'})", tile(tiles, 3))
    mouse.move_to_element(tile(tiles, 2)).click().perform()
    assert selected(tiles) == [1, 2]
    mouse.key_down(SHIFT).move_to_element(tile(tiles, 4)).click().key_up(SHIFT).perform()
    assert selected(tiles) == [1, 2, 3, 4]
    mouse.move_to_element(tile(tiles, 2)).click_and_hold().move_to_element(tile(tiles, 3))
    mouse.release().perform()
    assert selected(tiles) == [1, 4]
    click(tiles, "#select-none")
    assert selected(tiles) == []
    mouse.move_to_element(tile(tiles, 0)).click_and_hold().move_to_element(tile(tiles, 1))
    mouse.release().perform()
    assert selected(tiles) == [0, 1]
    assert not js(tiles, "document.getElementById('large').open")


def test_tiles_are_selected_by_keys(tiles: Chrome) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    columns = (
        js(tiles, "getComputedStyle(document.getElementById('cards')).gridTemplateColumns").count(
            " "
        )
        + 1
    )
    press(tiles, "x", ARROWS["right"], SPACE)
    assert selected(tiles) == [0, 1]
    keys = ActionChains(tiles, duration=0)
    keys.key_down(SHIFT).send_keys(ARROWS["down"]).key_up(SHIFT).perform()
    assert selected(tiles) == list(range(columns + 2))
    press(tiles, ARROWS["up"], "x")
    assert selected(tiles) == [0, *range(2, columns + 2)]
    press(tiles, ESCAPE)
    assert selected(tiles) == []
    press(tiles, ARROWS["left"], "d")
    assert js(tiles, "document.querySelectorAll('#cards [data-verdict]').length") == 1


def test_the_size_of_the_tiles_and_the_view_are_kept(tiles: Chrome) -> None:
    width = "document.querySelector('.suspect .pic').getBoundingClientRect().width"
    before = js(tiles, width)
    press(tiles, "-----")
    assert js(tiles, width) < before
    smaller = js(tiles, width)
    tiles.refresh()
    assert js(tiles, "document.getElementById('cards').classList.contains('grid')")
    assert js(tiles, width) == smaller
    press(tiles, "g")
    assert not js(tiles, "document.getElementById('cards').classList.contains('grid')")


def test_the_filters_stay_in_view_and_n_finds_what_is_open(
    tiles: Chrome, many: ReviewWorld
) -> None:
    press(tiles, "a")
    choose(tiles, "all-other", "cow")
    press(tiles, "u")
    js(tiles, "document.querySelectorAll('.suspect .check')[0].click()")
    press(tiles, "dn")
    focused = "document.activeElement.closest('.suspect').id"
    assert js(tiles, focused) == "suspect-2"
    js(tiles, "document.getElementById('suspect-400').scrollIntoView({behavior: 'instant'})")
    tiles.execute_async_script("setTimeout(arguments[0], 60)")
    _, top, _, bottom = box_of(tiles, "#filter-bar")
    assert 0 < top < bottom < 400


def test_long_lists_are_cut_into_pages(long_page: Chrome, many: ReviewWorld) -> None:
    laid_out = (
        "[...document.querySelectorAll('.suspect')].filter(c => c.checkVisibility()).map(c => c.id)"
    )
    assert js(long_page, laid_out) == [f"suspect-{rank}" for rank in range(1, 26)]
    click(long_page, ".line [data-turn='1']")
    assert js(long_page, laid_out)[0] == "suspect-26"
    press(long_page, "k")
    assert js(long_page, "document.activeElement.id") == "suspect-25"
    js(long_page, "location.hash = '#suspect-77'")
    long_page.execute_async_script("setTimeout(arguments[0], 60)")
    assert js(long_page, "document.activeElement.id") == "suspect-77"
    assert js(long_page, laid_out)[0] == "suspect-76"


def test_the_table_of_classes_sorts_and_leads_on(long_page: Chrome, many: ReviewWorld) -> None:
    click(long_page, "#class-table th:nth-child(4) .sorter")
    cells = "[...document.querySelectorAll('#class-table td:nth-child(4)')]"
    counts = f"{cells}.map(cell => Number(cell.dataset.value))"
    sorted_counts = list(many.suspects["given_class"].value_counts())
    assert js(long_page, counts) == sorted_counts
    assert js(long_page, "document.querySelector('#class-table th[aria-sort]').cellIndex") == 3
    click(long_page, "#class-table [data-label=cow][data-select=by-pair]")
    of_cow = many.suspects[many.suspects["given_class"] == "cow"]["train_path"]
    assert shown(long_page) == list(of_cow)
    click(long_page, "#class-table [data-label=cow][data-select=mistake-pair]")
    labels = (
        "[...document.querySelectorAll('.mistake')].filter(c => !c.hidden).map(c => c.dataset.true)"
    )
    assert set(js(long_page, labels)) == {"cow"}
    page = js(
        long_page, "document.querySelector('#class-table td:last-child a').getAttribute('href')"
    )
    assert page.endswith("_summary.png")
