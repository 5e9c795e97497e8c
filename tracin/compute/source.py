"""Where a run's images and networks come from: files, as the script names them, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from tracin.compute.config import RunConfig
from tracin.compute.features.loading import Loaded, checkpoint_loader
from tracin.compute.run_images import RunImages, find_run_images
from tracin.compute.settle import Settled, settle
from tracin.images import Normalization
from tracin.wording import Say

Load = Callable[[Path], Loaded]
"""Reads a checkpoint, by its name in the run."""


class Source(Protocol):
    """What a run asks for its images and networks, in this order."""

    def images(self, say: Say) -> RunImages:
        """The images of the run."""

    def settle(self) -> Settled:
        """The checkpoints, and how images are shown to them."""

    def loader(
        self, normalization: Normalization, class_names: Sequence[str], device: torch.device
    ) -> AbstractContextManager[Load]:
        """What reads a checkpoint, as long as the passes may need it."""


@dataclass(frozen=True)
class Files:
    """Folders or lists of images, and checkpoint files: what the flags name."""

    config: RunConfig

    def images(self, say: Say) -> RunImages:
        """See ``find_run_images``."""
        return find_run_images(self.config, say)

    def settle(self) -> Settled:
        """See ``settle``."""
        return settle(self.config)

    def loader(
        self, normalization: Normalization, class_names: Sequence[str], device: torch.device
    ) -> AbstractContextManager[Load]:
        """See ``checkpoint_loader``."""
        return checkpoint_loader(self.config, normalization, class_names, device)
