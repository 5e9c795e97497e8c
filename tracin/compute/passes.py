"""Checkpoints + images → factors of both sides: each checkpoint's backbone runs once per image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tracin.compute import notices
from tracin.compute.config import RunConfig, Say
from tracin.compute.features.backbone import Forward
from tracin.compute.features.loading import Loaded
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.model.training_settings import training_settings
from tracin.compute.precision import precision_error
from tracin.compute.record import Stopwatch, checkpoint_info
from tracin.compute.scores.factors import Factors, compute_factors
from tracin.errors import TracInError
from tracin.images import ImageTable
from tracin.loss import Loss
from tracin.machine.processes import Processes
from tracin.results.run_info import CheckpointInfo, PrecisionError, SkippedImage


@dataclass
class SideState:
    """How far the training or the test images have come."""

    table: ImageTable
    found: int
    """Images in the folder, before the subset was drawn."""
    factors: list[Factors] = field(default_factory=list)
    """One entry per checkpoint."""
    features: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    """(n, 2048), pooled, of the last checkpoint that was passed."""
    skipped: tuple[SkippedImage, ...] = ()
    kept: int = 0
    """Forward passes that the kept features saved."""


@dataclass
class RunState:
    """How far the run has come."""

    config: RunConfig
    settings: PassSettings
    say: Say
    all_training: ImageTable
    train: SideState
    test: SideState
    load: Callable[[Path], Loaded]
    """Reads a checkpoint."""
    checkpoints: list[CheckpointInfo] = field(default_factory=list)
    layer: str = ""
    backbone: str = ""
    """How the forward pass was run."""
    precision_error: PrecisionError | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def sides(self) -> tuple[SideState, SideState]:
        """(training, test)."""
        return self.train, self.test


def pass_checkpoint(state: RunState, path: Path, rate: float | None) -> None:
    """Add one checkpoint's factors to both sides.

    Args:
        state: of the run.
        path: of the checkpoint.
        rate: its learning rate; None: what it stores, else the default.
    """
    config, processes = state.config, state.settings.processes
    loaded = state.load(path)
    checkpoint, forward = loaded.checkpoint, loaded.forward
    trained = training_settings(
        checkpoint,
        state.all_training,
        learning_rate=rate,
        label_smoothing=config.label_smoothing,
        class_weights=config.class_weights,
    )
    state.layer = checkpoint.layer
    state.checkpoints.append(checkpoint_info(checkpoint, trained))
    state.say(notices.checkpoint(state.checkpoints[-1]))
    if warning := notices.other_sizes(checkpoint, config.crop):
        state.say(warning)
    with open_store(config, processes) as store:
        for side in state.sides:
            with state.stopwatch.step("features"):
                values = _take_features(side, forward, state.settings, store)
            with state.stopwatch.step("factors"):
                labels = torch.from_numpy(side.table.labels).to(processes.device)
                side.factors.append(
                    compute_factors(checkpoint, values.to(processes.device), labels, trained.loss)
                )
        if config.precision != "float32" and state.precision_error is None:
            _state_error(state, checkpoint, trained.loss, store)
    state.backbone = forward.ran or state.backbone


def _take_features(
    side: SideState, forward: Forward, settings: PassSettings, store: FeatureStore | None
) -> torch.Tensor:
    """The side's pooled features; the first pass leaves unreadable images out."""
    features = pooled_features(forward, side.table, settings, store)
    if features.skipped:
        if side.factors:
            raise TracInError(
                f"{features.skipped[0].path} could be read for the first checkpoint and cannot "
                "now. Run again when the data folder no longer changes."
            )
        side.table = side.table.take(features.rows.numpy())
        side.skipped = features.skipped
    side.features = features.values
    side.kept += features.kept
    return features.values


def _state_error(
    state: RunState, checkpoint: Checkpoint, loss: Loss, store: FeatureStore | None
) -> None:
    with state.stopwatch.step("precision"):
        state.precision_error = precision_error(
            checkpoint,
            [(side.table, side.features) for side in state.sides],
            loss,
            state.settings,
            store,
        )
    state.say(notices.precision(state.config.precision, state.precision_error))


@contextmanager
def open_store(config: RunConfig, processes: Processes) -> Iterator[FeatureStore | None]:
    """The store of kept features, or None where the user wants none."""
    if config.features_dir is None:
        yield None
        return
    if processes.place > 0:
        processes.wait()  # until the first of this machine has made the file
    store = FeatureStore(config.features_dir, processes.machine, processes.machines)
    if processes.place == 0:
        processes.wait()
    with store:
        yield store
