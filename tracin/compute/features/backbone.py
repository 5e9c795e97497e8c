"""How the forward pass is run: the backbone as a function from pixels to pooled features.

Batch norm is folded into the convolutions before it, memory is laid out channels-last, and on an
x86 processor the whole is fused. On the CPU images go through in small chunks of one size, the last
one padded: small ones were fastest, and an image's feature does not depend on its batch.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import Bottleneck
from tqdm import tqdm

from tracin.compute.features import fused
from tracin.compute.features.store import weights_hash
from tracin.compute.model.checkpoint import FEATURE_WIDTH
from tracin.errors import TracInError
from tracin.images import Normalization, normalize

CPU_CHUNK = 8
"""Images that go through the CPU at a time: their activations stay near the processor's cache."""

BATCHES_IN_FLIGHT = 3
"""Batches that a GPU is given before the first of them is waited for."""

PLAIN, FUSED = "eager", "oneDNN graph"
"""Names of the two ways to run."""

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.05}
"""Largest ‖fused − plain‖ / ‖plain‖ that passes for rounding. Measured: 2e-6 and 0.01; a wrong
kernel is far above."""


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
class Pending:
    """Features that a GPU may still be computing."""

    _features: Tensor
    _done: torch.cuda.Event | None

    def result(self) -> Tensor:
        """Pooled features (n, 2048), float32, on the CPU, once they are there."""
        if self._done is not None:
            self._done.synchronize()
        return self._features


class Forward:
    """A backbone for one device and precision: pixels → pooled features.

    It makes itself ready at the first call, so that one that is never called costs nothing.
    """

    def __init__(
        self,
        backbone: nn.Module,
        device: torch.device,
        precision: str,
        normalization: Normalization | None = None,
        *,
        fuse: bool = True,
    ) -> None:
        """Nothing is made ready yet.

        Args:
            backbone: of a ResNet50.
            device: where it shall run.
            precision: "float32" or "bfloat16".
            normalization: of its input; None: ImageNet's.
            fuse: where that can be done. It takes seconds for each size of images.
        """
        self.backbone, self.device, self.precision = backbone, device, precision
        self.normalization, self._fuse = normalization or Normalization(), fuse
        self.ran = ""
        """How it runs, ``PLAIN`` or ``FUSED``; "" before the first call."""
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._chunk_size = CPU_CHUNK if device.type == "cpu" else sys.maxsize
        """Images that go through at a time; halved whenever they do not fit into memory."""
        self._function: Callable[[Tensor], Tensor] | None = None

    @functools.cached_property
    def weights(self) -> str:
        """The hash of the backbone's weights."""
        return weights_hash(self.backbone)

    @property
    def in_flight(self) -> int:
        """Batches to give it before waiting for the first."""
        return BATCHES_IN_FLIGHT if self.device.type == "cuda" else 0

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pooled features (n, 2048), float32, on the CPU, of uint8 pixels (n, 3, h, w).

        Raises:
            TracInError: a single image does not fit into the device's memory.
        """
        return self.start(pixels).result()

    def start(self, pixels: Tensor) -> Pending:
        """Start computing the same, and return without waiting for a GPU to finish.

        Raises:
            TracInError: a single image does not fit into the device's memory.
        """
        parts: list[Tensor] = []
        done = 0
        with torch.inference_mode():
            while done < len(pixels):
                chunk = pixels[done : done + self._chunk_size]
                features = self._features_if_room(chunk)
                if features is None:
                    self._halve(len(chunk))
                else:
                    parts.append(features)
                    done += len(chunk)
            pooled = torch.cat(parts) if parts else torch.empty(0, FEATURE_WIDTH)
        if self.device.type != "cuda":
            return Pending(pooled.cpu(), None)
        host = torch.empty(pooled.shape, pin_memory=True)
        host.copy_(pooled, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return Pending(host, event)

    def _features_if_room(self, chunk: Tensor) -> Tensor | None:
        """Pooled features of ``chunk``; None where it does not fit into memory.

        An exception that left this function would hold on to the memory.
        """
        try:
            return self._features(chunk)
        except RuntimeError as error:  # MPS has no class of its own for this
            if not (isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)):
                raise
            return None

    def _features(self, chunk: Tensor) -> Tensor:
        count = len(chunk)
        if self.device.type == "cpu":
            chunk = _padded(chunk)
        images = normalize(chunk.to(self.device, non_blocking=True), self.normalization)
        images = images.to(self._dtype, memory_format=torch.channels_last)
        features = self._prepare(images) if self._function is None else self._function(images)
        return features[:count].float()

    def _prepare(self, images: Tensor) -> Tensor:
        """Make the backbone ready for batches like ``images``; return the features of these.

        It is fused where that agrees with the plain backbone.
        """
        plain = fold_batch_norm(self.backbone).to(memory_format=torch.channels_last)
        plain = plain.to(self.device, self._dtype)
        expected: Tensor = plain(images)
        if self._fuse and fused.can_fuse(self.device):
            try:
                fast, features = fused.fuse(plain, images)
            except Exception as error:  # torch.jit documents none
                fact = (str(error).strip() or type(error).__name__).splitlines()[0]
                _fall_back(f"cannot be made ({fact})")
            else:
                exact = expected.float()
                difference = float((features.float() - exact).norm() / exact.norm())
                if difference <= TOLERANCE[self._dtype]:
                    self._function, self.ran = fast, FUSED
                    return features
                _fall_back(f"differs from the plain one by {difference:.1e}")
        self._function, self.ran = plain, PLAIN
        return expected

    def _halve(self, count: int) -> None:
        if count == 1:
            raise TracInError(
                f"A single image does not fit into the memory of {self.device}. End other programs "
                "that use it, or run with --device cpu."
            )
        self._chunk_size = count // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        tqdm.write(
            f"{count} images at a time do not fit into the memory of {self.device}: going on "
            f"with {self._chunk_size}.",
            file=sys.stderr,
        )


def _fall_back(reason: str) -> None:
    tqdm.write(f"The fused backbone {reason}: going on with the plain one.", file=sys.stderr)


def _padded(chunk: Tensor) -> Tensor:
    missing = CPU_CHUNK - len(chunk)
    return torch.cat([chunk, chunk[:1].expand(missing, -1, -1, -1)]) if missing else chunk
