"""Another class order: found where it is the reason, never claimed of answers by chance."""

from __future__ import annotations

import numpy as np
import pytest

from tracin.compute.check.class_order import find_other_order, match_outputs, usual_order


def answers(
    random: np.random.Generator, order: np.ndarray, per_class: int, accuracy: float
) -> tuple[np.ndarray, np.ndarray]:
    """(given, named) of a model whose output k stands for class order[k]."""
    classes = len(order)
    given = np.repeat(np.arange(classes), per_class)
    output_of = np.argsort(order)
    right = random.random(len(given)) < accuracy
    return given, np.where(right, output_of[given], random.integers(0, classes, len(given)))


@pytest.mark.parametrize("classes", [3, 10, 11])
@pytest.mark.parametrize("accuracy", [0.7, 0.95, 1.0])
def test_a_permutation_is_found_whatever_the_noise(classes: int, accuracy: float) -> None:
    random = np.random.default_rng(classes)
    order = np.roll(np.arange(classes), 1)
    given, named = answers(random, order, 30, accuracy)
    found = find_other_order(given, named, classes)
    assert found is not None
    assert found.order.tolist() == order.tolist()
    assert found.right / found.images == pytest.approx(accuracy, abs=0.12)


def test_three_images_a_class_are_enough_for_a_model_that_is_right() -> None:
    order = np.array([0, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8])
    given, named = answers(np.random.default_rng(0), order, 3, 1.0)
    found = find_other_order(given, named, 11)
    assert found is not None
    assert found.right == found.images == 33


@pytest.mark.parametrize("per_class", [2, 3, 10, 50])
@pytest.mark.parametrize("classes", [2, 5, 11])
def test_answers_by_chance_have_no_order(per_class: int, classes: int) -> None:
    chance = [
        answers(np.random.default_rng(seed), np.arange(classes), per_class, 0.0)
        for seed in range(300)
    ]
    claimed = [find_other_order(given, named, classes) for given, named in chance]
    assert sum(each is not None for each in claimed) <= 9


@pytest.mark.parametrize("classes", [2, 5, 11])
@pytest.mark.parametrize("accuracy", [0.2, 0.5, 0.9])
def test_a_model_in_the_folders_order_is_never_told_otherwise(
    classes: int, accuracy: float
) -> None:
    """Also where it takes most of one class for another."""
    claimed = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        given, named = answers(random, np.arange(classes), 20, accuracy)
        confused = (given == 0) & (random.random(len(given)) < 0.6)
        claimed += find_other_order(given, np.where(confused, 1, named), classes) is not None
    assert claimed <= 2


@pytest.mark.parametrize("in_place", [0, 2, 6, 8])
def test_an_order_that_is_partly_right_is_found(in_place: int) -> None:
    """Eight of ten classes where they should be: right on 80 %, and two classes exchanged."""
    order = np.arange(10)
    order[in_place:] = np.roll(order[in_place:], 1)
    given, named = answers(np.random.default_rng(in_place), order, 40, 0.97)
    found = find_other_order(given, named, 10)
    assert found is not None
    assert found.order.tolist() == order.tolist()


def test_a_good_model_and_one_that_names_one_class_have_none() -> None:
    random = np.random.default_rng(0)
    given, named = answers(random, np.arange(5), 20, 0.9)
    assert find_other_order(given, named, 5) is None
    assert find_other_order(given, np.full(100, 3), 5) is None


def test_every_output_gets_a_class_of_its_own() -> None:
    given, named = np.array([0, 0, 1, 2]), np.array([2, 2, 2, 0])
    assert sorted(match_outputs(given, named, 4).tolist()) == [0, 1, 2, 3]
    assert match_outputs(given, named, 4).tolist() == [2, 1, 0, 3]


def test_usual_orders_have_a_name() -> None:
    numbers = [str(n) for n in range(1, 12)]
    assert "2 before 10" in usual_order(sorted(numbers), numbers)
    assert "capitals" in usual_order(["B", "C", "a"], ["a", "B", "C"])
    assert usual_order(["a", "b", "c"], ["c", "a", "b"]) == ""
