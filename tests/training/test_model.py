"""The weights that a training starts from, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.real_data import CLASS_NAMES
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.errors import TracInError
from tracin.training.model import build_model
from tracin.training.settings import SCRATCH

State = dict[str, Tensor]


def test_head_stage_leaves_the_backbone_as_it_was(trained: Path) -> None:
    first = torch.load(trained / "checkpoint_epoch_01.pth", weights_only=True)
    state, new = first["model_state_dict"], build_model(10, SCRATCH, seed=0).state_dict()
    changed = {key for key in new if not torch.equal(state[key], new[key])}
    assert changed == {key for key in new if key.startswith("model.fc.")}


def test_backbone_weights_are_taken_and_the_head_is_not(tmp_path: Path) -> None:
    donor = build_model(7, SCRATCH, seed=1)
    path = tmp_path / "resnet50.pth"
    torch.save(donor.model.state_dict(), path)
    model = build_model(10, str(path), seed=0)
    assert torch.equal(model.model.layer4[0].conv1.weight, donor.model.layer4[0].conv1.weight)
    assert model.model.fc[4].weight.shape == (10, 256)


WRAPPINGS: dict[str, Callable[[State], Any]] = {
    "compiled": lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
    "under state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "data parallel and compiled, under model": lambda state: {
        "model": {f"module._orig_mod.model.{key}": value for key, value in state.items()}
    },
    "held as model, under model_state_dict": lambda state: {
        "model_state_dict": {f"model.{key}": value for key, value in state.items()}
    },
    "nested twice": lambda state: {"model": {"state_dict": state}},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_training_starts_from_whatever_the_scores_are_read_from(
    wrapping: str, tmp_path: Path
) -> None:
    state = build_model(10, SCRATCH, seed=1).model.state_dict()
    path = tmp_path / "weights.pth"
    torch.save(WRAPPINGS[wrapping](state), path)
    started = build_model(10, str(path), seed=0).model.state_dict()
    differ = {key for key in state if not torch.equal(started[key], state[key])}
    assert differ == {key for key in state if key.startswith("fc.")}
    checkpoint = load_checkpoint(path, CLASS_NAMES)
    assert torch.equal(checkpoint.backbone.state_dict()["conv1.weight"], state["conv1.weight"])


def test_training_starts_from_safetensors(tmp_path: Path) -> None:
    state = build_model(10, SCRATCH, seed=1).model.state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    model = build_model(10, str(tmp_path / "weights.safetensors"), seed=0)
    assert torch.equal(model.model.conv1.weight, state["conv1.weight"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"conv1.weight": torch.zeros(3)}, "is not a torchvision ResNet50"),
        ([1, 2], "holds a list, not a state_dict"),
        (b"no pickle", "cannot be read as weights"),
    ],
)
def test_other_backbone_files_are_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(TracInError, match=message):
        build_model(10, str(path), seed=0)


def test_without_network_it_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_args: object, **_kwargs: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("torchvision.models.ResNet50_Weights.get_state_dict", no_network)
    with pytest.raises(TracInError, match=r"--backbone_weights, or train --from_scratch"):
        build_model(10, "imagenet", seed=0)
