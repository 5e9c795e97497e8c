"""The order that follows the decisions, in a real browser, against the formula in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import torch

from tests.analyze.report.factors_world import make_factors, table_of, write_factors
from tests.analyze.report.in_browser import (
    choose,
    click,
    decisions,
    js,
    log_of,
    one,
    open_page,
    press,
)
from tests.analyze.report.review_world import ReviewWorld, make_review_world, write_page
from tracin.compute.labels.label_quality import label_quality
from tracin.compute.scores.factors import Factors
from tracin.results import schema

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

NOW = """Object.fromEntries([...document.querySelectorAll('.suspect')].map((card) => [
    JSON.parse(document.getElementById('data').textContent).images[card.dataset.image].path,
    Number(card.dataset.now)]))"""
ORDER = """(() => {
  const { images } = JSON.parse(document.getElementById('data').textContent);
  return [...document.querySelectorAll('.suspect')].map((card) => images[card.dataset.image].path);
})()"""
ORDER_SHOWN = """(() => {
  const { images } = JSON.parse(document.getElementById('data').textContent);
  return [...document.querySelectorAll('.suspect:not(.off):not([hidden])')]
    .map((card) => images[card.dataset.image].path);
})()"""
MOVED = """document.getElementById('moved').hidden
    ? '' : document.querySelector('#moved span').textContent"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """Sixty suspects, and the factors of all training images at two checkpoints."""
    review = make_review_world(tmp_path_factory.mktemp("live"), n_train=300, suspects=60)
    write_factors(review)
    write_page(review)
    return review


@pytest.fixture
def page(chrome: Chrome, followed: ReviewWorld) -> Iterator[Chrome]:
    """The page of ``followed`` with nothing decided; afterwards its console must be empty."""
    open_page(chrome, followed.report)
    yield chrome
    assert log_of(chrome, "browser") == []


def relabelled(factors: Factors, labels: torch.Tensor, rows: torch.Tensor) -> Factors:
    """The factors of ``rows`` under other ``labels``, (n,)."""
    kept = (factors.activations[rows], factors.logits[rows], factors.errors[rows])
    return Factors(*kept, labels[rows])


def expected(review: ReviewWorld, decided: dict[str, dict[str, str]]) -> dict[str, float]:
    """Suspicion of each suspect's given label against the images as they are labelled by now."""
    table, names = table_of(review), list(review.world.names)
    row_of = {path: row for row, path in enumerate(table.paths)}
    labels, there = torch.from_numpy(table.labels).clone(), torch.ones(len(table), dtype=torch.bool)
    for path, decision in decided.items():
        if path not in review.paths:
            continue
        if decision["action"] == "delete":
            there[row_of[path]] = False
        elif decision["action"] == "relabel":
            labels[row_of[path]] = names.index(decision["new_class"])
    factors, remaining = make_factors(review), there.nonzero().squeeze(1)
    reference = [relabelled(each, labels, remaining) for each in factors]
    among = label_quality(reference).suspicion
    suspicion = {table.paths[row]: float(among[at]) for at, row in enumerate(remaining.tolist())}
    for path in set(decided) & set(review.paths):
        if decided[path]["action"] != "keep":
            row = torch.tensor([row_of[path]])
            given = torch.from_numpy(table.labels)
            asked = [relabelled(each, given, row) for each in factors]
            suspicion[path] = float(label_quality(asked, reference).suspicion)
    return {path: suspicion[path] for path in review.paths}


def decide_many(page: Chrome, review: ReviewWorld) -> None:
    """Deletions, relabellings to the suggestion and to another class, confirmations."""
    press(page, "n", "d", "r", "o", "d", "d", "r", "r", "1", "3", "o", "d", "r", "2")


def test_suspicion_equals_the_formula_after_decisions(page: Chrome, followed: ReviewWorld) -> None:
    decide_many(page, followed)
    decided = decisions(page)
    assert {each["action"] for each in decided.values()} == {"keep", "delete", "relabel"}
    assert js(page, NOW) == pytest.approx(expected(followed, decided), abs=1e-4)


