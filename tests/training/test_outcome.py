"""When a training says that its model is no good, and with which figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tracin.model_check import AnswerCounts
from tracin.training.outcome import (
    TrainingOutcome,
    count_confusion,
    poor_model_warning,
    read_outcome,
)
from tracin.training.settings import SCRATCH, Recipe, TrainingConfig

TWO = ("cat", "dog")
TEN = tuple("abcdefghij")
CONFIG = TrainingConfig(Path("photos"), Path("models"), Recipe(head_epochs=1, epochs=2))


def answers(rows: npt.ArrayLike) -> AnswerCounts:
    confusion = np.array(rows)
    return count_confusion(confusion, TWO if len(confusion) == 2 else TEN)


GOOD = answers([[45, 5], [5, 45]])
CHANCE = answers([[30, 20], [28, 22]])
TOO_FEW = answers([[2, 0], [1, 1]])


def outcome(training: AnswerCounts, validation: AnswerCounts | None = None) -> TrainingOutcome:
    return TrainingOutcome(training, validation, epochs=3, best_epoch=None, best_accuracy=None)


def said(
    found: TrainingOutcome, config: TrainingConfig = CONFIG, sizes: tuple[int, ...] = (9, 9)
) -> str:
    return poor_model_warning(found, config, np.array(sizes), TWO if len(sizes) == 2 else TEN)


def test_a_table_of_answers_is_counted() -> None:
    """Of seven cats one is taken for a dog; of three dogs, two for cats."""
    counted = count_confusion(np.array([[6, 1], [2, 1]]), TWO)
    assert (counted.images, counted.right) == (10, 7)
    assert (counted.largest_class, counted.largest) == ("cat", 7)
    assert (counted.most_named_class, counted.most_named) == ("cat", 8)
    assert (counted.others, counted.others_so_named) == (3, 2)


def test_no_better_than_one_class_is_said_with_figures() -> None:
    """Ten images of each of ten classes; named at random but for twelve."""
    confusion = np.ones((10, 10), dtype=int)
    confusion[0, 0], confusion[0, 1] = 2, 0
    confusion[1, 1], confusion[1, 2] = 2, 0
    text = said(outcome(GOOD, answers(confusion)), sizes=(9,) * 10)
    assert text.splitlines()[:2] == [
        "Warning: this model hardly tells the classes apart, if at all.",
        "  It is right on 12 of 100 validation images (12.0%; 95% interval 7% to 20%): not clearly "
        "better than always naming a (10.0%).",
    ]
    assert "right on 90.0%: it knows those by heart" in text
    assert "one class" not in text and "size" not in text


def test_one_class_for_nearly_everything_is_said_although_it_beats_that_class() -> None:
    """680 of 1,000 right, and the largest class has 600; 320 of the 400 dogs are called cats."""
    text = said(outcome(GOOD, answers([[600, 0], [320, 80]])))
    assert "It names one class, cat, for 920 of 1,000 validation images." in text
    assert "not clearly better" not in text


@pytest.mark.parametrize("validation", [None, GOOD, TOO_FEW])
def test_a_good_model_gets_no_warning(validation: AnswerCounts | None) -> None:
    assert said(outcome(GOOD, validation)) == ""


@pytest.mark.parametrize("validation", [None, TOO_FEW])
def test_the_training_images_decide_where_no_others_can(validation: AnswerCounts | None) -> None:
    text = said(outcome(CHANCE, validation))
    assert "It is right on 52 of 100 training images (52.0%; 95% interval 42% to 62%)" in text
    assert "counted during the last epoch" in text


def test_images_kept_back_decide_against_the_training_images() -> None:
    assert "validation images" in said(outcome(GOOD, CHANCE))
    assert said(outcome(CHANCE, GOOD)) == ""


def test_what_to_try_names_the_settings_that_were_used() -> None:
    text = said(outcome(CHANCE), sizes=(4900, 100))
    assert "4,900 training images of cat beside 100 of dog" in text
    assert "this training had --head_epochs 1 and --epochs 2" in text
    assert "--learning_rate 0.001 and --backbone_learning_rate 0.0001" in text
    assert str(Path("models") / "training_curve.png") in text
    assert str(Path("photos") / "train") in text
    assert "--from_scratch" not in text
    scratch = replace(CONFIG, recipe=replace(CONFIG.recipe, backbone=SCRATCH))
    assert "leave out --from_scratch" in said(outcome(CHANCE), scratch)


def test_an_early_stop_and_a_better_epoch_are_named() -> None:
    stopped = replace(outcome(GOOD, CHANCE), epochs=6, best_epoch=2, best_accuracy=0.8)
    longer = replace(CONFIG, recipe=Recipe(head_epochs=1, epochs=14, patience=4))
    text = said(stopped, longer)
    assert "after epoch 2 the model was right on 80.0% of the validation images" in text
    assert "stopped after epoch 6 of 15; raise --patience, now 4" in text
    assert "--epochs" not in text


@pytest.mark.parametrize("validation", [None, CHANCE])
def test_survives_a_file(validation: AnswerCounts | None) -> None:
    kept = replace(outcome(GOOD, validation), best_epoch=2, best_accuracy=0.5)
    assert read_outcome(json.loads(json.dumps(kept.as_dict()))) == kept


def test_what_another_version_kept_is_no_outcome() -> None:
    assert read_outcome(None) is None
    assert read_outcome({"training": {"images": 3}, "validation": None}) is None
    assert read_outcome({**outcome(GOOD).as_dict(), "new": 1}) is None
    for damage in ({"images": 0}, {"right": "many"}, {"right": 10**6}, {"largest": [3]}):
        kept = outcome(GOOD).as_dict()
        kept["training"] |= damage
        assert read_outcome(kept) is None


def test_the_reference_is_the_largest_class_of_the_images_kept_back() -> None:
    validation = answers([[3, 0], [1, 0]])
    assert outcome(GOOD, validation).largest_share == 0.75
    assert outcome(GOOD).largest_share == 0.5
