"""Models trained on real images with planted wrong labels: the truth of benchmarks/quality.py."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tracin.architectures import find_name
from tracin.compute.config import RunConfig
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.model.training_settings import training_settings
from tracin.compute.scores.factors import Factors, compute_factors
from tracin.compute.settle import settle
from tracin.demo import demo_recipe, write_digits
from tracin.images import find_images
from tracin.pretrained import usual_preprocessing
from tracin.training.run import train
from tracin.training.settings import Recipe, TrainingConfig

Array = np.ndarray

KINDS = {
    "uniform 0 %": (0.0, False),
    "uniform 5 %": (0.05, False),
    "uniform 10 %": (0.10, False),
    "uniform 20 %": (0.20, False),
    "uniform 40 %": (0.40, False),
    "confusion 10 %": (0.10, True),
    "confusion 20 %": (0.20, True),
}
"""Share of the training labels that are wrong, and whether a class is always mistaken for the same
other one. Uniform: for any other."""


@dataclass(frozen=True)
class Trained:
    """A model's factors on noisy training images and clean test images."""

    train: list[Factors]
    test: list[Factors]
    rates: list[float]
    features: Tensor
    """(n_train, width) of the last checkpoint"""
    test_features: Tensor
    last: nn.Linear
    wrong: Array
    """(n_train,) bool: the label was planted"""
    truth: Array
    """(n_train,) the true label"""


def train_on_planted(arguments: argparse.Namespace, kind: str, seed: int) -> Trained:
    """A model trained on a copy of the data with planted labels; kept in the work folder."""
    folder = arguments.work_dir / f"{kind.replace(' ', '_').replace('%', 'percent')}_{seed}"
    clean = arguments.data_dir
    if clean is None:
        clean = arguments.work_dir / "digits"
        if not clean.exists():
            write_digits(clean, seed=0, planted_share=0.0)
    truth_of = _plant(clean, folder / "data", *KINDS[kind], seed)
    recipe = _recipe(arguments, seed)
    models = train(TrainingConfig(folder / "data", folder / "models", recipe), say=lambda _: None)
    train_table, test_table = find_images(folder / "data")
    truth = np.array([truth_of[path] for path in train_table.paths])
    wrong = truth != train_table.labels
    preprocessing = settle(RunConfig(models.checkpoints, folder / "data", folder)).preprocessing
    settings = PassSettings(preprocessing=preprocessing, quiet=True)
    parts: dict[str, list[Factors]] = {"train": [], "test": []}
    features: dict[str, Tensor] = {}
    rates = []
    for path in models.checkpoints:
        checkpoint = load_checkpoint(path, train_table.class_names)
        stored = training_settings(
            checkpoint, train_table, learning_rate=None, label_smoothing=None, class_weights=None
        )
        rates.append(stored.learning_rate)
        forward = Forward(
            checkpoint.backbone, torch.device("cpu"), "float32", preprocessing.normalization
        )
        for table in (train_table, test_table):
            values = pooled_features(forward, table, settings).values
            features[table.split] = values
            labels = torch.from_numpy(table.labels)
            parts[table.split].append(compute_factors(checkpoint, values, labels, stored.loss))
    return Trained(
        train=parts["train"],
        test=parts["test"],
        rates=rates,
        features=features["train"],
        test_features=features["test"],
        last=checkpoint.last,
        wrong=wrong,
        truth=truth,
    )


def _recipe(arguments: argparse.Namespace, seed: int) -> Recipe:
    """The demo's; pretrained weights are as careful with their rate as training is."""
    architecture, weights = find_name(arguments.architecture), arguments.backbone_weights
    crop = replace(
        usual_preprocessing(architecture).crop,
        resize_size=arguments.resize_size,
        crop_size=arguments.crop_size,
    )
    recipe = replace(demo_recipe(seed), architecture=architecture, crop=crop)
    if weights is None:
        return recipe
    rate = Recipe().backbone_learning_rate
    return replace(recipe, backbone=str(weights), backbone_learning_rate=rate)


def _plant(clean: Path, noisy: Path, share: float, confusion: bool, seed: int) -> dict[str, int]:
    """True label of each noisy training path; a copy of the tree in which some files moved."""
    table, _ = find_images(clean)
    random = np.random.default_rng([seed, 1])
    given = table.labels.copy()
    rows = random.choice(len(table), round(share * len(table)), replace=False)
    classes = len(table.class_names)
    # Confusion: each class is mistaken for one other. Uniform: for any other.
    shift = np.ones(len(rows), int) if confusion else random.integers(1, classes, len(rows))
    given[rows] = (given[rows] + shift) % classes
    names = {}
    for row, path in enumerate(table.paths):
        target = f"train/{table.class_names[given[row]]}/{row:06d}_{Path(path).name}"
        names[target] = int(table.labels[row])
        if not (noisy / target).exists():
            (noisy / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clean / path, noisy / target)
    if not (noisy / "test").exists():
        shutil.copytree(clean / "test", noisy / "test")
    return names
