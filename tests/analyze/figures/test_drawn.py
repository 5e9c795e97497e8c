"""Which classes get a page."""

from __future__ import annotations

import dataclasses

import pytest

from tests.analyze.read.test_from_tables import summary_of
from tests.analyze.world import ANIMALS, make_world
from tracin.analyze.figures.drawn import MOST_DRAWN, WORST_DRAWN, drawn_classes, left_undrawn
from tracin.analyze.figures.health import Health
from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.words.findings import in_words
from tracin.errors import TracInError


@pytest.fixture(scope="module")
def overall(tmp_path_factory: pytest.TempPathFactory) -> OverallSummary:
    folder = tmp_path_factory.mktemp("drawn")
    return summary_of(make_world(folder, images=False, steps=5).results_dir)


def of_many(overall: OverallSummary, n: int) -> OverallSummary:
    """``n`` classes; class k has 10 test images, and is right on k mod 11 of them at most."""
    classes = tuple(
        dataclasses.replace(
            overall.classes[0],
            name=f"class {number}",
            test_mean=overall.test_mean[:10],
            n_right=10 if number % 2 else number % 11,
            health=Health(number % 11 if number % 2 else 10, 10),
        )
        for number in range(n)
    )
    names = tuple(summary.name for summary in classes)
    return dataclasses.replace(overall, classes=classes, groups=names)


def test_all_classes_unless_there_are_many(overall: OverallSummary) -> None:
    assert drawn_classes(overall) == overall.groups == ANIMALS
    most = of_many(overall, MOST_DRAWN)
    assert drawn_classes(most) == most.groups
    assert left_undrawn(most, ()) == ""


def test_of_many_the_worst_by_labels_or_answers(overall: OverallSummary) -> None:
    many = of_many(overall, 300)
    drawn = drawn_classes(many)
    expected = sorted(range(300), key=lambda number: (number % 11, number))[:WORST_DRAWN]
    assert drawn == tuple(f"class {number}" for number in sorted(expected))
    assert left_undrawn(many, ()).startswith(
        "Pages and image folders of 250 of 300 classes: the 50"
    )
    assert left_undrawn(many, ("class 1",)) == ""


def test_those_asked_for_in_the_order_of_their_index(overall: OverallSummary) -> None:
    assert drawn_classes(overall, ("dog", "cat", "dog")) == ("cat", "dog")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("Dog",), r"^Dog is not a class of the test images\. Did you mean dog\?$"),
        (("cat", "hors", "shep"), r"^hors and shep are not classes .* mean horse or sheep\?$"),
        (("zzzzzz",), r"There are butterfly, cat, chicken, cow, dog and 5 more\.$"),
    ],
)
def test_an_unknown_class_is_named_beside_near_ones(
    asked: tuple[str, ...], message: str, overall: OverallSummary
) -> None:
    with pytest.raises(TracInError, match=message):
        drawn_classes(overall, asked)


def test_without_classes_there_is_nothing_to_ask_for(overall: OverallSummary) -> None:
    alone = dataclasses.replace(overall, has_classes=False, groups=("all test images",))
    with pytest.raises(TracInError, match="No file tells their classes: leave --classes out"):
        drawn_classes(alone, ("dog",))


def test_advice_names_pages_that_are_there(overall: OverallSummary) -> None:
    low = tuple(
        dataclasses.replace(summary, health=Health(place, 20))
        for place, summary in enumerate(overall.classes)
    )
    poor = dataclasses.replace(overall, classes=low)

    def advice(drawn: tuple[str, ...]) -> str:
        return in_words(poor, drawn).recommendations[-1]

    assert advice(ANIMALS).startswith("Open the pages of butterfly, cat")
    assert advice(("cow",)) == "Open the page of cow: many labels look wrong there."
    assert advice(()).startswith("Ask with --classes for the pages of butterfly, cat")
