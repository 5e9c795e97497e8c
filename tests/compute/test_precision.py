"""The stated error of a faster precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from tests.real_data import CLASS_NAMES
from tracin.compute.config import RunConfig
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.passed import PassedImages
from tracin.compute.precision import SAMPLE_SIZES, precision_error, same_order
from tracin.compute.run import run
from tracin.images import Crop, Preprocessing, find_images
from tracin.loss import Loss


def test_same_order_by_hand() -> None:
    """Of the three pairs of rows one changes in the first column, none in the second."""
    exact = np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0]], dtype=np.float32)
    rounded = np.array([[2.0, 1.0], [3.0, 2.0], [1.0, 3.0]], dtype=np.float32)
    share, (low, high) = same_order(exact, rounded)
    assert share == pytest.approx(5 / 6)
    assert 0.0 < low < share < high <= 1.0
    assert same_order(exact, -exact)[0] == 0.0
    assert same_order(exact, exact)[0] == 1.0
    assert same_order(exact, exact)[1][0] < 0.7  # six scores prove little


def scores_of(
    random: np.random.Generator, n: int, k: int, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of n × k images of ten classes, and the same with errors of their features."""
    centres = 2 * random.normal(size=(10, 16))

    def side(count: int) -> tuple[np.ndarray, ...]:
        labels = random.integers(0, 10, count)
        exact = np.maximum(0, centres[labels] + random.normal(size=(count, 16)))
        rounded = exact + noise * exact.mean() * random.normal(size=exact.shape)
        errors = (softmax(0.2 * each @ centres.T, axis=1) for each in (exact, rounded))
        return exact, rounded, *(each - np.eye(10)[labels] for each in errors)

    train, test = side(n), side(k)
    first, second = ((train[i] @ test[i].T + 1) * (train[i + 2] @ test[i + 2].T) for i in (0, 1))
    return first, second


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.2, 1.0])
def test_the_interval_of_a_sample_holds_the_truth_of_all(noise: float) -> None:
    """In at least 90 of 100 samples, at every size of error; and it tells these apart."""
    random = np.random.default_rng(int(1000 * noise))
    exact, rounded = scores_of(random, 500, 200, noise)
    pairs = [random.integers(0, 500, 40_000) for _ in range(2)]
    columns = random.integers(0, 200, 40_000)
    order = [
        np.sign(each[pairs[0], columns] - each[pairs[1], columns]) for each in (exact, rounded)
    ]
    truth = float((order[0] == order[1])[pairs[0] != pairs[1]].mean())
    held, shares = 0, []
    for _ in range(100):
        rows = random.choice(500, SAMPLE_SIZES[0], replace=False)
        some = np.ix_(rows, random.choice(200, SAMPLE_SIZES[1], replace=False))
        share, (low, high) = same_order(exact[some], rounded[some])
        held += low <= truth <= high
        shares.append(share)
    assert held >= 90
    assert np.mean(shares) == pytest.approx(truth, abs=0.01)  # no bias from the sample's size


def test_float32_has_no_error(checkpoint_path: Path, image_tree: Path) -> None:
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    settings = PassSettings(preprocessing=Preprocessing(Crop(40, 32)))
    forward = Forward(checkpoint.backbone, torch.device("cpu"), "float32")
    train, test = (
        PassedImages(table, len(table), features=pooled_features(forward, table, settings).values)
        for table in find_images(image_tree)
    )
    error = precision_error(checkpoint, (train, test), Loss(), settings, None)
    assert (error.train_images, error.test_images) == SAMPLE_SIZES
    assert error.same_order > 0.99  # the fused backbone rounds otherwise
    assert error.same_order_interval[1] == pytest.approx(1.0)


def test_a_bfloat16_run_says_its_error(
    checkpoint_path: Path, image_tree: Path, tmp_path: Path
) -> None:
    half = (0.5, 0.5, 0.5)  # the float32 sample must be normalised as the run is
    config = RunConfig(
        (checkpoint_path,), image_tree, tmp_path, resize_size=40, crop_size=32, mean=half, std=half
    )
    said: list[str] = []
    info = run(replace(config, precision="bfloat16"), said.append)
    assert info is not None
    assert info.precision_error is not None
    assert 0.5 < info.precision_error.same_order < 1
    assert any("bfloat16 compared with float32 on 16 × 8 images" in line for line in said)
