"""The review page in a real browser: Chromium, headless. Skipped where there is none."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import analyze_results
from tests.analyze.report.in_browser import (
    choose,
    current,
    decisions,
    js,
    log_of,
    press,
    shown,
)
from tests.analyze.report.review_world import ReviewWorld

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def test_no_request_leaves_the_page(page: Chrome) -> None:
    js(page, "window.scrollTo(0, document.body.scrollHeight)")
    time.sleep(0.5)
    messages = [json.loads(entry["message"])["message"] for entry in log_of(page, "performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert all(url.startswith(("file:", "data:")) for url in asked)
    loaded = js(page, "performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith("data:") for name in loaded)


def test_pictures_are_drawn_and_names_are_text(page: Chrome, hostile: ReviewWorld) -> None:
    js(page, "document.getElementById('suspects').scrollIntoView()")
    time.sleep(0.5)
    assert js(page, "document.querySelector('.suspect img').naturalWidth") > 0
    assert hostile.hostile_path in js(page, "document.querySelector('.suspect .path').textContent")
    assert not js(page, "document.querySelectorAll('img[src=x]').length")
    assert js(page, "document.documentElement.scrollWidth <= window.innerWidth")


def test_cards_sort(page: Chrome, hostile: ReviewWorld) -> None:
    table = hostile.suspects
    assert shown(page) == list(table["train_path"])
    choose(page, "sort", "agreement, lowest first")
    assert shown(page) == list(table.sort_values("label_agreement", kind="stable")["train_path"])
    choose(page, "sort", "gain × probability, highest first")
    by_gain = (table["gain"] * table["wrong_label_probability"]).argsort(kind="stable")[::-1]
    assert shown(page) == list(table["train_path"].iloc[by_gain])
    choose(page, "sort", "self-influence, highest first")
    by_self = table.sort_values("self_influence", ascending=False, kind="stable")
    assert shown(page) == list(by_self["train_path"])


def test_cards_filter_and_search(page: Chrome, hostile: ReviewWorld) -> None:
    from selenium.webdriver.common.by import By

    table = hostile.suspects
    first = table.iloc[0]
    label = str(first["given_class"])
    choose(page, "by-class", label)
    either = (table["given_class"] == label) | (table["suggested_class"] == label)
    assert shown(page) == list(table[either]["train_path"])
    choose(page, "by-class", "any class")
    same = (table["given_class"] == label) & (table["suggested_class"] == first["suggested_class"])
    choose(page, "by-pair", f"{label} → {first['suggested_class']} ({int(same.sum())})")
    assert shown(page) == list(table[same]["train_path"])
    choose(page, "by-pair", "all pairs")
    search = page.find_element(By.ID, "search")
    search.send_keys("ALERT(3) & שלום")
    assert shown(page) == [hostile.hostile_path]
    search.send_keys("nothing has this name")
    assert shown(page) == []
    page.find_element(By.ID, "reset").click()
    assert len(shown(page)) == len(table)


def test_keys_decide_and_decisions_survive_a_reload(page: Chrome, hostile: ReviewWorld) -> None:
    paths, suggested = hostile.paths, list(hostile.suspects["suggested_class"])
    press(page, "jj")
    assert current(page) == paths[1]
    press(page, "k")
    assert current(page) == paths[0]
    press(page, "rdo")
    names = hostile.world.names
    other = next(
        number
        for number, name in enumerate(names)
        if name not in (suggested[3], hostile.suspects["given_class"].iloc[3])
    )
    press(page, str(other + 1))
    expected = {
        paths[0]: {"action": "relabel", "new_class": suggested[0]},
        paths[1]: {"action": "delete", "new_class": ""},
        paths[2]: {"action": "keep", "new_class": ""},
        paths[3]: {"action": "relabel", "new_class": names[other]},
    }
    assert decisions(page) == expected
    page.refresh()
    assert decisions(page) == expected
    assert "4 of" in js(page, "document.getElementById('progress').textContent")
    assert js(page, "document.querySelector('#suspect-2 [data-do=delete]').ariaPressed") == "true"
    press(page, "u")
    assert decisions(page) == {path: expected[path] for path in paths[:3]}
    assert current(page) == paths[3]
    choose(page, "by-decision", "delete")
    assert shown(page) == [paths[1]]


def test_keys_are_letters_where_text_is_typed_and_can_be_switched_off(page: Chrome) -> None:
    from selenium.webdriver.common.by import By

    press(page, "j")
    page.find_element(By.ID, "search").send_keys("rd")
    assert decisions(page) == {}
    page.find_element(By.ID, "search").clear()
    page.find_element(By.CSS_SELECTOR, "#keys summary").click()
    page.find_element(By.ID, "keys-on").click()
    js(page, "document.activeElement.blur()")
    press(page, "jd")
    assert decisions(page) == {}


def test_the_exported_list_feeds_apply(
    page: Chrome, hostile: ReviewWorld, downloads: Path, tmp_path: Path
) -> None:
    from selenium.webdriver.common.by import By

    paths = list(hostile.suspects["train_path"])
    press(page, "jrd")
    page.execute_script("document.querySelector('.duplicate .copy [data-do=keep]').click()")
    page.find_element(By.ID, "export").click()
    file = downloads / "actions.csv"
    deadline = time.monotonic() + 10
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    actions = {row["train_path"]: row["action"] for row in rows}
    assert [actions.pop(path) for path in paths[:2]] == ["relabel", "delete"]
    assert list(actions.values()) == ["keep"]
    rows.sort(key=lambda row: row["action"] != "relabel")
    clean = tmp_path / "clean"
    flags = ["--apply", str(file), "--cleaned_dir", str(clean)]
    assert analyze_results.main([*flags, "--results_dir", str(hostile.world.results_dir)]) == 0
    moved = clean / "train" / rows[0]["new_class"] / Path(paths[0]).name
    assert moved.read_bytes() == (hostile.world.data_dir / paths[0]).read_bytes()
    assert not (clean / paths[1]).exists()


def test_colours_follow_the_choice(page: Chrome) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    choose(page, "theme", "Dark")
    dark = js(page, background)
    choose(page, "theme", "Light")
    assert js(page, background) != dark
