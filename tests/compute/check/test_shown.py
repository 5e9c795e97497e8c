"""Other ways to show images: the right one is found and never claimed of a model that guesses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import resnet18

from tests.compute.reference import torchvision_transform, with_statistics
from tests.real_data import CLASS_NAMES
from tracin.compute.check.judge import answers
from tracin.compute.check.pass_again import search_other_ways
from tracin.compute.check.shown import as_flags, find_better_way, usual_ways
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.scores.factors import compute_factors
from tracin.images import Crop, Normalization, Preprocessing, find_images

USED = Preprocessing()
HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CPU = torch.device("cpu")


def model_of(truth: Preprocessing, best: float) -> Callable[[Preprocessing], int]:
    """Right on ``best`` of 100 images shown as in training, on fewer the further from it."""

    def count_right(way: Preprocessing) -> int:
        ratio = np.log2(way.crop.crop_size / truth.crop.crop_size)
        frame = np.log2(way.crop.resize_size / way.crop.crop_size) - np.log2(
            truth.crop.resize_size / truth.crop.crop_size
        )
        off = 2 * abs(ratio) + abs(frame) + (way.normalization != truth.normalization)
        off += 0.3 * (way.crop.resize_mode != truth.crop.resize_mode)
        return round(100 * (0.05 + (best - 0.05) * float(np.exp(-off))))

    return count_right


@pytest.mark.parametrize("side", [32, 64, 96, 128, 192, 384])
@pytest.mark.parametrize("best", [0.6, 0.95])
def test_the_size_of_the_training_is_found(side: int, best: float) -> None:
    for truth in (Preprocessing(Crop(side, side)), Preprocessing(Crop(side * 8 // 7, side))):
        found = find_better_way(
            usual_ways(USED, own_side=200),
            model_of(truth, best),
            images=100,
            right_now=5,
            floor=0.1,
        )
        assert found.best is not None
        assert found.best.preprocessing == truth
        assert found.best.right == round(100 * best)
        assert found.tried < 30


@pytest.mark.parametrize("side", [32, 64, 96, 128, 224, 320])
def test_size_and_normalisation_that_are_both_wrong_are_found(side: int) -> None:
    truth = Preprocessing(Crop(side, side), HALF)
    used = Preprocessing(Crop(512, 448))
    ways = usual_ways(used, own_side=4000)
    found = find_better_way(ways, model_of(truth, 0.95), images=100, right_now=6, floor=0.1)
    assert found.best is not None
    assert found.best.preprocessing == truth


def test_what_the_checkpoint_stores_is_tried_first() -> None:
    stored = Preprocessing(Crop(75, 70), Normalization((0.3, 0.3, 0.3), (0.2, 0.2, 0.2)))
    assert usual_ways(USED, 300, stored)[0] == stored
    assert usual_ways(USED, 300, USED) == usual_ways(USED, 300)


def test_another_normalisation_is_found_and_its_flags_are_named() -> None:
    truth = replace(USED, normalization=HALF)
    ways = usual_ways(USED, own_side=300)
    found = find_better_way(ways, model_of(truth, 0.9), images=100, right_now=30, floor=0.1)
    assert found.best is not None
    assert as_flags(found.best.preprocessing, USED) == "--mean 0.5 0.5 0.5 --std 0.5 0.5 0.5"
    square = replace(USED, crop=Crop(96, 96, "square"))
    assert as_flags(square, USED) == "--resize_size 96 --crop_size 96 --resize_mode square"


@pytest.mark.parametrize("classes", [2, 10])
def test_a_model_that_guesses_is_not_explained_away(classes: int) -> None:
    """400 searches over answers by chance: hardly one finds a better way."""
    random = np.random.default_rng(0)
    claimed = 0
    for _ in range(400):
        found = find_better_way(
            usual_ways(USED, own_side=64),
            lambda _way: int(random.binomial(100, 1 / classes)),
            images=100,
            right_now=int(random.binomial(100, 1 / classes)),
            floor=1 / classes,
        )
        claimed += found.best is not None
    assert claimed <= 4


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of stripes, each of another width: what they look like depends on the size."""
    folder = tmp_path_factory.mktemp("stripes")
    random = np.random.default_rng(0)
    for label, name in enumerate(CLASS_NAMES):
        for split, count in (("train", 5), ("test", 1)):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                stripes = (np.arange(128) + random.integers(0, 64)) // (3 + 3 * label) % 2
                pixels = 40 + 160 * np.tile(stripes, (128, 1))[:, :, None]
                noisy = pixels + random.integers(-20, 20, (128, 128, 3))
                Image.fromarray(noisy.astype(np.uint8)).save(
                    folder / split / name / f"{number}.png"
                )
    return folder


