"""How the forward pass is run: the backbone as a function from pixels to pooled features.

Batch norm is folded into the convolutions before it, and memory is laid out channels-last. On the
CPU images go through in small chunks of one size, the last one padded: small ones were
fastest where this was specified, and an image's feature does not depend on its batch.
"""

from __future__ import annotations

import copy
import sys

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import Bottleneck
from tqdm import tqdm

from tracin.compute.checkpoint import FEATURE_WIDTH
from tracin.compute.data import normalize
from tracin.errors import TracInError

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


class Forward:
    """A backbone made ready for one device and precision: pixels → pooled features."""

    def __init__(self, module: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        self._module, self._device, self._dtype = module, device, dtype
        self._most = CPU_CHUNK if device.type == "cpu" else sys.maxsize
        """Images that go through at a time; halved whenever the device's memory does not do."""

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pooled features (n, 2048), float32, on the CPU, of uint8 pixels (n, 3, h, w).

        Raises:
            TracInError: the device's memory does not do for a single image.
        """
        features = torch.empty(len(pixels), FEATURE_WIDTH)
        done = 0
        with torch.inference_mode():
            while done < len(pixels):
                chunk = pixels[done : done + self._most]
                try:
                    features[done : done + len(chunk)] = self._features(chunk).cpu()
                except torch.OutOfMemoryError as error:
                    self._halve(len(chunk), error)
                else:
                    done += len(chunk)
        return features

    def _features(self, chunk: Tensor) -> Tensor:
        count = len(chunk)
        if self._device.type == "cpu":
            chunk = _padded(chunk)
        images = normalize(chunk.to(self._device, non_blocking=True))
        features: Tensor = self._module(images.to(self._dtype, memory_format=torch.channels_last))
        return features[:count].float()

    def _halve(self, count: int, error: Exception) -> None:
        if count == 1:
            raise TracInError(
                f"The memory of {self._device} does not do for a single image. Free it, or use "
                "--device cpu."
            ) from error
        self._most = count // 2
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        tqdm.write(
            f"The memory of {self._device} does not do for {count} images at a time: going on "
            f"with {self._most}.",
            file=sys.stderr,
        )


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
