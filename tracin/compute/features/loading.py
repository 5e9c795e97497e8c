"""Checkpoints ready to run; the last one is remembered as long as passes may need it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from tracin.architectures import find_name
from tracin.compute.config import RunConfig
from tracin.compute.features.backbone import Forward
from tracin.compute.model.checkpoint import Checkpoint, load_checkpoint
from tracin.images import Normalization


@dataclass(frozen=True)
class Loaded:
    """A checkpoint and its backbone for the device of the run."""

    checkpoint: Checkpoint
    forward: Forward


@contextmanager
def checkpoint_loader(
    config: RunConfig,
    normalization: Normalization,
    class_names: Sequence[str],
    device: torch.device,
) -> Iterator[Callable[[Path], Loaded]]:
    """Yield a function that reads a checkpoint and remembers the last one; forget it at the end.

    The plan needs the weights' hash before the passes need the weights: with one checkpoint, the
    usual case, it is read once for both. Scoring needs neither, and has their memory.
    """

    architecture = find_name(config.architecture) if config.architecture else ""

    @functools.lru_cache(maxsize=1)
    def load(path: Path) -> Loaded:
        checkpoint = load_checkpoint(path, class_names, config.head_activation, architecture)
        forward = Forward(checkpoint.backbone, device, config.precision, normalization)
        return Loaded(checkpoint, forward)

    try:
        yield load
    finally:
        load.cache_clear()
