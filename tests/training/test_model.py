"""Where the weights come from, whatever they are wrapped in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tracin.errors import TracInError
from tracin.training.model import build_model
from tracin.training.settings import SCRATCH


def test_backbone_weights_are_taken_and_the_head_is_not(tmp_path: Path) -> None:
    donor = build_model(7, SCRATCH, seed=1)
    path = tmp_path / "resnet50.pth"
    torch.save(donor.model.state_dict(), path)
    model = build_model(10, str(path), seed=0)
    assert torch.equal(model.model.layer4[0].conv1.weight, donor.model.layer4[0].conv1.weight)
    assert model.model.fc[4].weight.shape == (10, 256)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"conv1.weight": torch.zeros(3)}, "is not a torchvision ResNet50"),
        ([1, 2], "holds a list, not a state_dict"),
        (b"no pickle", "is damaged or no PyTorch checkpoint"),
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


@pytest.mark.parametrize("wrapped", ["module._orig_mod.", "model.", "_orig_mod."])
@pytest.mark.parametrize("nested", ["", "state_dict", "model_state_dict"])
def test_wrappers_are_taken_off(tmp_path: Path, wrapped: str, nested: str) -> None:
    """Training once knew fewer of them than scoring, and refused what torch.compile saves."""
    donor = build_model(7, SCRATCH, seed=1)
    state = {f"{wrapped}{key}": value for key, value in donor.model.state_dict().items()}
    path = tmp_path / "wrapped.pth"
    torch.save({nested: state, "epoch": 3} if nested else state, path)
    model = build_model(10, str(path), seed=0)
    assert torch.equal(model.model.layer4[0].conv1.weight, donor.model.layer4[0].conv1.weight)
