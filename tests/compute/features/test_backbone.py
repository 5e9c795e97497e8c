"""The prepared forward pass against the plain model."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tracin.compute.features import backbone, fused
from tracin.compute.features.backbone import FUSED, PLAIN, Forward, fold_batch_norm
from tracin.compute.features.fused import can_fuse
from tracin.errors import TracInError
from tracin.images import normalize

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def resnet(model: nn.Module) -> nn.Module:
    headless = copy.deepcopy(model)
    headless.fc = nn.Identity()
    return headless.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (11, 3, 40, 40), dtype=torch.uint8, generator=generator)


def test_folding_changes_nothing_but_rounding(resnet: nn.Module, pixels: Tensor) -> None:
    folded = fold_batch_norm(resnet)
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m for m in resnet.modules() if isinstance(m, nn.BatchNorm2d)]  # the original is whole
    exact = copy.deepcopy(resnet).double()(normalize(pixels).double())
    difference = (folded(normalize(pixels)) - exact).abs().max()
    assert difference < 1e-5 * exact.abs().max()


def test_features_do_not_depend_on_the_batch(resnet: nn.Module, pixels: Tensor) -> None:
    """Bit for bit, so that a run resumed in other batches equals an uninterrupted one."""
    forward = Forward(resnet, CPU, "float32")
    together = forward(pixels)
    assert torch.equal(torch.cat([forward(part) for part in pixels.split(3)]), together)
    assert torch.equal(forward(pixels.flip(0)).flip(0), together)


def test_bfloat16_states_its_error(resnet: nn.Module, pixels: Tensor) -> None:
    exact = Forward(resnet, CPU, "float32")(pixels)
    rounded = Forward(resnet, CPU, "bfloat16")(pixels)
    assert rounded.dtype == torch.float32
    error = (rounded - exact).norm() / exact.norm()
    assert 1e-5 < error < 0.03  # bfloat16 keeps 8 bits: 0.4 % a step


@pytest.mark.skipif(not can_fuse(CPU), reason="oneDNN's graph compiler is for x86")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.03)])
def test_the_fused_backbone_is_the_plain_model(
    resnet: nn.Module, pixels: Tensor, precision: str, tolerance: float
) -> None:
    forward = Forward(resnet, CPU, precision)
    assert forward.ran == ""
    features = forward(pixels).double()
    assert forward.ran == FUSED
    exact = copy.deepcopy(resnet).double()(normalize(pixels).double())
    assert (features - exact).norm() < tolerance * exact.norm()


def test_a_wrong_or_failing_fused_backbone_is_not_used(
    resnet: nn.Module,
    pixels: Tensor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fused, "can_fuse", lambda device: False)
    plain = Forward(resnet, CPU, "float32")
    expected = plain(pixels)
    assert plain.ran == PLAIN
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(fused, "can_fuse", lambda device: True)

    def broken(module: nn.Module, example: Tensor) -> fused.Function:
        raise RuntimeError("no such kernel\nat line 1")

    def wrong(module: nn.Module, example: Tensor) -> tuple[fused.Function, Tensor]:
        function = nn.Sequential(module, nn.Hardtanh(-1e-3, 1e-3))
        return function, function(example)

    def not_a_number(module: nn.Module, example: Tensor) -> tuple[fused.Function, Tensor]:
        return module, module(example) * torch.nan

    for fake, message in (
        (broken, "cannot be made (no such kernel): going on with the plain one."),
        (wrong, "differs from the plain one by 1.0e+00: going on"),
        (not_a_number, "differs from the plain one by nan: going on"),
    ):
        monkeypatch.setattr(fused, "fuse", fake)
        forward = Forward(resnet, CPU, "float32")
        assert torch.equal(forward(pixels), expected)
        assert forward.ran == PLAIN
        errors = capsys.readouterr().err
        assert message in errors
        assert len(errors.splitlines()) == 1


class Greedy(nn.Module):
    """Runs out of memory above a number of images."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.limit:
            raise torch.OutOfMemoryError
        return images.float().mean(dim=(2, 3)).repeat(1, 683)[:, :2048]


def test_out_of_memory_halves_the_batch(
    pixels: Tensor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone, "fold_batch_norm", lambda module: module)
    monkeypatch.setattr(fused, "can_fuse", lambda device: False)
    expected = Forward(Greedy(99), CPU, "float32")(pixels)
    monkeypatch.setattr(backbone, "_padded", lambda chunk: chunk)
    forward = Forward(Greedy(3), CPU, "float32")
    assert torch.equal(forward(pixels), expected)
    errors = capsys.readouterr().err
    assert "8 images at a time do not fit into the memory of cpu: going on with 4" in errors
    assert "going on with 2" in errors
    forward(pixels)
    assert capsys.readouterr().err == ""  # it remembers
    with pytest.raises(TracInError, match=r"A single image.*--device cpu"):
        Forward(Greedy(0), CPU, "float32")(pixels)


class FixedSize(nn.Module):
    """Takes images of one size, as a vision transformer does."""

    def forward(self, images: Tensor) -> Tensor:
        torch._assert(images.shape[2] == 64, "Wrong image height! Expected 64 but got 40!")
        return images.mean(dim=(2, 3)).repeat(1, 683)[:, :2048]


def test_images_of_a_size_that_the_network_does_not_take(pixels: Tensor) -> None:
    with pytest.raises(TracInError, match=r"40 × 40 pixels \(Wrong image height!.*--crop_size"):
        Forward(FixedSize(), CPU, "float32")(pixels)


class Shared(nn.Module):
    """What the convolution gives goes on by two ways, one of them past the batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 2048, 5), nn.BatchNorm2d(2048)
        nn.init.constant_(self.norm.weight, 3.0)

    def forward(self, images: Tensor) -> Tensor:
        found = self.conv(images)
        both: Tensor = found + self.norm(found)
        return both.mean(dim=(2, 3))


def test_a_batch_norm_that_cannot_be_folded_is_not(
    pixels: Tensor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "can_fuse", lambda device: False)
    torch.manual_seed(0)
    module = Shared().eval().requires_grad_(False)
    exact = copy.deepcopy(module).double()(normalize(pixels).double())
    features = Forward(module, CPU, "float32")(pixels)
    assert (features - exact).norm() < 1e-5 * exact.norm()
    assert "The folded backbone differs from the plain one" in capsys.readouterr().err
