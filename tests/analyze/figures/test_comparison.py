"""Two runs side by side: joined by path, the sign of every difference, and what may be said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tracin.analyze.figures.comparison import Comparison, HealthShare, compare
from tracin.analyze.read.judged_run import JudgedRun
from tracin.analyze.words.comparison import comparison_lines, conclusion
from tracin.intervals import paired_interval


def run_of(
    correct: dict[str, bool],
    suspicion: dict[str, float],
    can_judge: bool = True,
) -> JudgedRun:
    """Images are called ``split/class/name``."""
    test = pd.DataFrame(
        {"test_class": [path.split("/")[1] for path in correct], "correct": correct.values()},
        index=pd.Index(correct, name="test_path"),
    )
    train = pd.DataFrame(
        {
            "train_class": [path.split("/")[1] for path in suspicion],
            "suspicion": suspicion.values(),
        },
        index=pd.Index(suspicion, name="train_path"),
    )
    return JudgedRun(Path("results/one"), test, train, can_judge)


def answers(right: np.ndarray) -> dict[str, bool]:
    return {f"test/{'cat' if i % 2 else 'dog'}/{i}.jpg": bool(one) for i, one in enumerate(right)}


BEFORE = run_of(
    {"test/cat/1": False, "test/cat/2": True, "test/dog/3": True, "test/dog/old": True},
    {"train/cat/a": 0.9, "train/cat/b": 0.6, "train/cat/c": 0.1, "train/dog/d": 0.2},
)
NOW = run_of(
    {"test/cat/1": True, "test/cat/2": True, "test/dog/3": False, "test/dog/new": False},
    {"train/dog/a": 0.1, "train/cat/b": 0.2, "train/cat/c": 0.1, "train/dog/d": 0.8},
)


def test_images_are_joined_by_their_path() -> None:
    found = compare(BEFORE, NOW)
    assert (found.accuracy.n, found.only_before, found.only_now) == (3, 1, 1)
    assert (found.accuracy.right_before, found.accuracy.right_now) == (2, 2)
    assert (found.mended, found.spoilt) == (("test/cat/1",), ("test/dog/3",))
    assert found.suspects_removed == ("train/cat/a",)
    assert found.suspects_cleared == ("train/cat/b",)
    assert found.suspects_new == ("train/dog/d",)
    assert (found.health_before, found.health_now) == (HealthShare(2, 4), HealthShare(3, 4))
    cat, dog = found.classes
    assert (cat.accuracy.n, cat.accuracy.mended, cat.accuracy.spoilt) == (2, 1, 0)
    assert (dog.accuracy.n, dog.accuracy.mended, dog.accuracy.spoilt) == (1, 0, 1)
    assert (cat.health_before, cat.health_now) == (HealthShare(1, 3), HealthShare(2, 2))


def test_images_under_two_labels_are_left_out_and_counted() -> None:
    now = NOW.test.assign(test_class=["dog", "cat", "dog", "dog"])
    found = compare(BEFORE, JudgedRun(NOW.folder, now, NOW.train, True))
    assert (found.relabelled, found.accuracy.n, found.mended) == (1, 2, ())


def test_labels_are_withheld_where_one_model_cannot_judge() -> None:
    for before, now in ((True, False), (False, True)):
        found = compare(
            JudgedRun(Path("a"), BEFORE.test, BEFORE.train, before),
            JudgedRun(Path("b"), NOW.test, NOW.train, now),
        )
        assert found.withheld
        assert found.health_before is found.health_now is found.classes[0].health_now is None
        assert found.suspects_removed == found.suspects_cleared == found.suspects_new == ()
        assert found.accuracy.n == 3
        said = "\n".join(comparison_lines(found))
        assert "withheld, since one of the two models cannot judge" in said
        assert "suspects" not in said


def between(before: float, now: float, n: int, seed: int = 0) -> Comparison:
    """Two independent models of these true accuracies."""
    random = np.random.default_rng(seed)
    first, second = (random.random(n) < accuracy for accuracy in (before, now))
    return compare(run_of(answers(first), {}), run_of(answers(second), {}))


@pytest.mark.parametrize(
    ("before", "now", "word", "sign"), [(0.6, 0.9, "better", 1), (0.9, 0.6, "worse", -1)]
)
def test_the_sign_of_the_conclusion(before: float, now: float, word: str, sign: int) -> None:
    found = between(before, now, 400)
    assert word in conclusion(found)
    assert sign * found.accuracy.difference > 0.2
    assert found.accuracy.interval == paired_interval(len(found.mended), len(found.spoilt), 400)


@pytest.mark.parametrize("accuracy", [0.5, 0.8, 0.97])
@pytest.mark.parametrize("n", [20, 100, 1000])
def test_equal_models_are_seldom_told_apart(accuracy: float, n: int) -> None:
    told = sum("noise" not in conclusion(between(accuracy, accuracy, n, s)) for s in range(100))
    assert told <= 12


def test_where_nothing_may_be_said() -> None:
    assert "too few shared test images" in conclusion(between(0.0, 1.0, 4))
    none = compare(run_of({"test/cat/1": True}, {}), run_of({"test/cat/2": True}, {}))
    assert "share no test image" in conclusion(none)
    assert len(list(comparison_lines(none))) == 2
