"""What the passes bring: the images of both splits with their factors, and how they were made."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tracin.compute.scores.factors import Factors
from tracin.hashing import HASH_BYTES
from tracin.images import ImageTable
from tracin.machine.held_rows import HeldRows
from tracin.results.run_info import CheckpointInfo, PrecisionError, SkippedImage


@dataclass(frozen=True)
class PassedImages:
    """The images of one split, and what the checkpoints so far made of them."""

    table: ImageTable
    """After the first checkpoint without the images that cannot be read."""
    found: int
    """Images in the folder, before the subset was drawn."""
    factors: tuple[Factors, ...] = ()
    """Of the m images that this process holds, one entry per checkpoint."""
    features: Tensor = field(default_factory=lambda: torch.empty(0))
    """(m, width), float32, on the CPU: pooled features of the last checkpoint."""
    hashes: Tensor = field(default_factory=lambda: torch.empty(0, 2, HASH_BYTES, dtype=torch.uint8))
    """(m, 2, ``HASH_BYTES``), uint8: of each file, and of the picture in it."""
    skipped: tuple[SkippedImage, ...] = ()
    kept: int = 0
    """Forward passes that the kept features saved."""
    divided: HeldRows | None = None
    """Which images this process holds; None: all."""

    @property
    def held(self) -> HeldRows:
        """Which images this process holds."""
        return self.divided or HeldRows.alone(len(self.table))


@dataclass(frozen=True)
class Passed:
    """All that scores, tables and the record need to know of the passes."""

    train: PassedImages
    test: PassedImages
    checkpoints: tuple[CheckpointInfo, ...]
    architecture: str
    """Of the last checkpoint."""
    layer: str
    """Name of the scored layer in the last checkpoint."""
    from_module: bool
    """Whether the network was handed over in Python."""
    backbone: str
    """How the forward pass was run; "" where all features were kept."""
    precision_error: PrecisionError | None
    """None in float32."""
    seconds: dict[str, float]
    """By step."""
