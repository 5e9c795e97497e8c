"""The confusion matrix against scikit-learn's, and its way to the pictures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from tests.analyze.report.in_browser import click, images, js, open_page
from tests.analyze.report.review_world import ReviewWorld
from tracin.analyze.read.sides import TestImages
from tracin.analyze.report.confusion import PER_CELL, ConfusionMatrix, confusion_of, mistaken
from tracin.results import schema

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def of(labels: np.ndarray, named: np.ndarray, groups: tuple[str, ...]) -> TestImages:
    paths = tuple(f"test/{number}.jpg" for number in range(len(labels)))
    predicted = tuple(f"class {index}" for index in named)
    return TestImages(groups, labels, has_classes=True, paths=paths, predicted=predicted)


def counts(confusion: ConfusionMatrix) -> np.ndarray:
    return np.array([[cell.n for cell in row.cells] for row in confusion.rows])


def test_it_counts_as_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 5, 300)
    named = np.where(chance.random(300) < 0.6, labels, chance.integers(0, 5, 300))
    groups = tuple(f"class {index}" for index in range(5))
    pairs = [("class 3", "class 1"), ("class 0", "class 2")]
    confusion = confusion_of(of(labels, named, groups), pairs)
    assert confusion is not None and confusion.classes == groups
    np.testing.assert_array_equal(counts(confusion), confusion_matrix(labels, named))
    assert confusion.rows[3].cells[1].pair == 1 and confusion.rows[0].cells[2].pair == 2
    assert sum(cell.pair > 0 for row in confusion.rows for cell in row.cells) == 2
    assert [row.n for row in confusion.rows] == np.bincount(labels).tolist()


def test_of_many_classes_those_with_mistakes_are_shown() -> None:
    groups = tuple(f"class {index}" for index in range(30))
    labels = np.repeat(np.arange(30), 3)
    named = labels.copy()
    named[0], named[-1] = 29, 7  # class 0 for 29, class 29 for 7
    confusion = confusion_of(of(labels, named, groups), [])
    assert confusion is not None
    assert (len(confusion.classes), confusion.left_out) == (20, 10)
    assert {"class 0", "class 7", "class 29"} <= set(confusion.classes)
    assert counts(confusion).sum() == 60


def test_the_images_of_a_pair_are_those_of_the_test_folder() -> None:
    labels, named = np.zeros(20, dtype=np.int64), np.ones(20, dtype=np.int64)
    named[:3] = 0
    test = of(labels, named, ("class 0", "class 1"))
    shown = mistaken(test, ("class 0", "class 1"))
    assert [image.path for image in shown] == [f"test/{3 + n}.jpg" for n in range(PER_CELL)]
    assert all(image.is_test and image.label == "class 0" for image in shown)
    assert mistaken(test, ("class 1", "class 0")) == ()


@pytest.mark.parametrize("where", ["desktop", "phone"])
def test_a_cell_leads_to_its_pictures(page: Chrome, hostile: ReviewWorld, where: str) -> None:
    open_page(page, hostile.report, where=where)
    click(page, "#confusion td a[href='#pair-2']")
    top = js(page, "document.getElementById('pair-2').getBoundingClientRect().top")
    assert 0 <= top < js(page, "innerHeight") / 2
    numbers = js(page, "[...document.querySelectorAll('#pair-2 .pic')].map(p => p.dataset.image)")
    shown = {images(page)[int(number)]["path"] for number in numbers}
    table = pd.read_csv(hostile.world.results_dir / schema.INFLUENCE_SUMMARY)
    wrong = table[table["test_class"] != table["predicted_class"]]
    sizes = Counter(zip(wrong["test_class"], wrong["predicted_class"], strict=True))
    second = sorted(sizes, key=lambda pair: (-sizes[pair], pair))[1]
    behind = wrong[(wrong["test_class"] == second[0]) & (wrong["predicted_class"] == second[1])]
    assert {path for path in shown if path.startswith("test/")} == set(behind["test_path"])
    width = js(page, "[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
