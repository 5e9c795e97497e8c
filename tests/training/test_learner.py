"""The schedule of the learning rate, and the figures of a validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tracin.images import Crop, find_images
from tracin.loss import Loss
from tracin.machine.processes import Processes
from tracin.training.images import choose_images, validation_loader
from tracin.training.learner import Learner, mean_rate, rate_share
from tracin.training.model import build_model
from tracin.training.settings import SCRATCH, Recipe


def test_rate_rises_and_falls_in_the_second_stage() -> None:
    recipe = Recipe(head_epochs=1, epochs=10, warmup=0.1, final_rate=0.05)
    assert rate_share(recipe, 0, 0.5) == 1.0
    assert rate_share(recipe, 1, 0.5) == pytest.approx(0.5)
    assert rate_share(recipe, 2, 0.0) == pytest.approx(1.0)
    assert rate_share(recipe, 10, 1.0) == pytest.approx(0.05)
    assert mean_rate(recipe, 0, 7) == pytest.approx(recipe.learning_rate)


def test_validation_figures_do_not_depend_on_the_batch_size(photos: Path) -> None:
    table, _ = find_images(photos)
    recipe = Recipe(validation_share=0.4, crop=Crop(36, 32))
    images = choose_images(table, recipe)
    processes = Processes(torch.device("cpu"))
    learner = Learner(
        build_model(10, SCRATCH, 0), recipe, Loss(0.1, (1.0,) * 9 + (3.0,)), processes
    )
    many, all_at_once = (
        learner.validate(
            validation_loader(images, replace(recipe, batch_size=size), processes, 0), table
        )
        for size in (3, 20)
    )
    assert many.loss == pytest.approx(all_at_once.loss, rel=1e-5)
    assert np.array_equal(many.confusion, all_at_once.confusion)


def test_answers_are_counted_by_the_class_carried_and_the_class_named(photos: Path) -> None:
    """A head that looks at nothing but its bias names class 7 for every image."""
    table, _ = find_images(photos)
    recipe = Recipe(validation_share=0.4, crop=Crop(36, 32))
    images, processes = choose_images(table, recipe), Processes(torch.device("cpu"))
    model = build_model(10, SCRATCH, 0)
    torch.nn.init.zeros_(model.model.fc[4].weight)
    model.model.fc[4].bias.data = torch.eye(10)[7]
    learner = Learner(model, recipe, images.loss, processes)
    figures = learner.validate(validation_loader(images, recipe, processes, 0), table)
    expected = np.zeros((10, 10), dtype=int)
    expected[:, 7] = 2
    assert np.array_equal(figures.confusion, expected)
    assert figures.accuracy == pytest.approx(0.1)
