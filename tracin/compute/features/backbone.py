"""How the forward pass is run: the backbone as a function from pixels to pooled features.

Batch norm is folded into the convolutions before it, memory is laid out channels-last, and on an
x86 processor the whole is fused, where the first images prove that this changes nothing. On the CPU
images go through in small chunks of one size, the last one padded: small ones were fastest, and an
image's feature does not depend on its batch.
"""

from __future__ import annotations

import copy
import functools
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from tqdm import tqdm

from tracin.compute.features import fused
from tracin.compute.features.store import weights_hash
from tracin.compute.model.network import FEATURE_WIDTH, Backbone
from tracin.errors import TracInError
from tracin.images import Normalization, normalize
from tracin.machine.refusals import is_lack_of_memory
from tracin.vision import models
from tracin.wording import first_sentence

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
    """A copy of the backbone with every batch norm folded into the convolution that is defined
    right before it.

    In a ResNet these follow each other; whether they do elsewhere is seen from the features. The
    same function in exact arithmetic; in float32 features differ by about 1e-6 of their size.
    """
    folded = copy.deepcopy(backbone)
    for module in [*folded.modules()]:
        for (name, layer), (next_name, norm) in itertools.pairwise([*module.named_children()]):
            # Not their subclasses, which do more.
            if type(layer) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                _fold(module, name, next_name)
    return folded


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    conv, batch_norm = getattr(parent, convolution), getattr(parent, norm)
    if conv.out_channels == batch_norm.num_features and batch_norm.running_mean is not None:
        setattr(parent, convolution, fuse_conv_bn_eval(conv, batch_norm))
        setattr(parent, norm, nn.Identity())


@dataclass(frozen=True)
class Pending:
    """Features that a GPU may still be computing."""

    _features: Tensor
    _done: torch.cuda.Event | None

    def result(self) -> Tensor:
        """Pooled features (n, width), float32, on the CPU, once they are there."""
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
            backbone: images (n, 3, h, w) → pooled features; as wide as ResNet50's where it is no
                ``Backbone`` and does not say.
            device: where it shall run.
            precision: "float32" or "bfloat16".
            normalization: of its input; None: ImageNet's.
            fuse: where that can be done. It takes seconds for each size of images.
        """
        self.backbone, self.device, self.precision = backbone, device, precision
        self.width = backbone.width if isinstance(backbone, Backbone) else FEATURE_WIDTH
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
        """Pooled features (n, width), float32, on the CPU, of uint8 pixels (n, 3, h, w).

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
            pooled = torch.cat(parts) if parts else torch.empty(0, self.width)
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
        except (RuntimeError, AssertionError, ValueError) as error:
            # MPS has no class of its own for this
            if isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error):
                return None
            if self.ran or is_lack_of_memory(error):
                raise
            raise _unfit(chunk, error) from error

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
        plain, expected = self._folded(images)
        if self._fuse and fused.can_fuse(self.device):
            try:
                fast, features = fused.fuse(plain, images)
            except Exception as error:  # torch.jit documents none
                fact = (str(error).strip() or type(error).__name__).splitlines()[0]
                _fall_back(f"The fused backbone cannot be made ({fact})")
            else:
                if _agree("fused", features, expected):
                    self._function, self.ran = fast, FUSED
                    return features
        self._function, self.ran = plain, PLAIN
        return expected

    def _folded(self, images: Tensor) -> tuple[nn.Module, Tensor]:
        """The backbone with batch norm folded, unless that changes it, and its features.

        Seen in float32, where rounding hides nothing.
        """
        folded = fold_batch_norm(self.backbone)
        network = getattr(self.backbone, "network", self.backbone)
        if type(network) is not models.ResNet and _is_folded(folded, self.backbone):
            modules = (folded, copy.deepcopy(self.backbone))
            sides = [self._ready(each, torch.float32)(images.float()) for each in modules]
            if not _agree("folded", *sides):
                folded = modules[1]
        plain = self._ready(folded, self._dtype)
        return plain, plain(images)

    def _ready(self, module: nn.Module, dtype: torch.dtype) -> nn.Module:
        return module.to(memory_format=torch.channels_last).to(self.device, dtype)

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


def _unfit(images: Tensor, error: Exception) -> TracInError:
    """What is said where the first images do not go through: vision transformers take one size."""
    height, width = images.shape[2:]
    return TracInError(
        f"The network cannot be run on images of {height} × {width} pixels "
        f"({first_sentence(error)}). Show it others with --resize_size and --crop_size."
    )


def _agree(kind: str, features: Tensor, expected: Tensor) -> bool:
    """Whether ``features`` are those expected but for rounding; say so where not."""
    exact = expected.float()
    difference = float((features.float() - exact).norm() / exact.norm())
    if difference <= TOLERANCE[expected.dtype]:
        return True
    _fall_back(f"The {kind} backbone differs from the plain one by {difference:.1e}")
    return False


def _is_folded(folded: nn.Module, backbone: nn.Module) -> bool:
    norms = [
        sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())
        for module in (folded, backbone)
    ]
    return norms[0] < norms[1]


def _fall_back(reason: str) -> None:
    tqdm.write(f"{reason}: going on with the plain one.", file=sys.stderr)


def _padded(chunk: Tensor) -> Tensor:
    missing = CPU_CHUNK - len(chunk)
    return torch.cat([chunk, chunk[:1].expand(missing, -1, -1, -1)]) if missing else chunk
