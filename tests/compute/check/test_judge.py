"""Factors → whether the model can judge, and what is named as the reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.compute.factories import make_factors
from tracin.compute.check.judge import RENAME, Answers, answers, check_model
from tracin.compute.check.shown import OtherWay, Search
from tracin.compute.scores.factors import Factors
from tracin.images import Crop, Preprocessing
from tracin.model_check import ModelCheck

NAMES = tuple("abcdefghij")
USED = Preprocessing()


def answering(accuracy: float, images: int, order: np.ndarray | None = None) -> Factors:
    """Factors of a model that is right with this probability, else names a class at random; its
    output k stands for class ``order[k]``.
    """
    random = np.random.default_rng(images)
    given = np.arange(images) % 10
    named = np.where(random.random(images) < accuracy, given, random.integers(0, 10, images))
    named = named if order is None else np.argsort(order)[named]
    logits = 5.0 * torch.nn.functional.one_hot(torch.from_numpy(named), 10)
    return make_factors(torch.ones(images, 3), logits.float(), torch.from_numpy(given))


def checked(train: Factors, test: Factors, found: Search | None) -> ModelCheck:
    def search() -> Search:
        assert found is not None, "nobody should search here"
        return found

    return check_model(answers(train), answers(test), NAMES, USED, search)


def test_a_good_model_is_let_judge_without_a_search() -> None:
    check = checked(answering(0.9, 500), answering(0.85, 100), None)
    assert check.can_judge
    assert check.causes == ()
    assert check.weakness == ""


@pytest.mark.parametrize("exchanged", [2, 8, 10])
def test_classes_in_another_order_withhold_everything(exchanged: int) -> None:
    """However many stand in place: of two exchanged classes every label would look wrong or right
    for the wrong reason.
    """
    order = np.arange(10)
    order[:exchanged] = np.roll(order[:exchanged], 1)
    check = checked(answering(0.97, 600, order), answering(0.97, 100, order), None)
    assert not check.can_judge
    assert "the classes seem to stand in another order" in check.causes[0].lower()
    assert check.causes[0].endswith(f"R{RENAME[1:]}.")
    assert check.headline


@pytest.mark.parametrize("classes", [4, 10])
def test_a_head_that_was_never_trained_is_not_said_to_have_another_order(classes: int) -> None:
    """Of features that tell the classes apart, its answers are no chance: one order fits best."""
    names = tuple("abcdefghij"[:classes])
    nothing = Search(images=100, right_now=10, tried=20, best=None)
    fixed = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        labels = np.arange(100 * classes) % classes
        features = np.abs(random.normal(size=(classes, 128)))[labels]
        features += 0.3 * np.abs(random.normal(size=features.shape))
        head = random.uniform(-0.1, 0.1, size=(classes, 128))
        given = Answers(labels, (features @ head.T).argmax(axis=1))
        check = check_model(given, given, names, USED, lambda: nothing)
        assert not any("seem to stand in another order" in cause for cause in check.causes)
        if any("in a fixed way" in cause for cause in check.causes):
            assert not check.can_judge
            assert check.causes[0].endswith("If it was not, train it.")
            fixed += 1
    assert fixed >= 10  # which another order was said to explain before


def test_what_explains_more_is_the_reason() -> None:
    """Another order explains in part what images shown otherwise explain better; or the other way
    round.
    """
    order = np.roll(np.arange(10), 1)
    some = answering(0.6, 600, order)
    better = OtherWay(Preprocessing(Crop(96, 96)), 90)
    check = checked(some, some, Search(images=100, right_now=5, tried=6, best=better))
    assert "--resize_size 96" in check.causes[0]
    poor = OtherWay(Preprocessing(Crop(96, 96)), 30)
    check = checked(some, some, Search(images=100, right_now=5, tried=6, best=poor))
    assert "in a fixed way" in check.causes[0]


def test_a_way_to_show_the_images_that_is_clearly_better_withholds_everything() -> None:
    """Although the model is better than chance as it is."""
    better = OtherWay(Preprocessing(Crop(96, 96)), 71)
    found = Search(images=100, right_now=35, tried=6, best=better)
    check = checked(answering(0.3, 500), answering(0.3, 100), found)
    assert not check.can_judge
    assert check.causes == (
        "The images seem to be shown otherwise than in training: with --resize_size 96 --crop_size "
        "96 the model is right on 71% of 100 training images instead of 35%.",
    )


def test_a_weak_model_without_a_reason_judges_with_a_warning() -> None:
    nothing = Search(images=100, right_now=35, tried=13, best=None)
    check = checked(answering(0.3, 500), answering(0.3, 100), nothing)
    assert check.can_judge
    assert check.weakness.startswith("The model is right on only 3")
    assert check.causes == ()


def test_an_untrained_model_is_told_what_was_tried() -> None:
    nothing = Search(images=100, right_now=10, tried=13, best=None)
    check = checked(answering(0.0, 500), answering(0.0, 100), nothing)
    assert not check.can_judge
    assert check.causes[0].startswith("13 other ways to show 100 training images were tried")


def test_learned_by_heart_is_said_where_the_test_images_are_clearly_worse_only() -> None:
    check = checked(answering(1.0, 500), answering(0.0, 100), None)
    assert not check.can_judge
    assert "learned these by heart" in check.causes[0]
    few = answering(1.0, 500).rows(0, 10)  # of each class one, and all wrong
    wrong = make_factors(few.activations, few.logits.roll(1, 1), few.labels)
    assert "learned these by heart" in checked(answering(1.0, 500), wrong, None).causes[0]
