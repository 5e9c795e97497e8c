"""Checkpoints of other networks: recognised, with any head of Linears, or refused by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from tracin.architectures import (
    FAMILIES,
    find_name,
    outline,
    torchvision_names,
)
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.model.recognition import recognise
from tracin.errors import TracInError
from tracin.images import Crop, Normalization, Preprocessing
from tracin.pretrained import usual_preprocessing

CLASSES = ("cat", "dog", "horse")
Change = Callable[[Any], None]


def small(name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return models.get_model(name, num_classes=3, **options).eval()


def images(side: int = 64) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def saved(model: nn.Module, path: Path) -> Path:
    torch.save(model.state_dict(), path)
    return path


def head(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


HEADS: dict[str, tuple[str, Change, str, tuple[int, ...]]] = {
    "another fc": (
        "resnet18",
        lambda m: setattr(
            m, "fc", head(nn.Dropout(), nn.Linear(512, 8), nn.LeakyReLU(), nn.Linear(8, 3))
        ),
        "fc.3",
        (512, 8, 3),
    ),
    "own layers of another width": (
        "mobilenet_v3_small",
        lambda m: setattr(
            m,
            "classifier",
            head(nn.Linear(576, 64), nn.Hardswish(), nn.Dropout(), nn.Linear(64, 3)),
        ),
        "classifier.3",
        (576, 64, 3),
    ),
    "a chain in the last layer's place": (
        "mobilenet_v3_small",
        lambda m: m.classifier.__setitem__(
            3, head(nn.Linear(1024, 8), nn.LeakyReLU(), nn.Linear(8, 3))
        ),
        "classifier.3.2",
        (576, 1024, 8, 3),
    ),
    "a Linear in the chain's place": (
        "mobilenet_v3_small",
        lambda m: setattr(m, "classifier", nn.Linear(576, 3)),
        "classifier",
        (576, 3),
    ),
    "after the architecture's own norm": (
        "convnext_tiny",
        lambda m: setattr(
            m,
            "classifier",
            head(*m.classifier[:2], nn.Linear(768, 8), nn.LeakyReLU(), nn.Linear(8, 3)),
        ),
        "classifier.4",
        (768, 8, 3),
    ),
    "without the architecture's own norm": (
        "convnext_tiny",
        lambda m: setattr(m, "classifier", head(nn.Flatten(), nn.Linear(768, 3))),
        "classifier.1",
        (768, 3),
    ),
}


@pytest.mark.parametrize("case", HEADS)
def test_the_head_is_rebuilt(case: str, tmp_path: Path) -> None:
    name, change, layer, widths = HEADS[case]
    model = small(name)
    change(model)
    checkpoint = load_checkpoint(saved(model.eval(), tmp_path / "w.pth"), CLASSES)
    assert (checkpoint.architecture, checkpoint.layer) == (name, layer)
    assert checkpoint.head_widths == widths
    with torch.inference_mode():
        features = checkpoint.backbone(images())
        found = checkpoint.last(checkpoint.hidden(features))
        torch.testing.assert_close(found, model(images()), rtol=1e-5, atol=1e-6)
    assert features.shape == (2, checkpoint.backbone.width) == (2, widths[0])


def test_a_wide_head_begins_in_the_backbone(tmp_path: Path) -> None:
    model = small("alexnet")
    checkpoint = load_checkpoint(saved(model, tmp_path / "w.pth"), CLASSES)
    assert checkpoint.head_widths == (4096, 4096, 3)
    with torch.inference_mode():
        features = checkpoint.backbone(images(96))
        assert torch.equal(checkpoint.last(checkpoint.hidden(features)), model(images(96)))


@pytest.fixture(scope="module")
def resnet18_state() -> dict[str, Tensor]:
    state: dict[str, Tensor] = small("resnet18").state_dict()
    return state


def test_every_family_of_torchvision_is_told_by_one_name() -> None:
    """One network of each family; all of them, and that none is like another:
    benchmarks/architectures.py.
    """
    families = {prefix for names in FAMILIES.values() for prefix in names}
    assert all(name.startswith(tuple(families)) for name in torchvision_names())
    for prefix in families:
        known = outline(next(name for name in torchvision_names() if name.startswith(prefix)))
        keys = list(known.network.state_dict())
        mark = next(m for m in FAMILIES if any(k == m or k.endswith(f".{m}") for k in keys))
        assert sum(key == mark or key.endswith(f".{mark}") for key in keys) == 1, prefix
        assert prefix in FAMILIES[mark]


def test_a_vision_transformer_of_another_size(tmp_path: Path) -> None:
    """The table of positions tells the size of its images."""
    model = models.VisionTransformer(96, 32, 12, 12, 768, 3072, num_classes=3)
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    found = recognise(shapes, {}, tmp_path)
    assert found is not None
    assert (found.name, found.side) == ("vit_b_32", 96)
    assert usual_preprocessing("vit_b_32", 96) == Preprocessing(Crop(96, 96))


def test_how_images_are_usually_shown() -> None:
    assert usual_preprocessing("resnet50") == Preprocessing()  # not torchvision's newer 232
    assert usual_preprocessing("resnet18") == Preprocessing()
    bicubic = usual_preprocessing("efficientnet_b3").crop
    assert bicubic == Crop(320, 300, interpolation="bicubic")
    swag = usual_preprocessing("vit_b_16", 384).crop
    assert swag == Crop(384, 384, interpolation="bicubic")


def test_inception_s_pixels_are_those_that_it_converts_to(tmp_path: Path) -> None:
    """Its pretrained weights normalise once more, which the file does not tell."""
    torch.manual_seed(0)
    model = models.googlenet(num_classes=3, init_weights=False, transform_input=True).eval()
    checkpoint = load_checkpoint(saved(model, tmp_path / "w.pth"), CLASSES)
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    imagenet, shown = Normalization(), usual_preprocessing("googlenet").normalization
    with torch.inference_mode():
        ours = checkpoint.last(checkpoint.hidden(checkpoint.backbone(by(pixels, shown))))
        torch.testing.assert_close(ours, model(by(pixels, imagenet)), rtol=1e-4, atol=1e-5)


def by(pixels: Tensor, how: Normalization) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (how.mean, how.std))
    return (pixels - mean) / std


def with_head(state: dict[str, Tensor], **values: Tensor) -> dict[str, Tensor]:
    body = {key: value for key, value in state.items() if not key.startswith("fc.")}
    return body | {key.replace("_", "."): value for key, value in values.items()}


BROKEN: dict[str, tuple[Callable[[dict[str, Tensor]], dict[str, Tensor]], str, str]] = {
    "wrong width": (
        lambda s: with_head(s, fc_weight=torch.ones(3, 2048), fc_bias=torch.ones(3)),
        "resnet18",
        r"takes 2048 values and gets 512\. .* starts at resnet18's 512 features",
    ),
    "another architecture": (
        lambda s: s,
        "resnet34",
        r"is no torchvision resnet34: its weights are those of a torchvision resnet18",
    ),
    "no head": (with_head, "", r"has no head: there is no fc\.weight.*resnet18"),
    "a head of another name": (
        lambda s: with_head(s, top_weight=torch.ones(3, 512), top_bias=torch.ones(3)),
        "",
        r"not called fc: it may be top\.weight\. Name it fc, as the torchvision resnet18",
    ),
    "other classes": (
        lambda s: with_head(s, fc_weight=torch.ones(5, 512), fc_bias=torch.ones(5)),
        "",
        r"trained for 5 classes and the training folder has 3",
    ),
    "no bias": (
        lambda s: with_head(s, fc_weight=torch.ones(3, 512)),
        "",
        r"1 missing key \(fc\.bias\)",
    ),
    "deeper than one chain": (
        lambda s: with_head(s, fc_1_1_weight=torch.ones(3, 512), fc_1_1_bias=torch.ones(3)),
        "",
        r"unexpected keys \(fc\.1\.1",
    ),
    "a norm in the head": (
        lambda s: with_head(
            s,
            fc_0_weight=torch.ones(512),
            fc_0_bias=torch.ones(512),
            fc_1_weight=torch.ones(3, 512),
            fc_1_bias=torch.ones(3),
        ),
        "",
        r"fc\.0\.weight has 1 dimension.*Linears and activations only",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_checkpoints_say_what_is_wrong(
    case: str, resnet18_state: dict[str, Tensor], tmp_path: Path
) -> None:
    change, name, message = BROKEN[case]
    torch.save(change(resnet18_state), tmp_path / "broken.pth")
    with pytest.raises(TracInError, match=message) as caught:
        load_checkpoint(tmp_path / "broken.pth", CLASSES, architecture=name)
    assert "broken.pth" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_convolution_at_the_end_is_refused_by_name(tmp_path: Path) -> None:
    path = saved(small("squeezenet1_1"), tmp_path / "w.pth")
    with pytest.raises(TracInError, match=r"squeezenet1_1 ends with classifier\.1, a Conv2d"):
        load_checkpoint(path, CLASSES)


def test_two_heads_at_the_end_are_refused_by_name(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    name = "deit_tiny_distilled_patch16_224"
    path = saved(timm.create_model(name, num_classes=3), tmp_path / "w.pth")
    with pytest.raises(TracInError, match=r"not simply that of its last layer, head_dist"):
        load_checkpoint(path, CLASSES, architecture=f"timm/{name}")


def test_unknown_names_are_answered_with_near_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("timm")
    assert find_name("resnet18") == "resnet18"
    assert find_name("timm/resnet18") == "timm/resnet18"
    assert find_name("resnet18d") == "timm/resnet18d"
    assert find_name("resnet18.a1_in1k") == "timm/resnet18.a1_in1k"
    with pytest.raises(TracInError, match=r"no architecture vit-b-16 .*near it are vit_b_16"):
        find_name("vit-b-16")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(TracInError, match=r"timm is not installed.*pip install timm"):
        find_name("timm/resnet18d")
    with pytest.raises(TracInError, match=r"no architecture resnet81 among torchvision's; near"):
        find_name("resnet81")


def test_several_that_fit_are_named(
    resnet18_state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """timm's networks with and without TensorFlow's padding have the same weights."""
    timm = pytest.importorskip("timm")
    state = timm.create_model("efficientnet_lite0", num_classes=3).state_dict()
    shapes = {key: value.shape for key, value in state.items()}
    stored = {"architecture": "efficientnet_lite0", "arch": "tf_efficientnet_lite0"}
    with pytest.raises(TracInError, match=r"timm/efficientnet_lite0 and timm/tf_efficientnet_lit"):
        recognise(shapes, stored, tmp_path / "w.pth")
    assert recognise(shapes, {}, tmp_path / "w.pth") is None


@pytest.mark.parametrize("name", ["resnet18", "timm/resnet18"])
def test_a_full_name_settles_which_of_two(
    name: str, resnet18_state: dict[str, Tensor], tmp_path: Path
) -> None:
    """torchvision's and timm's have the same names and shapes; training writes which it was."""
    pytest.importorskip("timm")
    shapes = {key: value.shape for key, value in resnet18_state.items()}
    found = recognise(shapes, {"architecture": name}, tmp_path)
    assert found is not None and found.name == name
    with pytest.raises(TracInError, match=r"resnet18 and timm/resnet18"):
        recognise(shapes, {"arch": "resnet18"}, tmp_path)
    wrong = recognise(shapes, {"architecture": "resnet34"}, tmp_path)
    assert wrong is not None and wrong.name == "resnet18"


def test_a_stored_name_of_timm_s_asks_for_timm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    timm = pytest.importorskip("timm")
    state = timm.create_model("resnet18d", num_classes=3).state_dict()
    shapes = {key: value.shape for key, value in state.items()}
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(TracInError, match=r"holds a timm/resnet18d, and timm is not installed"):
        recognise(shapes, {"architecture": "timm/resnet18d"}, tmp_path)
