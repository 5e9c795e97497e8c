"""The review page in a real browser: Chromium, headless. Skipped where there is none."""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import analyze_results
from tests.analyze.report.review_world import ReviewWorld, make_review_world
from tracin.analyze.run import AnalyzeConfig, run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

selenium = pytest.importorskip("selenium", reason="selenium is not installed")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(DRIVER is None, reason="no chromedriver is installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of selenium's own connections
]


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    review = make_review_world(tmp_path_factory.mktemp("browser"))
    run(AnalyzeConfig(review.world.results_dir))
    return review


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chrome(downloads: Path) -> Iterator[Chrome]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_argument("--window-size=1300,1000")
    # The page scrolls smoothly unless asked not to, and a click while it moved hit the bar below.
    options.add_argument("--force-prefers-reduced-motion")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield browser
    browser.quit()


@pytest.fixture
def page(chrome: Chrome, review: ReviewWorld) -> Iterator[Chrome]:
    """The page with nothing decided; afterwards its console must be empty."""
    chrome.get((review.world.results_dir / "report.html").as_uri())
    chrome.execute_script("localStorage.clear(); history.replaceState(null, '', ' ')")
    chrome.refresh()
    yield chrome
    assert log_of(chrome, "browser") == []


def log_of(page: Any, kind: str) -> list[dict[str, Any]]:
    return list(page.get_log(kind))


def js(page: Chrome, script: str, *values: object) -> Any:
    return page.execute_script(f"return {script}", *values)


def shown(page: Chrome) -> list[str]:
    """Paths of the cards in view, in order."""
    return list(
        js(page, "[...document.querySelectorAll('.suspect')].filter(c => !c.hidden)"
        ".map(c => c.dataset.path)")
    )  # fmt: skip


def choose(page: Chrome, select: str, text: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    Select(page.find_element(By.ID, select)).select_by_visible_text(text)


def press(page: Chrome, keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(page).send_keys(key).perform()


def decisions(page: Chrome) -> dict[str, dict[str, str]]:
    """What the browser keeps, by path."""
    kept = js(
        page, "localStorage.getItem(JSON.parse(document.getElementById('data').textContent).key)"
    )
    return dict(json.loads(kept)["decisions"]) if kept else {}


def current(page: Chrome) -> str | None:
    path = js(page, "document.activeElement.closest('.suspect')?.dataset.path")
    return None if path is None else str(path)


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


def test_pictures_are_drawn_and_names_are_text(page: Chrome, review: ReviewWorld) -> None:
    js(page, "document.getElementById('suspects').scrollIntoView()")
    time.sleep(0.5)
    assert js(page, "document.querySelector('.suspect img').naturalWidth") > 0
    assert review.hostile_path in js(page, "document.querySelector('.suspect .path').textContent")
    assert not js(page, "document.querySelectorAll('img[src=x]').length")
    assert js(page, "document.documentElement.scrollWidth <= window.innerWidth")


def test_cards_sort(page: Chrome, review: ReviewWorld) -> None:
    table = review.suspects
    assert shown(page) == list(table["train_path"])
    choose(page, "sort", "agreement, lowest first")
    assert shown(page) == list(table.sort_values("label_agreement", kind="stable")["train_path"])
    choose(page, "sort", "gain × probability, highest first")
    by_gain = (table["gain"] * table["wrong_label_probability"]).argsort(kind="stable")[::-1]
    assert shown(page) == list(table["train_path"].iloc[by_gain])
    choose(page, "sort", "self-influence, highest first")
    by_self = table.sort_values("self_influence", ascending=False, kind="stable")
    assert shown(page) == list(by_self["train_path"])


def test_cards_filter_and_search(page: Chrome, review: ReviewWorld) -> None:
    from selenium.webdriver.common.by import By

    table = review.suspects
    first = table.iloc[0]
    label = str(first["given_class"])
    choose(page, "by-class", label)
    either = (table["given_class"] == label) | (table["suggested_class"] == label)
    assert shown(page) == list(table[either]["train_path"])
    choose(page, "by-class", "all")
    same = (table["given_class"] == label) & (table["suggested_class"] == first["suggested_class"])
    choose(page, "by-pair", f"{label} → {first['suggested_class']} ({int(same.sum())})")
    assert shown(page) == list(table[same]["train_path"])
    choose(page, "by-pair", "all pairs")
    search = page.find_element(By.ID, "search")
    search.send_keys("ALERT(3) & שלום")
    assert shown(page) == [review.hostile_path]
    search.send_keys("nothing has this name")
    assert shown(page) == []
    page.find_element(By.ID, "reset").click()
    assert len(shown(page)) == len(table)


def test_keys_decide_and_decisions_survive_a_reload(page: Chrome, review: ReviewWorld) -> None:
    paths, suggested = list(review.suspects["train_path"]), list(review.suspects["suggested_class"])
    press(page, "jj")
    assert current(page) == paths[1]
    press(page, "k")
    assert current(page) == paths[0]
    press(page, "r")
    press(page, "jd")
    press(page, "jo")
    names = review.world.names
    other = next(
        number
        for number, name in enumerate(names)
        if name not in (suggested[3], review.suspects["given_class"].iloc[3])
    )
    press(page, f"j{other + 1}")
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
    page: Chrome, review: ReviewWorld, downloads: Path, tmp_path: Path
) -> None:
    from selenium.webdriver.common.by import By

    paths = list(review.suspects["train_path"])
    press(page, "jr")
    press(page, "jd")
    page.execute_script(
        "document.querySelector('.duplicate .copy[data-path] [data-do=keep]').click()"
    )
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
    assert analyze_results.main([*flags, "--results_dir", str(review.world.results_dir)]) == 0
    moved = clean / "train" / rows[0]["new_class"] / Path(paths[0]).name
    assert moved.read_bytes() == (review.world.data_dir / paths[0]).read_bytes()
    assert not (clean / paths[1]).exists()


def test_colours_follow_the_choice(page: Chrome) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    choose(page, "theme", "Dark")
    dark = js(page, background)
    choose(page, "theme", "Light")
    assert js(page, background) != dark
