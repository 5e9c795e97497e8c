"""The sample by which all labels are judged, in a real browser."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.analyze.report.in_browser import (
    click,
    decisions,
    images,
    js,
    log_of,
    low_contrast,
    open_page,
    press,
)
from tests.analyze.report.review_world import ReviewWorld, make_review_world, write_page
from tracin.analyze.figures.review_sample import EDGES, wrong_share
from tracin.results import schema

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

RESULT = "document.getElementById('sample-result').textContent"
WORDS = """(() => {
  const card = document.getElementById("sample-card").cloneNode(true);
  card.querySelector("select").remove();
  return card.textContent;
})()"""
SHOWN = "document.getElementById('sample-path').textContent"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """Training labels of every suspicion, few of them listed."""
    review = make_review_world(tmp_path_factory.mktemp("graded"), n_train=400)
    folder = review.world.results_dir
    table = schema.read_table(folder, schema.TRAIN_SUMMARY)
    table["suspicion"] = np.linspace(0, 1.1, len(table)) ** 3
    schema.write_table(folder, schema.TRAIN_SUMMARY, table)
    write_page(review)
    return review


@pytest.fixture
def page(chrome: Chrome, graded: ReviewWorld) -> Iterator[Chrome]:
    """The page of ``graded`` with nothing decided; afterwards its console must be empty."""
    open_page(chrome, graded.report)
    yield chrome
    assert log_of(chrome, "browser") == []


def drawn(page: Chrome) -> tuple[list[str], list[int], list[int]]:
    """(paths in their order, stratum of each, sizes of all strata) as the page has them."""
    sample = js(page, "JSON.parse(document.getElementById('data').textContent).sample")
    known = images(page)
    return [known[n]["path"] for n in sample["images"]], sample["strata"], sample["sizes"]


def test_a_hundred_of_all_are_drawn_from_their_strata(page: Chrome, graded: ReviewWorld) -> None:
    paths, strata, sizes = drawn(page)
    table = schema.read_table(graded.world.results_dir, schema.TRAIN_SUMMARY).set_index(
        "train_path"
    )
    of = np.searchsorted(EDGES, table["suspicion"], side="right")
    assert sizes == np.bincount(of, minlength=5).tolist()
    assert len(set(paths)) == len(paths) == 100
    assert strata == np.searchsorted(EDGES, table["suspicion"][paths], side="right").tolist()


def test_nothing_leads_whoever_answers(page: Chrome, graded: ReviewWorld) -> None:
    paths, _, _ = drawn(page)
    suspects = graded.suspects.set_index("train_path")
    for path in paths[:20]:
        assert js(page, SHOWN) == path
        text = js(page, WORDS)
        label = js(page, "document.getElementById('sample-label').textContent")
        if path in suspects.index:
            assert suspects["suggested_class"][path] not in text.replace(label, "")
            assert label == suspects["given_class"][path]
        assert not re.search(r"suspicion|\d\.\d", text)
        assert js(page, "document.querySelectorAll('#sample-card .pic').length") == 0
        click(page, "#sample-skip")
    assert decisions(page) == {}


@pytest.mark.parametrize("where", ["desktop", "phone"])
def test_answers_by_keys_and_mouse_are_decisions(
    page: Chrome, graded: ReviewWorld, where: str
) -> None:
    open_page(page, graded.report, where=where)
    paths, _, _ = drawn(page)
    click(page, "[data-answer=keep]")
    press(page, "d")
    press(page, "r")  # there is no suggestion to take
    assert js(page, SHOWN) == paths[2]
    press(page, "jo")
    assert decisions(page) == {
        paths[0]: {"action": "keep", "new_class": ""},
        paths[1]: {"action": "delete", "new_class": ""},
        paths[3]: {"action": "keep", "new_class": ""},
    }
    press(page, "kkn")
    assert js(page, SHOWN) == paths[4]
    press(page, "u")
    assert paths[3] not in decisions(page)
    assert js(page, RESULT).startswith("2 of 100 answered. An estimate needs")
    width = js(page, "[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6])
def test_the_estimate_is_that_of_python(page: Chrome, graded: ReviewWorld, rate: float) -> None:
    paths, strata, sizes = drawn(page)
    chance = random.Random(int(10 * rate))
    answered = chance.sample(range(100), 80)
    wrong = {position for position in answered if chance.random() < rate}
    kept = {
        paths[position]: {"action": "delete" if position in wrong else "keep", "new_class": ""}
        for position in answered
    }
    key = js(page, "JSON.parse(document.getElementById('data').textContent).key")
    state = json.dumps({"decisions": kept, "history": []})
    answers = json.dumps({path: each["action"] for path, each in kept.items()})
    remember(page, graded, {key: state, key + "-sample": answers})
    counts = [
        np.bincount([strata[position] for position in part], minlength=5).tolist()
        for part in (answered, sorted(wrong))
    ]
    expected = wrong_share(sizes, *counts)
    assert expected is not None
    shares = [float(text) for text in re.findall(r"([\d.]+)%", js(page, RESULT))[:3]]
    exact = [100 * expected.share, 100 * expected.low, 100 * expected.high]
    assert shares == pytest.approx(exact, abs=0.051)


def remember(page: Chrome, review: ReviewWorld, kept: dict[str, str]) -> None:
    """Open the page as somebody left it."""
    for key, text in kept.items():
        page.execute_script("localStorage.setItem(arguments[0], arguments[1])", key, text)
    page.get("about:blank")
    page.get(review.report.as_uri())


def test_decisions_elsewhere_are_no_answers(page: Chrome, graded: ReviewWorld) -> None:
    """Whoever decides the most suspicious first has not drawn them."""
    paths, _, _ = drawn(page)
    key = js(page, "JSON.parse(document.getElementById('data').textContent).key")
    decided = {path: {"action": "delete", "new_class": ""} for path in paths[:30]}
    state = json.dumps({"decisions": decided, "history": []})
    remember(page, graded, {key: state})
    assert js(page, RESULT).startswith("0 of 100 answered.")
    at = "document.getElementById('sample-at').textContent"
    assert js(page, at) == "1 of 100, decided elsewhere: counts once it is answered here"
    click(page, "[data-answer=delete]")
    assert js(page, RESULT).startswith("1 of 100 answered.")
    assert js(page, SHOWN) == paths[1]


def test_a_label_called_right_stays_right_where_the_image_is_deleted(
    page: Chrome, graded: ReviewWorld
) -> None:
    paths, _, _ = drawn(page)
    key = js(page, "JSON.parse(document.getElementById('data').textContent).key")
    decided = {path: {"action": "keep", "new_class": ""} for path in paths}
    decided[paths[3]]["action"] = "delete"  # one of two copies
    state = json.dumps({"decisions": decided, "history": []})
    remember(page, graded, {key: state, key + "-sample": json.dumps(dict.fromkeys(paths, "keep"))})
    assert js(page, RESULT).startswith("100 of 100 answered. 0.0% of the labels are wrong")


def test_letters_in_the_sample_reach_no_suspect(page: Chrome) -> None:
    press(page, "n")  # a suspect is current
    click(page, "#sample-skip")
    page.execute_script("document.getElementById('sample-card').focus()")
    press(page, "zm")
    assert not js(page, "document.getElementById('large').open")
    assert not js(page, "document.getElementById('menu').matches(':popover-open')")


def test_what_is_left_among_the_suspects_is_told(page: Chrome, graded: ReviewWorld) -> None:
    table = graded.suspects.sort_values("rank")
    probability = dict(zip(table["train_path"], table["wrong_label_probability"], strict=True))
    text = "document.getElementById('still-wrong').textContent"
    total = round(sum(probability.values()))
    assert js(page, text) == (
        f"By the probabilities on the cards, about {total} of the {len(table)} left "
        "have wrong labels."
    )
    first, second = list(probability)[:2]
    click(page, ".suspect [data-do=delete]")
    click(page, ".suspect:not(.decided) [data-do=keep]")
    assert set(decisions(page)) == {first, second}
    expected = round(probability[first] + probability[second])
    left = round(sum(probability.values()) - probability[first] - probability[second])
    assert js(page, text) == (
        "Of the 2 suspects decided, 1 was relabelled or deleted; the probabilities on their cards "
        f"add up to {expected}. By the probabilities on the cards, about {left} of the "
        f"{len(table) - 2} left have wrong labels."
    )


def test_the_card_can_be_read(page: Chrome, graded: ReviewWorld) -> None:
    for theme in ("Light", "Dark"):
        page.execute_script(
            "document.getElementById('theme').value = arguments[0];"
            "document.getElementById('theme').dispatchEvent(new Event('change'))",
            theme.lower(),
        )
        assert low_contrast(page, "#sample *") == []
