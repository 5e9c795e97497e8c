"""Filters of the suspects by the other columns of a list of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.analyze.report.in_browser import choose, click, log_of, open_page, shown
from tests.analyze.report.review_world import (
    ReviewWorld,
    analysis_of,
    make_review_world,
    write_page,
)
from tests.image_lists import lists, write_list
from tracin.analyze.read.list_columns import ListColumns, read_list_columns
from tracin.analyze.report.columns import column_filters
from tracin.results import schema
from tracin.results.run_info import read_run_info, write_run_info

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CAMERAS = ("Canon", "<b>Nikon", "")


def test_columns_that_tell_kinds_of_images_become_filters() -> None:
    paths = [f"{number}.jpg" for number in range(30)]
    columns = {
        "id": {path: path for path in paths},
        "camera": {path: CAMERAS[row % 3] for row, path in enumerate(paths)},
        "one": dict.fromkeys(paths, "same"),
        "of few": {path: "x" if path == "29.jpg" else "y" for path in paths},
        "": {path: CAMERAS[row % 2] for row, path in enumerate(paths)},
        **{f"c{n}": {path: str(row % 2) for row, path in enumerate(paths)} for n in range(9)},
    }
    camera, *others = column_filters(ListColumns(columns), paths[1:5])
    assert camera.name == "camera"
    assert camera.values == (("<b>Nikon", 2), ("(empty)", 1), ("Canon", 1))
    assert camera.place == (1, 2, 3, 1)
    assert [each.name for each in others] == ["c0", "c1", "c2", "c3", "c4"]
    assert column_filters(ListColumns(columns), []) == ()
    assert column_filters(ListColumns(), paths) == ()


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    """A page of a run that was made of a list with a column of cameras."""
    folder = tmp_path_factory.mktemp("listed")
    review = make_review_world(folder, suspects=40)
    train = schema.read_table(review.world.results_dir, schema.TRAIN_SUMMARY)
    camera = camera_by_path(train["train_path"])
    rows = zip(train["train_path"], train["train_class"], camera.values(), strict=True)
    path = write_list(folder / "l.csv", rows, ("path", "label", "camera"))
    run = read_run_info(review.world.results_dir)
    write_run_info(review.world.results_dir, replace(run, layout=lists(path)))
    write_page(review)
    return review


def camera_by_path(paths: Iterable[str]) -> dict[str, str]:
    return {path: CAMERAS[row % 3] for row, path in enumerate(paths)}


@pytest.fixture
def page(chrome: Chrome, listed: ReviewWorld) -> Iterator[Chrome]:
    open_page(chrome, listed.report)
    yield chrome
    assert log_of(chrome, "browser") == []


def test_a_filter_leaves_the_cards_of_a_value(page: Chrome, listed: ReviewWorld) -> None:
    train = schema.read_table(listed.world.results_dir, schema.TRAIN_SUMMARY)
    camera = camera_by_path(train["train_path"])
    every = shown(page)
    for value, said in (("<b>Nikon", "<b>Nikon"), ("", "(empty)")):
        expected = [path for path in every if camera[path] == value]
        assert 0 < len(expected) < len(every)
        choose(page, "by-column-1", f"{said} ({len(expected)})")
        assert shown(page) == expected
    choose(page, "by-decision", "decided")
    assert shown(page) == []
    click(page, "#reset")
    assert shown(page) == every


def test_a_list_that_is_gone_or_damaged_is_told(listed: ReviewWorld, tmp_path: Path) -> None:
    run = read_run_info(listed.world.results_dir)
    (tmp_path / "damaged.csv").write_text("path\n")
    for name, words in (("gone.csv", "is not there"), ("damaged.csv", "cannot be read")):
        moved = replace(run, layout=lists(tmp_path / name))
        said = read_list_columns(moved)
        assert said.missing == (
            f"Filters by other columns of the list: {tmp_path / name} {words} any more."
        )
        assert not said.value_of
    assert analysis_of(listed.world.results_dir).tables.list_columns.missing == ""
