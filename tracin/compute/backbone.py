"""How the forward pass is run: the backbone as a function from pixels to pooled features.

Batch norm is folded into the convolutions before it, and memory is laid out channels-last. On the
CPU images go through in small chunks of one size, the last one padded: that is fastest, and an
image's feature does not depend on its batch.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import Bottleneck

from tracin.compute.checkpoint import FEATURE_WIDTH
from tracin.compute.data import normalize

CPU_CHUNK = 8
"""Images that go through the CPU at a time: their activations stay near the processor's cache."""


def fold_batch_norm(backbone: nn.Module) -> nn.Module:
    """A copy of the ResNet50 backbone with every batch norm folded into its convolution.

    The same function in exact arithmetic; in float32 features differ by about 1e-6 of their size.
    """
    folded = copy.deepcopy(backbone)
    _fold(folded, "conv1", "bn1")
    for module in folded.modules():
        if isinstance(module, Bottleneck):
            for number in ("1", "2", "3"):
                _fold(module, f"conv{number}", f"bn{number}")
            if module.downsample is not None:
                _fold(module.downsample, "0", "1")
    return folded


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    conv, batch_norm = getattr(parent, convolution), getattr(parent, norm)
    setattr(parent, convolution, fuse_conv_bn_eval(conv, batch_norm))
    setattr(parent, norm, nn.Identity())


@dataclass(frozen=True)
class Forward:
    """A backbone made ready for one device and precision."""

    module: nn.Module
    device: torch.device
    dtype: torch.dtype

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pooled features (n, 2048), float32, on the CPU, of uint8 pixels (n, 3, h, w)."""
        with torch.inference_mode():
            if self.device.type != "cpu":
                return self._features(pixels.to(self.device, non_blocking=True)).cpu()
            features = torch.empty(len(pixels), FEATURE_WIDTH)
            for start in range(0, len(pixels), CPU_CHUNK):
                chunk = pixels[start : start + CPU_CHUNK]
                features[start : start + CPU_CHUNK] = self._features(_padded(chunk))[: len(chunk)]
            return features

    def _features(self, pixels: Tensor) -> Tensor:
        images = normalize(pixels).to(self.dtype, memory_format=torch.channels_last)
        features: Tensor = self.module(images)
        return features.float()


def _padded(chunk: Tensor) -> Tensor:
    missing = CPU_CHUNK - len(chunk)
    return torch.cat([chunk, chunk[:1].expand(missing, -1, -1, -1)]) if missing else chunk


def prepare_forward(backbone: nn.Module, device: torch.device, precision: str) -> Forward:
    """The backbone ready to run.

    Args:
        backbone: of a checkpoint, float32, in eval mode.
        device: to run on.
        precision: "float32", or "bfloat16" for the backbone; features are float32 in any case.
    """
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    folded = fold_batch_norm(backbone).to(memory_format=torch.channels_last)
    return Forward(folded.to(device, dtype), device, dtype)
