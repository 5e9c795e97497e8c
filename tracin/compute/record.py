"""What is put on record about a run, beside its scores."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import torch

from tracin.compute.config import RunConfig
from tracin.compute.features.pooled import PassSettings
from tracin.compute.labels.judged import JudgedLabels
from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.model.training_settings import TrainingSettings
from tracin.compute.passed import Passed
from tracin.compute.scores.factors import Factors
from tracin.compute.scores.matrix_pass import Scored
from tracin.machine.device import device_name
from tracin.results import schema
from tracin.results.run_info import CheckpointInfo, RunInfo
from tracin.version import __version__
from tracin.vision import torchvision


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

    @property
    def total(self) -> float:
        """Seconds since the start, also those that belong to no step."""
        return round(time.perf_counter() - self._start, 3)


def checkpoint_info(checkpoint: Checkpoint, trained: TrainingSettings) -> CheckpointInfo:
    """The record of one checkpoint."""
    return CheckpointInfo(
        path=checkpoint.recorded_path,
        sha256=checkpoint.sha256,
        learning_rate=trained.learning_rate,
        learning_rate_source=trained.source,
        label_smoothing=trained.loss.label_smoothing,
        class_weights=trained.loss.class_weights,
        head_widths=checkpoint.head_widths,
        head_activation=checkpoint.head_activation,
        head_activation_assumed=checkpoint.head_activation_assumed,
    )


def run_info(
    config: RunConfig,
    settings: PassSettings,
    passed: Passed,
    scored: Scored,
    judged: JudgedLabels,
    seconds: Mapping[str, float],
) -> RunInfo:
    """The record of a run, with what was thought of the labels and the ``seconds`` by step."""
    train, test = passed.train, passed.test
    return RunInfo(
        tracin_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=config.command,
        method=config.method,
        damping=config.damping if config.method == schema.GAUSS_NEWTON else None,
        data_dir=str(config.data_dir.resolve()),
        layout=config.layout,
        train_split=train.table.split,
        test_split=test.table.split,
        class_names=train.table.class_names,
        train_images=len(train.table),
        test_images=len(test.table),
        train_images_found=train.found,
        test_images_found=test.found,
        skipped=train.skipped + test.skipped,
        left_out=train.table.left_out + test.table.left_out,
        checkpoints=passed.checkpoints,
        architecture=passed.architecture,
        layer=passed.layer,
        precision=config.precision,
        precision_error=passed.precision_error,
        device=device_name(settings.processes.device),
        batch_size=config.batch_size,
        num_workers=settings.num_workers,
        seed=config.seed,
        **asdict(settings.preprocessing.crop),
        **asdict(settings.preprocessing.normalization),
        kept_features=train.kept + test.kept,
        top_k=config.top_k,
        suspects=len(judged.suspects),
        test_suspects=len(judged.test_suspects),
        score_min=float(scored.figures.lowest.min()),
        score_max=float(scored.figures.highest.max()),
        test_accuracy=accuracy(test.factors[-1]),
        seconds=dict(seconds),
        versions=versions(),
        matrix=config.matrix,
        backbone=passed.backbone,
        processes=settings.processes.count,
        from_module=passed.from_module,
        inputs_from=train.table.inputs.name if train.table.inputs else "",
        features_dir=str(config.cache_dir.resolve())
        if config.cache_dir and config.use_cache
        else "",
        model_check=judged.check,
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
