"""What nobody should notice: jumps land, text is read, keys go on, a phone has room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.analyze.report.in_browser import (
    WIDTHS,
    choose,
    click,
    current,
    decisions,
    force,
    js,
    low_contrast,
    one,
    open_page,
    press,
    sample_controls,
    shown,
)
from tests.analyze.report.review_world import ReviewWorld

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BELOW_HEADER = """(() => {
  const heading = document.querySelector(arguments[0] + " h2").getBoundingClientRect();
  return [heading.top - document.querySelector(".top").getBoundingClientRect().bottom, innerHeight];
})()"""

UNTIL_STILL = """
const done = arguments[0];
const look = (before, still) => requestAnimationFrame(() => {
  if (still > 8) return done();
  look(scrollY, scrollY === before ? still + 1 : 0);
});
look(NaN, 0);
"""


def assert_lands(page: Chrome, section: str) -> None:
    """The heading stands below the header and in the upper half of the window."""
    page.execute_async_script(UNTIL_STILL)
    gap, height = js(page, BELOW_HEADER, f"#{section}")
    assert -1 <= gap < height / 2 - 60, (section, gap)


@pytest.fixture
def moving(long_page: Chrome) -> Iterator[Chrome]:
    """The long page where nobody asked for less motion: it scrolls smoothly."""
    name = "Emulation.setEmulatedMedia"
    motion = {"name": "prefers-reduced-motion", "value": "no-preference"}
    long_page.execute_cdp_cmd(name, {"features": [motion]})
    yield long_page
    long_page.execute_cdp_cmd(name, {"features": []})


@pytest.mark.parametrize("where", WIDTHS)
def test_jumps_land_on_the_heading(moving: Chrome, many: ReviewWorld, where: str) -> None:
    open_page(moving, many.report, where=where, at="#mistakes")
    assert_lands(moving, "mistakes")
    for section in ("duplicates", "map", "suspects", "mistakes"):
        js(moving, "document.querySelector(`nav a[href='#${arguments[0]}']`).click()", section)
        assert_lands(moving, section)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_every_text_can_be_read_in_every_state(page: Chrome, theme: str) -> None:
    choose(page, "theme", theme)
    assert low_contrast(page) == []
    press(page, "jrjdjo")
    assert_readable_in_every_state(page)
    press(page, "gx")
    assert_readable_in_every_state(page)
    press(page, "z")
    assert_readable_in_every_state(page)
    press(page, "m")
    assert_readable_in_every_state(page)


def assert_readable_in_every_state(page: Chrome) -> None:
    controls = sample_controls(page)
    for states in ([], ["hover"], ["focus", "focus-visible"], ["hover", "active"]):
        force(page, controls, *states)
        assert low_contrast(page, f"{controls}, {controls} *") == [], states
    force(page, controls)


def test_keys_go_on_after_a_choice(page: Chrome, hostile: ReviewWorld) -> None:
    press(page, "j")
    choose(page, "by-decision", "open")
    assert current(page) == hostile.paths[0]
    press(page, "d")
    assert decisions(page) == {hostile.paths[0]: {"action": "delete", "new_class": ""}}
    click(page, "#keys summary")
    click(page, "#advance")
    press(page, "jd")
    assert len(decisions(page)) == 2


def test_letters_do_not_choose_options(page: Chrome, hostile: ReviewWorld) -> None:
    press(page, "j")
    select = one(page, "#by-decision")
    js(page, "arguments[0].focus()", select)
    press(page, "d")
    assert js(page, "arguments[0].value", select) == ""
    assert list(decisions(page)) == [hostile.paths[0]]
    assert len(shown(page)) == len(hostile.paths)


def test_the_next_card_follows_a_decision(page: Chrome, hostile: ReviewWorld) -> None:
    press(page, "jddo")
    actions = [decisions(page)[path]["action"] for path in hostile.paths[:3]]
    assert actions == ["delete", "delete", "keep"]
    assert current(page) == hostile.paths[3]


TOO_WIDE = """(() => {
  const inside = (each) => each.closest(".scroll, .sideways, .hidden, .skip, svg, nav");
  return [...document.querySelectorAll("body *")]
    .filter((each) => each.checkVisibility() && !inside(each))
    .filter((each) => {
      const box = each.getBoundingClientRect();
      return box.right > document.documentElement.clientWidth + 1 || box.left < -1;
    }).map((each) => each.outerHTML.slice(0, 100));
})()"""


@pytest.mark.parametrize("where", WIDTHS)
def test_nothing_is_wider_than_the_screen(
    chrome: Chrome, hostile: ReviewWorld, many: ReviewWorld, where: str
) -> None:
    for review in (hostile, many):
        open_page(chrome, review.report, where=where)
        press(chrome, "jr")
        assert js(chrome, TOO_WIDE) == []
        width = "document.documentElement.{0}Width"
        assert js(chrome, width.format("scroll")) <= js(chrome, width.format("client"))


def test_a_phone_shows_the_accuracy_and_buttons_beside_the_picture(
    chrome: Chrome, many: ReviewWorld
) -> None:
    open_page(chrome, many.report, where="phone")
    cell = one(chrome, "[data-column=accuracy]")
    assert js(chrome, "arguments[0].getBoundingClientRect().right <= innerWidth", cell)
    boxes = js(
        chrome,
        "['.subject', '.decide button'].map(s => document.querySelector('.suspect ' + s)"
        ".getBoundingClientRect()).map(box => [box.left, box.right, box.top, box.bottom])",
    )
    (_, right, top, bottom), (left, _, button_top, _) = boxes
    assert right <= left and top <= button_top < bottom


def test_a_wide_matrix_shows_that_it_scrolls(chrome: Chrome, many: ReviewWorld) -> None:
    open_page(chrome, many.report, where="phone")
    matrix = one(chrome, "#classes .scroll")
    more = "[arguments[0].dataset.more, getComputedStyle(arguments[0]).maskImage]"
    page_end = "arguments[0].scrollTo({left: 1e5, behavior: 'instant'})"
    ahead, mask = js(chrome, more, matrix)
    assert ahead == "right" and "gradient" in mask
    chrome.execute_script(page_end, matrix)
    chrome.execute_async_script("setTimeout(arguments[0], 60)")
    assert js(chrome, more, matrix)[0] == "left"