def test_a_real_network_at_the_wrong_size(coloured: Path, tmp_path: Path) -> None:
    """A head fitted to pictures of 128 pixels fails at 32; the search names 128."""
    train, _ = find_images(coloured)
    truth = Preprocessing(Crop(128, 128), HALF)
    torch.manual_seed(0)
    transform = torchvision_transform("resnet18", resize_size=128, crop_size=128)
    # A small network: it is shown 50 pictures in some thirty ways.
    model = with_statistics(resnet18(num_classes=10), coloured, transform)
    torch.save(model.state_dict(), tmp_path / "random.pth")
    random_head = load_checkpoint(tmp_path / "random.pth", CLASS_NAMES)
    forward = Forward(random_head.backbone, CPU, "float32", HALF, fuse=False)
    features = pooled_features(forward, train, PassSettings(preprocessing=truth, quiet=True)).values
    labels = torch.from_numpy(train.labels)
    head = model.get_submodule("fc")
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(head(features), labels).backward()
        optimizer.step()
    torch.save(model.state_dict(), tmp_path / "fitted.pth")
    fitted = load_checkpoint(tmp_path / "fitted.pth", CLASS_NAMES)

    used = Preprocessing(Crop(32, 32), HALF)
    forward = Forward(fitted.backbone, CPU, "float32", HALF, fuse=False)
    small = pooled_features(forward, train, PassSettings(preprocessing=used, quiet=True)).values
    factors = compute_factors(fitted, small, labels)
    found = search_other_ways(fitted, train, answers(factors).named, used, None, CPU)
    assert found.right_now / found.images < 0.4
    assert found.best is not None
    assert found.best.preprocessing.crop.crop_size == 128
    assert found.best.right / found.images > 0.8


def test_images_that_vanished_count_as_wrong(
    coloured: Path, tmp_path: Path, checkpoint_path: Path
) -> None:
    shutil.copytree(coloured, tmp_path / "data")
    train, _ = find_images(tmp_path / "data")
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    few = train.take(np.arange(4))
    factors = compute_factors(checkpoint, torch.zeros(4, 2048), torch.from_numpy(few.labels))
    (tmp_path / "data" / few.paths[0]).unlink()
    used = Preprocessing(Crop(32, 32))
    found = search_other_ways(checkpoint, few, answers(factors).named, used, None, CPU)
    assert found.best is None  # four images prove nothing
    assert found.images == 4


def test_another_interpolation_is_tried() -> None:
    """Where it makes a difference: pictures of few, large pixels."""
    used = Preprocessing(Crop(interpolation="bicubic"))
    truth = Preprocessing()

    def count_right(way: Preprocessing) -> int:
        return 90 if way == truth else 30

    ways = usual_ways(used, own_side=4000)
    found = find_better_way(ways, count_right, images=100, right_now=30, floor=0.1)
    assert found.best is not None
    assert found.best.preprocessing == truth
    flags = as_flags(truth, used)
    assert flags == "--resize_size 256 --crop_size 224 --interpolation bilinear"
