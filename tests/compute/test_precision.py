"""The stated error of a faster precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tests.real_data import CLASS_NAMES
from tracin.compute.config import RunConfig
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.passed import PassedImages
from tracin.compute.precision import precision_error, rank_correlation, top_overlap
from tracin.compute.run import run
from tracin.images import Crop, Preprocessing, find_images
from tracin.loss import Loss


def test_rank_correlation_equals_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(30, 4, generator=generator)
    other = one + torch.randn(30, 4, generator=generator)
    expected = np.mean([spearmanr(one[:, j], other[:, j]).statistic for j in range(4)])
    assert rank_correlation(one, other) == pytest.approx(expected)
    assert rank_correlation(one, -one) == pytest.approx(-1)


def test_top_overlap_by_hand() -> None:
    one = torch.tensor([[4.0, 1.0], [3.0, 2.0], [2.0, 3.0], [1.0, 4.0]])
    other = torch.tensor([[4.0, 4.0], [1.0, 3.0], [3.0, 2.0], [2.0, 1.0]])
    assert top_overlap(one, other, 2) == pytest.approx((0.5 + 0.0) / 2)
    assert top_overlap(one, one, 10) == 1.0


def test_float32_has_no_error(checkpoint_path: Path, image_tree: Path) -> None:
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    settings = PassSettings(preprocessing=Preprocessing(Crop(40, 32)))
    forward = Forward(checkpoint.backbone, torch.device("cpu"), "float32")
    train, test = (
        PassedImages(table, len(table), features=pooled_features(forward, table, settings).values)
        for table in find_images(image_tree)
    )
    error = precision_error(checkpoint, (train, test), Loss(), settings, None)
    assert (error.train_images, error.test_images) == (60, 16)
    assert error.rank_correlation == pytest.approx(1.0)
    assert error.top_ten_overlap == 1.0


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
    assert 0.5 < info.precision_error.rank_correlation < 1
    assert any("bfloat16 compared with float32 on 60 × 16 images" in line for line in said)
