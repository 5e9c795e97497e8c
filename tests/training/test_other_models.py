"""The networks that can be trained beside the ResNet50: their heads, their weights, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from tracin.compute.model.checkpoint import load_checkpoint
from tracin.errors import TracInError
from tracin.training.model import Classifier, build_model
from tracin.training.settings import IMAGENET, SCRATCH

CLASSES = ("cat", "dog", "horse")

NETWORKS: dict[str, tuple[int, str, int]] = {
    "mobilenet_v3_small": (64, "classifier.", 576),
    "efficientnet_b0": (64, "classifier.", 1280),  # dropout in its head, and layers left out
    "convnext_tiny": (64, "classifier.", 768),  # a norm in its head
    "googlenet": (64, "fc.", 1024),  # two auxiliary heads
    "timm/vit_tiny_patch16_224": (32, "head.", 192),  # built for this size
    "timm/resnet18": (64, "fc.", 512),  # torchvision's has the same names and shapes
}


def built(name: str, side: int) -> Classifier:
    if name.startswith("timm/"):
        pytest.importorskip("timm")
    return build_model(3, SCRATCH, 0, name, side)


def step(model: Classifier, side: int) -> set[str]:
    """Train on four images once; the names of what changed, its statistics too."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    images = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    return {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_learns_alone_then_everything_does(name: str, tmp_path: Path) -> None:
    side, place, width = NETWORKS[name]
    model = built(name, side)
    linears = [each for each in model.head if isinstance(each, nn.Linear)]
    assert [each.in_features for each in linears] == [width, 512, 256]
    model.freeze_backbone(True)
    model.training_mode(backbone=False)
    head = step(model, side)
    assert len(head) == 6 and all(key.startswith(f"model.{place}") for key in head)
    model.freeze_backbone(False)
    model.training_mode(backbone=True)
    stem = next(key for key, value in model.named_parameters() if value.ndim == 4)
    assert step(model, side) > {stem} | head
    assert all(each.requires_grad and each.grad is not None for each in model.parameters())

    model.eval()
    content = {"model_state_dict": model.state_dict(), "architecture": name}
    torch.save(content, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth", CLASSES)
    assert checkpoint.architecture == name
    assert checkpoint.head_widths == (width, 512, 256, 3)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = checkpoint.last(checkpoint.hidden(checkpoint.backbone(images)))
        torch.testing.assert_close(found, model(images), rtol=1e-5, atol=1e-5)


def donor(name: str, path: Path, **options: Any) -> dict[str, Tensor]:
    """A state dict of torchvision's ``name``, none of whose numbers is as it is made."""
    torch.manual_seed(5)
    made = models.get_model(name, num_classes=7, **options).state_dict()
    state = {k: torch.rand_like(v) if v.is_floating_point() else v for k, v in made.items()}
    torch.save(state, path)
    return state


def test_a_norm_in_the_head_belongs_to_the_backbone(tmp_path: Path) -> None:
    state = donor("convnext_tiny", tmp_path / "w.pth")
    model = build_model(3, str(tmp_path / "w.pth"), 0, "convnext_tiny", 64).model.state_dict()
    assert {"classifier.0.weight", "classifier.0.bias"} <= state.keys()
    own = [key for key in state if not key.startswith("classifier.2.")]
    assert all(torch.equal(model[key], state[key]) for key in own)
    assert model["classifier.2.weight"].shape == (512, 768)


def test_auxiliary_heads_are_left_out(tmp_path: Path) -> None:
    state = donor("googlenet", tmp_path / "w.pth", init_weights=False)
    assert "aux1.fc1.weight" in state
    model = build_model(3, str(tmp_path / "w.pth"), 0, "googlenet", 64).model.state_dict()
    assert not [key for key in model if key.startswith("aux")]
    own = [key for key in model if not key.startswith("fc.")]
    assert all(torch.equal(model[key], state[key]) for key in own)


REFUSED: dict[str, tuple[str, int, str]] = {
    "a convolution at the end": ("squeezenet1_1", 64, r"ends with classifier\.1, a Conv2d"),
    "two heads": (
        "timm/deit_tiny_distilled_patch16_224",
        224,
        r"not simply that of its last layer, head_dist",
    ),
    "too small": (
        "alexnet",
        32,
        r"alexnet cannot be run on an image of 32 × 32 .*--crop_size; the usual one is 224\.",
    ),
    "no whole patches": (
        "vit_b_32",
        70,
        r"cannot be built for images of 70 × 70 .*--crop_size; the usual one is 224\.",
    ),
    "no whole patches, unnoticed": (
        "timm/vit_tiny_patch16_224",
        40,
        r"images of 40 × 40 pixels \(its patches do not fill them\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_networks_that_cannot_be_scored_are_not_trained(case: str) -> None:
    name, side, message = REFUSED[case]
    with pytest.raises(TracInError, match=message):
        built(name, side)


WRONG_FILES: dict[str, tuple[str, str, str]] = {
    "another family": (
        "mobilenet_v2",
        "mobilenet_v3_small",
        r"w\.pth is not a torchvision mobilenet_v3_small \(.* missing keys: .*--architecture\.",
    ),
    "another width": (
        "resnet18",
        "resnet34",
        r"is not a torchvision resnet34 \(.* missing keys: layer1\.2\.",
    ),
    "other shapes": (
        "shufflenet_v2_x0_5",
        "shufflenet_v2_x1_0",
        r"\(stage2\.0\.branch1\.2\.weight has shape \(24, .*, a shufflenet_v2_x1_0's has \(58, ",
    ),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_weights_of_another_network_are_refused(case: str, tmp_path: Path) -> None:
    theirs, ours, message = WRONG_FILES[case]
    donor(theirs, tmp_path / "w.pth")
    with pytest.raises(TracInError, match=message) as caught:
        build_model(3, str(tmp_path / "w.pth"), 0, ours, 64)
    assert "\n" not in str(caught.value)


def test_weights_for_images_of_another_size_say_which(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    name = "vit_tiny_patch16_224"
    torch.save(timm.create_model(name, img_size=64).state_dict(), tmp_path / "w.pth")
    message = r"trained on images of 64 × 64 pixels\. Give --crop_size 64, or"
    with pytest.raises(TracInError, match=message):
        build_model(3, str(tmp_path / "w.pth"), 0, f"timm/{name}", 32)
    assert build_model(3, str(tmp_path / "w.pth"), 0, f"timm/{name}", 64)


def test_without_network_it_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_args: object, **_options: object) -> None:
        raise OSError("An error happened. Please check\nyour connection.")

    monkeypatch.setattr("torchvision.models.MobileNet_V2_Weights.get_state_dict", no_network)
    message = r"\(An error happened\)\. Download https://.*mobilenet_v2-.*, or train --from_scr"
    with pytest.raises(TracInError, match=message):
        build_model(3, IMAGENET, 0, "mobilenet_v2", 32)


def test_timm_s_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that cannot be had now, and those that nobody has."""
    timm = pytest.importorskip("timm")
    create = timm.create_model

    def no_network(*names: str, pretrained: bool = False, **options: Any) -> Any:
        if pretrained:
            raise FileNotFoundError("Not on the Hub. Please check\nyour connection.")
        return create(*names, **options)

    monkeypatch.setattr(timm, "create_model", no_network)
    with pytest.raises(TracInError, match=r"Download https://.*test_vit.*--backbone_weights, or"):
        build_model(3, IMAGENET, 0, "timm/test_vit", 160)
    with pytest.raises(TracInError, match=r"no pretrained weights of a timm seresnet18\. Give"):
        build_model(3, IMAGENET, 0, "timm/seresnet18", 224)
