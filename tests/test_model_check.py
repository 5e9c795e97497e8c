"""Whether a model may judge: known truth, drawn many times, and the sentences that go with it."""

from __future__ import annotations

import numpy as np
import pytest

from tracin.model_check import AnswerCounts, ModelCheck, count_answers

NAMES = tuple("abcdefghijkl")


def drawn(
    random: np.random.Generator,
    *,
    accuracy: float,
    images: int,
    shares: tuple[float, ...],
    into: int | None = None,
) -> AnswerCounts:
    """Answers of a model that is right with this probability, else names a class at random.

    ``into``: it names this class instead of a random one.
    """
    given = random.choice(len(shares), images, p=shares)
    named = random.integers(0, len(shares), images) if into is None else np.full(images, into)
    named = np.where(random.random(images) < accuracy, given, named)
    return count_answers(given, named, NAMES[: len(shares)])


def judged(accuracy: float, train: int, test: int, shares: tuple[float, ...]) -> float:
    """How often, in 300 draws, a model of this accuracy is let judge."""
    random = np.random.default_rng(0)
    checks = [
        ModelCheck(
            drawn(random, accuracy=accuracy, images=train, shares=shares),
            drawn(random, accuracy=accuracy, images=test, shares=shares),
        )
        for _ in range(300)
    ]
    return float(np.mean([check.can_judge for check in checks]))


@pytest.mark.parametrize("classes", [2, 5, 10])
@pytest.mark.parametrize("train", [30, 200, 2000])
def test_a_model_that_guesses_hardly_ever_judges(classes: int, train: int) -> None:
    shares = (1 / classes,) * classes
    assert judged(0.0, train, max(20, train // 4), shares) <= 0.025


@pytest.mark.parametrize("shares", [(0.7, 0.2, 0.1), (0.96, 0.04), (0.5, 0.3, 0.1, 0.1)])
def test_nor_one_that_guesses_on_classes_of_unequal_size(shares: tuple[float, ...]) -> None:
    assert judged(0.0, 400, 100, shares) <= 0.025


@pytest.mark.parametrize(
    ("accuracy", "train", "test", "classes"),
    [(0.9, 100, 10, 10), (0.9, 100, 1, 10), (0.6, 500, 100, 10), (0.4, 2000, 500, 10)],
)
def test_a_model_that_knows_its_classes_judges(
    accuracy: float, train: int, test: int, classes: int
) -> None:
    assert judged(accuracy, train, test, (1 / classes,) * classes) >= 0.97


def test_the_largest_class_is_what_an_imbalanced_folder_is_measured_by() -> None:
    """97 beside 2: nobody can tell a model that knows from one that always says the first."""
    given = np.array([0] * 97 + [1] * 2)
    check = ModelCheck(count_answers(given, given, "ab"), count_answers(given, given, "ab"))
    assert not check.can_judge
    assert "always naming a (98.0%)" in check.problems[0]
    given = np.array([0] * 300 + [1] * 100)
    assert ModelCheck(
        count_answers(given, given, "ab"), count_answers(given, given, "ab")
    ).can_judge


def test_one_class_for_everything_is_seen_although_the_accuracy_is_above_chance() -> None:
    random = np.random.default_rng(1)
    shares = (0.1,) * 10
    answers = drawn(random, accuracy=0.15, images=2000, shares=shares, into=3)
    assert answers.clearly_better
    assert answers.collapsed
    check = ModelCheck(answers, answers)
    assert not check.can_judge
    assert check.problems[0].startswith("It names one class, d, for ")


def test_a_large_class_that_the_model_favours_is_no_collapse() -> None:
    random = np.random.default_rng(2)
    answers = drawn(random, accuracy=0.7, images=2000, shares=(0.8, 0.1, 0.1), into=0)
    assert not answers.collapsed


def test_trained_by_heart_and_at_chance_on_test_images_cannot_judge() -> None:
    random = np.random.default_rng(3)
    train = drawn(random, accuracy=1.0, images=500, shares=(0.1,) * 10)
    test = drawn(random, accuracy=0.0, images=200, shares=(0.1,) * 10)
    check = ModelCheck(train, test)
    assert not check.can_judge
    assert len(check.problems) == 1
    assert "test images" in check.problems[0]
    assert check.headline


@pytest.mark.parametrize(
    ("right", "images", "ruled_out"),
    [(1, 20, True), (1, 1, False), (0, 1, False), (0, 10, True), (5, 10, False), (19, 20, False)],
)
def test_few_test_images_rule_a_model_out_only_where_they_can(
    right: int, images: int, ruled_out: bool
) -> None:
    given = np.arange(images) % 10
    named = np.where(np.arange(images) < right, given, (given + 1) % 10)
    assert count_answers(given, named, NAMES[:10]).ruled_out == ruled_out


def test_a_test_folder_with_one_class_only_is_measured_by_chance() -> None:
    given = np.full(100, 2)
    right = count_answers(given, given, NAMES[:10])
    assert right.clearly_better
    assert not right.collapsed  # there is no image of another class
    assert count_answers(given, np.full(100, 1), NAMES[:10]).ruled_out


def test_one_class_is_nothing_to_tell_apart() -> None:
    given = np.zeros(50, dtype=np.int64)
    answers = count_answers(given, given, ("only",))
    check = ModelCheck(answers, answers)
    assert not check.can_judge
    assert "one class only" in check.headline
    assert check.problems == ()


def test_a_good_model_gets_no_sentence() -> None:
    given = np.arange(100) % 5
    check = ModelCheck(count_answers(given, given, NAMES[:5]), count_answers(given, given, "abcde"))
    assert check.can_judge
    assert (check.headline, check.problems) == ("", ())


@pytest.mark.parametrize(
    ("on_train", "on_test", "least", "most"),
    [
        (1.0, 0.7, 0.99, 1.0),
        (0.98, 0.8, 0.8, 1.0),
        (0.99, 0.95, 0.0, 0.0),
        (0.9, 0.85, 0.0, 0.0),
        (0.8, 0.8, 0.0, 0.0),
        (0.7, 0.95, 0.0, 0.0),  # augmented training images
    ],
)
def test_who_learnt_by_heart_against_known_truth(
    on_train: float, on_test: float, least: float, most: float
) -> None:
    random, names = np.random.default_rng(0), [f"class {k}" for k in range(10)]

    def drawn(n: int, accuracy: float) -> AnswerCounts:
        given = np.arange(n) % 10
        wrong = random.random(n) >= accuracy
        return count_answers(given, np.where(wrong, (given + 1) % 10, given), names)

    told = [ModelCheck(drawn(1000, on_train), drawn(300, on_test)).by_heart for _ in range(200)]
    assert least <= np.mean(told) <= most
    few = [ModelCheck(drawn(1000, on_train), drawn(10, on_test)).by_heart for _ in range(200)]
    assert np.mean(few) <= 0.03 or most  # ten test images seldom deceive
