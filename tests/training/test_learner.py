"""The schedule of the learning rate, and the figures of a validation."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

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
    figures = [
        learner.validate(
            validation_loader(images, replace(recipe, batch_size=size), processes, 0), table
        )
        for size in (3, 20)
    ]
    assert asdict(figures[0]) == pytest.approx(asdict(figures[1]), rel=1e-5)
