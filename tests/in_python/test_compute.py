"""``from tracin import compute, analyze``: any module, any data set, the files of the scripts."""

from __future__ import annotations

import copy
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import ConcatDataset, Dataset, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

import tracin.compute.run as script
from tests.compute.reference import with_statistics
from tests.in_python.digits import (
    PIXELS,
    part,
    quiet,
    scores_in,
)
from tracin import analyze, compute
from tracin.clean.run import CleanConfig, apply_actions
from tracin.compute.config import RunConfig
from tracin.errors import TracInError
from tracin.results import schema
from tracin.results.run_info import read_run_info
from tracin.what_if.run import WhatIfConfig, what_if

ROOT = Path(__file__).parent.parent.parent


def autograd(network: nn.Module, train: Dataset[Any], test: Dataset[Any]) -> np.ndarray:
    """∇loss(train i) · ∇loss(test j) over the last layer's weights, in float64."""
    exact = copy.deepcopy(network).double().eval()
    last = [each for each in exact.modules() if isinstance(each, nn.Linear)][-1]

    def gradients(data_set: Any) -> Tensor:
        rows = []
        for image, label in (data_set[number] for number in range(len(data_set))):
            loss = functional.cross_entropy(exact(image.double()[None]), label.view(1))
            found = torch.autograd.grad(loss, [last.weight, last.bias])
            rows.append(torch.cat([each.flatten() for each in found]))
        return torch.stack(rows)

    return (gradients(train) @ gradients(test).T).numpy()


def test_scores_of_a_module_equal_float64_autograd(network: nn.Sequential, tmp_path: Path) -> None:
    """Over two checkpoints; the module itself stays as it was."""
    torch.save(network.state_dict(), tmp_path / "late.pth")
    early = copy.deepcopy(network)
    with torch.no_grad():
        for each in early.parameters():
            each.mul_(0.7)
    torch.save({"model_state_dict": early.state_dict(), "lr": 0.5}, tmp_path / "early.pth")
    train, test = part(0, 60), part(1500, 1520)
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    said: list[str] = []
    info = compute(
        *(network, train, test, tmp_path / "out"),
        checkpoints=[tmp_path / "early.pth", tmp_path / "late.pth"],
        learning_rate=[0.1, 0.01],
        say=said.append,
    )
    expected = 0.1 * autograd(early, train, test) + 0.01 * autograd(network, train, test)
    scores = scores_in(tmp_path / "out")
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    assert (info.layer, info.architecture, info.inputs_from) == ("7", "Sequential", "TensorDataset")
    assert [each.path for each in info.checkpoints] == [
        str(tmp_path / "early.pth"),
        str(tmp_path / "late.pth"),
    ]
    info = compute(network, train, test, tmp_path, checkpoints=[tmp_path / "early.pth"], say=quiet)
    assert (info.checkpoints[0].learning_rate, info.checkpoints[0].path) == (
        0.5,
        str(tmp_path / "early.pth"),
    )
    assert network.training and all(each.requires_grad for each in network.parameters())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert any(line.startswith("Plan: 60 training × 20 test images") for line in said)


def test_the_analysis_shows_images_that_had_no_file(network: nn.Sequential, tmp_path: Path) -> None:
    """Pictures, the page, corrected lists; a second run deletes what the first alone needed."""
    train = Subset(part(0, 200), range(0, 200, 2))
    test: ConcatDataset[Any] = ConcatDataset([part(1500, 1520)])
    compute(network, train, test, tmp_path, say=quiet)
    said: list[str] = []
    outcome = analyze(tmp_path, say=said.append)
    assert outcome._repr_png_().startswith(b"\x89PNG")
    assert outcome.overall.n_train == 100
    assert said[-1].count("\n  ") > 10 and not any("not found" in each for each in outcome.left_out)
    first = schema.read_table(tmp_path, schema.TRAIN_SUMMARY)["train_path"][7]
    with Image.open(Path(read_run_info(tmp_path).data_dir) / first) as picture:
        assert np.array_equal(np.asarray(picture), (PIXELS[14, 0] * 255).round().numpy())

    (tmp_path / "actions.csv").write_text(f"train_path,action,new_class\n{first},relabel,3\n")
    cleaned = tmp_path / "cleaned"
    apply_actions(CleanConfig(tmp_path / "actions.csv", cleaned, tmp_path))
    lists = [pd.read_csv(path) for path in cleaned.glob("train*.csv")]
    assert [str(rows.set_index("path")["label"][first]) for rows in lists] == ["3"]

    with pytest.raises(TracInError, match="handed over in Python"):
        what_if(WhatIfConfig(5, tmp_path), say=quiet)

    written = sorted((tmp_path / schema.IMAGES).rglob("*.*"))
    compute(network, part(2, 40), test, tmp_path, say=quiet)
    assert all(path.exists() for path in written)  # what an earlier run and its lists name


