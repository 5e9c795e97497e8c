"""What is put on record about a run, beside its scores."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torchvision

from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.model.training_settings import TrainingSettings
from tracin.compute.scores.factors import Factors
from tracin.results.run_info import CheckpointInfo


class Stopwatch:
    """Seconds spent in named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the block's time to the step ``name``."""
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)

    def stop(self) -> dict[str, float]:
        """The seconds of each step and in total."""
        return {**self.seconds, "total": round(time.perf_counter() - self._start, 3)}


def checkpoint_info(checkpoint: Checkpoint, trained: TrainingSettings) -> CheckpointInfo:
    """The record of one checkpoint."""
    return CheckpointInfo(
        path=str(checkpoint.path.resolve()),
        sha256=checkpoint.sha256,
        learning_rate=trained.learning_rate,
        learning_rate_source=trained.source,
        label_smoothing=trained.loss.label_smoothing,
        class_weights=trained.loss.class_weights,
        head_widths=checkpoint.head_widths,
        head_activation=checkpoint.head_activation,
        head_activation_assumed=checkpoint.head_activation_assumed,
    )


def accuracy(factors: Factors) -> float:
    """Share, 0 to 1, of the images whose largest logit is their class."""
    right = (factors.logits.argmax(dim=1) == factors.labels).cpu()  # MPS has no float64
    return float(right.double().mean())


def versions() -> dict[str, str]:
    """Versions of what computes."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }
