"""Health is a verdict only where the model knows the images that it stands on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analyze.figures.test_summarize import summarized
from tests.analyze.world import World
from tracin.analyze.figures.health import NO_VERDICT, TOO_FEW, Health
from tracin.analyze.figures.summary import ClassSummary
from tracin.analyze.words.class_findings import health_sentence
from tracin.analyze.words.tiles import class_tiles
from tracin.model_check import FEWEST_TO_RULE_OUT, knows_few
from tracin.results import schema


def misread(world: World, table: str, kind: str, name: str) -> None:
    """Let the model name another class for every image of the class ``name``."""
    path = world.results_dir / table
    frame = pd.read_csv(path)
    mine = frame[f"{kind}_class"] == name
    frame.loc[mine, "predicted_class"] = next(each for each in world.names if each != name)
    if "correct" in frame:
        frame.loc[mine, "correct"] = False
    frame.to_csv(path, index=False)


def of_class(world: World, name: str) -> ClassSummary:
    return next(each for each in summarized(world.results_dir).classes if each.name == name)


@pytest.mark.parametrize(
    ("table", "kind"), [(schema.TRAIN_SUMMARY, "train"), (schema.INFLUENCE_SUMMARY, "test")]
)
def test_a_class_that_is_taken_for_another_gets_no_good_verdict(
    world: World, table: str, kind: str
) -> None:
    before = of_class(world, "cat").health
    assert before is not None
    assert before.band in ("GOOD", "EXCELLENT")
    misread(world, table, kind, "cat")
    cat, dog = of_class(world, "cat"), of_class(world, "dog").health
    health = cat.health
    assert health is not None and dog is not None
    assert (health.percent, health.band, health.verdict) == (before.percent, "", NO_VERDICT)
    assert health.doubt.startswith("right on only 0 of ")
    assert dog.band
    tile = class_tiles(cat, summarized(world.results_dir))[0]
    assert tile.band is None
    assert tile.remark == health.doubt
    assert "so that this proves nothing" in health_sentence(health, " of cat")


def test_many_labels_that_look_wrong_are_told_all_the_same() -> None:
    doubted = [
        Health(good, 100, doubt="right on only 3 of 24 test images") for good in (50, 70, 80, 100)
    ]
    assert [each.band for each in doubted] == ["NEEDS ATTENTION", "FAIR", "", ""]
    assert Health(3, 3, doubt="right on only 0 of 9 test images").verdict == TOO_FEW


@pytest.mark.parametrize(
    ("accuracy", "least", "most"),
    [(0.95, 0.0, 0.001), (0.8, 0.0, 0.01), (0.65, 0.0, 0.13), (0.2, 0.99, 1.0), (0.05, 0.99, 1.0)],
)
@pytest.mark.parametrize("n", [6, 12, 20, 60, 500])
def test_who_knows_few_against_known_truth(
    accuracy: float, least: float, most: float, n: int
) -> None:
    rights = np.random.default_rng(0).binomial(n, accuracy, 2000)
    told = np.mean([knows_few(int(right), n) for right in rights])
    assert told <= most
    assert told >= least or n < FEWEST_TO_RULE_OUT  # few images prove little either way


def test_one_image_proves_nothing() -> None:
    assert not knows_few(0, 1)
    assert not knows_few(0, 0)
    assert knows_few(0, 20)
    assert not knows_few(10, 20)
