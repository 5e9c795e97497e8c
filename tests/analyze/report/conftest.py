"""One browser for all tests of the page, and pages that are written once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.analyze.report import in_browser
from tests.analyze.report.factors_world import write_factors, write_map
from tests.analyze.report.review_world import (
    LONG_CLASSES,
    ReviewWorld,
    make_review_world,
    write_page,
)

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def chrome(downloads: Path) -> Iterator[Chrome]:
    """The one browser; without Chromium the tests that want it are skipped."""
    if importlib.util.find_spec("selenium") is None:
        pytest.skip("selenium is not installed")
    if in_browser.CHROMIUM is None or in_browser.DRIVER is None:
        pytest.skip("Chromium or chromedriver is not installed")
    with in_browser.started_chrome(downloads) as browser:
        yield browser


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """Some ten suspects, whose names try to break out; its page is written."""
    review = make_review_world(tmp_path_factory.mktemp("hostile"))
    write_factors(review)
    write_map(review)
    write_page(review)
    return review


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """Five hundred suspects of ten classes with long names; its page is written."""
    folder = tmp_path_factory.mktemp("many")
    review = make_review_world(folder, names=LONG_CLASSES, n_train=625, n_test=60, suspects=500)
    write_factors(review)
    write_map(review)
    write_page(review)
    return review


@pytest.fixture
def page(chrome: Chrome, hostile: ReviewWorld) -> Iterator[Chrome]:
    """The page of ``hostile`` with nothing decided; afterwards its console must be empty."""
    in_browser.open_page(chrome, hostile.report)
    yield chrome
    assert in_browser.log_of(chrome, "browser") == []


@pytest.fixture
def long_page(chrome: Chrome, many: ReviewWorld) -> Iterator[Chrome]:
    """The page of ``many``, likewise."""
    in_browser.open_page(chrome, many.report)
    yield chrome
    assert in_browser.log_of(chrome, "browser") == []
