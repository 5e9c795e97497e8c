"""What a checkpoint stores is used unless a flag says otherwise, and two must not disagree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import models

from tracin.compute.config import RunConfig
from tracin.compute.settle import settle
from tracin.errors import TracInError
from tracin.flags import IMAGENET_MEAN, IMAGENET_STD
from tracin.images import Crop, Normalization, Preprocessing


def config(folder: Path, *stored: dict[str, Any]) -> RunConfig:
    """A run of one checkpoint for each of ``stored``, named a.pth, b.pth, …"""
    paths = []
    for name, facts in zip("abcdef", stored, strict=False):
        paths.append(folder / f"{name}.pth")
        torch.save({"state_dict": {"w": torch.ones(2)}} | facts, paths[-1])
    return RunConfig(tuple(paths), folder, folder)


def test_without_a_word_it_is_the_usual(tmp_path: Path) -> None:
    settled = settle(config(tmp_path, {}))
    assert settled.preprocessing.crop == Crop(256, 224)
    assert settled.preprocessing.normalization == Normalization(IMAGENET_MEAN, IMAGENET_STD)
    assert settled.notices == ()


def test_what_is_stored_is_used_and_said(tmp_path: Path) -> None:
    facts = {"resize_size": 96, "crop_size": torch.tensor([84, 84]), "std": [0.5, 0.25, 1]}
    facts["mean"] = torch.tensor([0.5, 0.406, 0.225]).view(3, 1, 1)
    asked = config(tmp_path, facts, {})
    settled = settle(asked)
    assert settled.preprocessing.crop == Crop(96, 84)
    assert settled.preprocessing.normalization == Normalization(
        (0.5, 0.406, 0.225), (0.5, 0.25, 1.0)
    )
    (said,) = settled.notices
    assert "--resize_size 96 --crop_size 84 --mean 0.5 0.406 0.225 --std 0.5 0.25 1" in said

    settled = settle(replace(asked, crop_size=90, std=(1.0, 1.0, 1.0), resize_mode="square"))
    assert settled.preprocessing.crop == Crop(96, 90, "square")
    assert settled.preprocessing.normalization.std == (1.0, 1.0, 1.0)
    assert "shown with --crop_size 84 --std 0.5 0.25 1, and this run's flags" in settled.notices[1]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"resize_size": 96}, Crop(96, 96)),
        ({"crop_size": 384}, Crop(384, 384)),
        ({"crop_size": 96}, Crop(256, 96)),
        ({"resize_size": 300}, Crop(300, 224)),
    ],
)
def test_one_size_alone_never_leaves_a_black_frame(
    flags: dict[str, int], expected: Crop, tmp_path: Path
) -> None:
    asked = config(tmp_path, {})
    assert settle(replace(asked, **flags)).preprocessing.crop == expected  # type: ignore[arg-type]
    assert settle(config(tmp_path, flags)).preprocessing.crop == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resize_size", "large"),
        ("crop_size", 0),
        ("crop_size", 22.5),
        ("crop_size", True),
        ("crop_size", [224, 256]),
        ("crop_size", torch.zeros(3, 2)),
        ("resize_size", 10**9),
        ("mean", [123.7, 116.3, 103.5]),
        ("std", [0.0, 0.1, 0.1]),
        ("std", [float("nan")] * 3),
    ],
)
def test_what_cannot_be_used_is_named_with_its_flag(key: str, value: Any, tmp_path: Path) -> None:
    asked = config(tmp_path, {key: value})
    with pytest.raises(TracInError, match=rf"stores {key} = .*--{key}") as caught:
        settle(asked)
    assert "\n" not in str(caught.value)
    flag: Any = (0.5, 0.5, 0.5) if key in ("mean", "std") else 96
    settled = settle(replace(asked, **{key: flag}))
    part = settled.preprocessing.crop if "size" in key else settled.preprocessing.normalization
    assert getattr(part, key) == flag


@pytest.mark.parametrize("value", [0.93, True, [0.5, 0.5], {"r": 1}, "0.5", torch.ones(2048)])
def test_other_things_under_these_names_are_passed_over(value: Any, tmp_path: Path) -> None:
    """A mean accuracy is no mean of pixels."""
    settled = settle(config(tmp_path, {"mean": value, "std": value}))
    assert settled.preprocessing.normalization == Normalization(IMAGENET_MEAN, IMAGENET_STD)
    assert settled.notices == ()


@pytest.mark.parametrize(
    ("stored", "flags", "expected"),
    [
        ((256, 224), {"resize_size": 64}, Crop(64, 64)),
        ((64, 64), {"resize_size": 32}, Crop(32, 32)),
        ((256, 224), {"crop_size": 448}, Crop(448, 448)),
        ((256, 224), {"crop_size": 96}, Crop(256, 96)),
    ],
)
def test_a_flag_beside_a_stored_size_leaves_no_black_frame(
    stored: tuple[int, int], flags: dict[str, Any], expected: Crop, tmp_path: Path
) -> None:
    facts = dict(zip(("resize_size", "crop_size"), stored, strict=True))
    asked = replace(config(tmp_path, facts), **flags)
    assert settle(asked).preprocessing.crop == expected


def test_a_float32_of_a_number_is_that_number(tmp_path: Path) -> None:
    asked = config(tmp_path, {"mean": torch.tensor(IMAGENET_MEAN)}, {"mean": [*IMAGENET_MEAN]})
    assert settle(asked).preprocessing.normalization.mean == IMAGENET_MEAN
    assert settle(replace(asked, mean=IMAGENET_MEAN)).notices == ()


def test_checkpoints_that_disagree_are_not_mixed(tmp_path: Path) -> None:
    asked = config(tmp_path, {"crop_size": 96}, {}, {"crop_size": 128})
    with pytest.raises(TracInError, match=r"a.pth stores crop_size = 96.*c.pth stores 128"):
        settle(asked)
    assert settle(replace(asked, crop_size=96)).preprocessing.crop.crop_size == 96


def test_checkpoints_stand_in_the_order_of_the_training(tmp_path: Path) -> None:
    """A shell puts epoch 100 before 20; rates go with their checkpoints."""
    asked = config(tmp_path, {"epoch": 100}, {"epoch": 20}, {"epoch": torch.tensor(80)})
    settled = settle(replace(asked, learning_rates=(1.0, 2.0, 3.0)))
    assert [path.name for path in settled.model_paths] == ["b.pth", "c.pth", "a.pth"]
    assert settled.rates == (2.0, 3.0, 1.0)
    assert "b.pth, c.pth and a.pth" in settled.notices[0]
    asked = config(tmp_path, {"epoch": 100}, {}, {"epoch": 80})
    assert [path.name for path in settle(asked).model_paths] == ["a.pth", "b.pth", "c.pth"]
    assert settle(asked).notices == ()


def other_network(folder: Path, name: str, facts: dict[str, Any]) -> RunConfig:
    state = models.get_model(name, num_classes=3).state_dict()
    torch.save({"state_dict": state} | facts, folder / f"{name}.pth")
    return RunConfig((folder / f"{name}.pth",), folder, folder)


def test_other_networks_are_shown_images_as_their_pretrained_weights(tmp_path: Path) -> None:
    """Unless the checkpoint, or a flag, says otherwise."""
    asked = other_network(tmp_path, "efficientnet_b0", {})
    settled = settle(asked)
    assert (settled.architecture, settled.feature_width) == ("efficientnet_b0", 1280)
    assert settled.preprocessing == Preprocessing(Crop(256, 224, interpolation="bicubic"))
    (said,) = settled.notices
    assert "torchvision efficientnet_b0, as its weights tell; images" in said
    assert said.endswith("--interpolation bicubic.")

    stored = {"interpolation": "lanczos", "mean": [0.5, 0.5, 0.5], "crop_size": 96}
    asked = other_network(tmp_path, "efficientnet_b0", stored)
    shown = settle(asked).preprocessing
    assert shown.crop == Crop(256, 96, interpolation="lanczos")
    assert shown.normalization == Normalization((0.5, 0.5, 0.5), IMAGENET_STD)
    settled = settle(replace(asked, interpolation="nearest", architecture="efficientnet_b0"))
    assert settled.preprocessing.crop == Crop(256, 96, interpolation="nearest")
    assert settled.as_stored == shown
    assert "--interpolation lanczos, and this run's flags say otherwise" in settled.notices[-1]
    assert "as --architecture says" in settled.notices[0]


def test_a_stored_interpolation_that_we_do_not_know_is_passed_over(tmp_path: Path) -> None:
    assert settle(config(tmp_path, {"interpolation": "random"})).preprocessing == Preprocessing()


def test_two_architectures_are_not_summed(tmp_path: Path) -> None:
    first, second = (
        other_network(tmp_path, name, {}).model_paths[0]
        for name in ("mobilenet_v3_small", "shufflenet_v2_x0_5")
    )
    asked = RunConfig((first, second), tmp_path, tmp_path)
    with pytest.raises(TracInError, match=r"mobilenet_v3_small, and .* a torchvision shufflenet"):
        settle(asked)


def test_an_architecture_that_there_is_not(tmp_path: Path) -> None:
    asked = replace(config(tmp_path, {}), architecture="resnet5")
    with pytest.raises(TracInError, match=r"no architecture resnet5 .*resnet50"):
        settle(asked)