STEPS = transforms.Compose(
    [
        transforms.Resize(40),
        transforms.CenterCrop(32),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


@pytest.mark.usefixtures("no_search")
def test_folders_of_images_give_the_script_s_scores(folder: Path, tmp_path: Path) -> None:
    """With a transform of their own, without one, and as a file through the script."""
    torch.manual_seed(0)
    model = with_statistics(resnet18(num_classes=3), folder, STEPS)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    config = RunConfig(
        (tmp_path / "w.pth",), folder, tmp_path / "script", resize_size=40, crop_size=32
    )
    assert script.run(config, quiet)
    train, test = (ImageFolder(str(folder / side), STEPS) for side in ("train", "test"))
    compute(model, train, test, tmp_path / "tensors", say=quiet)
    train.transform = test.transform = None
    compute(model, train, test, tmp_path / "pictures", resize_size=40, crop_size=32, say=quiet)
    expected = scores_in(tmp_path / "script")
    for name in ("tensors", "pictures"):
        assert np.abs(scores_in(tmp_path / name) - expected).max() <= 1e-5 * np.abs(expected).max()
        assert Path(read_run_info(tmp_path / name).data_dir) == folder
        assert not (tmp_path / name / schema.IMAGES / "train").exists()  # they have files
        for table in (schema.DUPLICATES, schema.PREDICTIONS):
            columns = ["path_a", "path_b"] if table == schema.DUPLICATES else ["test_path"]
            mine, theirs = (
                schema.read_table(tmp_path / each, table)[columns] for each in (name, "script")
            )
            pd.testing.assert_frame_equal(mine, theirs)


@pytest.mark.usefixtures("no_search")
def test_a_network_whose_code_was_changed_is_not_taken_for_the_former(
    folder: Path, tmp_path: Path
) -> None:
    class Net(nn.Module):
        act = staticmethod(torch.relu)

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 8, 5, stride=4), nn.Linear(8, 3)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.fc(self.act(self.conv(images)).mean(dim=(2, 3)))
            return logits

    torch.manual_seed(0)
    model, losses = Net(), []
    sides = [ImageFolder(str(folder / side)) for side in ("train", "test")]
    for act in (torch.relu, torch.tanh):
        Net.act = staticmethod(act)
        compute(model, sides[0], sides[1], tmp_path, resize_size=32, crop_size=32, say=quiet)
        losses.append(schema.read_table(tmp_path, schema.TRAIN_SUMMARY)["loss"])
    assert not np.allclose(losses[0], losses[1])


def test_both_names_are_functions_whatever_was_imported() -> None:
    """They are folders of the house, too, and torch is not loaded before it is needed."""
    assert callable(compute) and callable(analyze)
    assert next(iter(inspect.signature(compute).parameters)) == "model"
    assert "Score how much each image" in str(compute.__doc__)
    program = (
        "import sys, tracin, tracin.analyze.run\n"
        "from tracin import compute, analyze\n"
        "assert callable(compute) and callable(analyze)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_what_is_recorded_can_be_read_as_json(network: nn.Sequential, tmp_path: Path) -> None:
    compute(network, part(0, 30), part(30, 40), tmp_path, method="gauss_newton", say=quiet)
    content = json.loads((tmp_path / schema.RUN_INFO).read_text())
    assert content["from_module"] is True and content["command"] == ["tracin.compute"]
    assert content["checkpoints"][0]["path"] == "Sequential"
    assert content["layout"]["train_list"]["file"].startswith(str(tmp_path))