def test_undone_decisions_leave_nothing_behind(page: Chrome, followed: ReviewWorld) -> None:
    decide_many(page, followed)
    assert js(page, MOVED)
    press(page, *("u" * 14))
    assert decisions(page) == {}
    assert js(page, NOW) == pytest.approx(expected(followed, {}), abs=1e-6)
    assert js(page, MOVED) == ""
    assert (
        js(page, "[...document.querySelectorAll('.now')].map((e) => e.textContent).join('')") == ""
    )


def test_the_order_follows_each_decision_and_says_what_moved(
    page: Chrome, followed: ReviewWorld
) -> None:
    decide_many(page, followed)
    click(page, "#sort-live")
    assert js(page, "document.getElementById('sort').value") == "live"
    press(page, "d", "d")
    truth = expected(followed, decisions(page))
    assert js(page, ORDER) == sorted(truth, key=lambda path: -truth[path])
    before, open_ = expected(followed, {}), set(followed.paths) - set(decisions(page))
    was, now = (sorted(open_, key=lambda path: -at[path]) for at in (before, truth))
    changed = sum(a != b for a, b in zip(was, now, strict=True))
    text = js(page, MOVED)
    assert re.search(rf"\b{changed} suspects? of the {len(open_)} left changed place", text)
    far = sum(abs(was.index(path) - now.index(path)) >= 10 for path in open_)
    assert ("by 10 or more" in text) == bool(far)
    assert not far or f"{far} by 10 or more" in text
    cleared = [p for p in open_ if before[p] >= schema.SUSPICION_CUT > truth[p]]
    assert (f"{len(cleared)} suspect" in text.split("Farthest")[1]) == bool(cleared)


def test_the_card_looked_at_stays_where_it_is(page: Chrome, followed: ReviewWorld) -> None:
    choose(page, "sort", "suspicion, as decided")
    press(page, "n", "j", "j")
    top = "document.querySelector('.suspect.current').getBoundingClientRect().top"
    path = "document.querySelector('.suspect.current .path, .suspect.current').id"
    one(page, ".suspect.current button[data-do=delete]")  # scrolls there
    before, card = js(page, top), js(page, path)
    click(page, ".suspect.current button[data-do=delete]")
    assert js(page, path) == card
    assert js(page, top) == pytest.approx(before, abs=2)
    assert js(page, "document.activeElement.closest('.suspect').id") == card


def test_the_card_that_a_filter_hides_gives_way_to_the_next(
    page: Chrome, followed: ReviewWorld
) -> None:
    choose(page, "sort", "suspicion, as decided")
    choose(page, "by-decision", "open")
    press(page, *("j" * 30))  # on the second page of cards
    order = js(page, ORDER)
    at = js(page, "document.querySelector('.suspect.current').dataset.image")
    path = js(page, f"JSON.parse(document.getElementById('data').textContent).images[{at}].path")
    click(page, ".suspect.current button[data-do=delete]")
    off = "document.querySelectorAll('.suspect:not(.off):not([hidden])')"
    shown = js(page, f"[...{off}].map((card) => card.dataset.rank).length")
    assert 0 < shown <= 25
    following = order[order.index(path) + 1]
    there = js(page, ORDER_SHOWN)
    assert following in there


def test_what_was_decided_before_the_page_was_opened_counts(
    page: Chrome, followed: ReviewWorld
) -> None:
    decide_many(page, followed)
    now = js(page, NOW)
    page.get("about:blank")
    page.get(followed.report.as_uri())
    assert js(page, NOW) == pytest.approx(now, abs=1e-6)


def test_without_factors_the_page_offers_no_live_order(page: Chrome, followed: ReviewWorld) -> None:
    html = followed.report.read_text("utf-8")
    assert 'value="live"' in html
    factors = followed.world.results_dir / schema.SUSPECT_FACTORS
    kept = factors.read_text("utf-8")
    factors.unlink()
    try:
        write_page(followed)
        open_page(page, followed.report)
        press(page, "n", "d", "r")
        assert js(page, "document.getElementById('moved')") is None
        assert js(page, "document.querySelector('#sort option[value=live]')") is None
    finally:
        factors.write_text(kept, "utf-8")
        write_page(followed)
