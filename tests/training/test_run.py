"""A training goes on where it was killed, refuses another one, and serves TracIn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet50

from tests.real_data import animals_head
from tests.training.short import FLAGS, REPOSITORY, config, quiet
from tracin.compute.config import RunConfig
from tracin.compute.run import run as run_tracin
from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.results import schema
from tracin.training import outputs
from tracin.training.run import train


def test_killed_and_continued_equals_uninterrupted(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tracin.training", "--data_dir", str(photos)]
    command += ["--output_dir", str(tmp_path), *FLAGS]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # sums in the same order as here
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE)
    while not (tmp_path / outputs.STATE).is_file():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # in the second or third epoch, or while it writes
    process.communicate()
    said: list[str] = []
    train(config(photos, tmp_path), said.append)
    assert said[0].startswith("Going on after epoch")
    names = sorted(path.name for path in trained.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert outputs.STATE not in names
    for name in names:
        if name.endswith((".pth", ".csv")):
            assert (tmp_path / name).read_bytes() == (trained / name).read_bytes(), name
    continued, whole = (outputs.read_manifest(folder) for folder in (tmp_path, trained))
    assert continued and whole and continued.facts["outcome"] == whole.facts["outcome"]


def test_of_two_at_once_one_fills_the_folder(photos: Path, tmp_path: Path) -> None:
    with (
        locked(tmp_path, ""),
        pytest.raises(TracInError, match=r"in use by process .*give another --output_dir"),
    ):
        train(config(photos, tmp_path), quiet)
    assert list(tmp_path.iterdir()) == []


def test_finished_training_is_not_done_again(trained: Path, photos: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.iterdir()}
    (trained / outputs.STATE).touch()  # as a kill after the last step leaves it
    result = train(config(photos, trained), quiet)
    assert result.reused
    assert [path.stem[-2:] for path in result.checkpoints] == ["01", "02", "03"]
    assert {path: path.stat().st_mtime_ns for path in trained.iterdir()} == before


def test_other_settings_are_refused_and_name_the_difference(trained: Path, photos: Path) -> None:
    with pytest.raises(TracInError, match=r"finished training.*seed 0, now 7.*--restart"):
        train(config(photos, trained, "--seed", "7"), quiet)


@pytest.mark.usefixtures("no_search")
def test_checkpoints_give_tracin_scores_without_further_flags(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    """Scores over the kept checkpoints equal a hand-written loop in float64."""
    paths = sorted(trained.glob("checkpoint_epoch_*.pth"))
    tracin_config = RunConfig(
        tuple(paths), photos, tmp_path, resize_size=36, crop_size=32, num_workers=0
    )
    info = run_tracin(tracin_config, quiet)
    assert info is not None
    assert {entry.learning_rate_source for entry in info.checkpoints} == {"checkpoint"}
    transform = transforms.Compose(
        [
            transforms.Resize(36),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    expected = np.zeros((50, 10))
    for path in paths:
        content = torch.load(path, weights_only=True)
        model = resnet50(num_classes=10)
        model.fc = animals_head(10)
        state = {key[len("model.") :]: v for key, v in content["model_state_dict"].items()}
        model.load_state_dict(state)
        model.double().eval()
        loss = torch.nn.CrossEntropyLoss(
            torch.tensor(content["class_weights"], dtype=torch.float64),
            reduction="sum",
            label_smoothing=content["label_smoothing"],
        )
        gradients = []
        for split in ("train", "test"):
            rows = []
            for image, label in ImageFolder(str(photos / split), transform):
                value = loss(model(image.double()[None]), torch.tensor([label]))
                weight, bias = torch.autograd.grad(value, list(model.fc[4].parameters()))
                rows.append(torch.cat([weight.flatten(), bias]))
            gradients.append(torch.stack(rows).numpy())
        expected += content["learning_rate"] * gradients[0] @ gradients[1].T
    scores = pd.read_csv(tmp_path / schema.INFLUENCE_SCORES).to_numpy()
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
