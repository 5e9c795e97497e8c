"""Checkpoints + images → factors of both splits: each backbone runs once per image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from tracin.compute import notices
from tracin.compute.config import RunConfig
from tracin.compute.features.loading import Loaded
from tracin.compute.features.pace import Pace
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.training_settings import training_settings
from tracin.compute.passed import Passed, PassedImages
from tracin.compute.precision import precision_error
from tracin.compute.record import Stopwatch, checkpoint_info
from tracin.compute.run_images import RunImages
from tracin.compute.scores.factors import compute_factors
from tracin.compute.settle import Settled
from tracin.errors import TracInError
from tracin.images import Preprocessing
from tracin.loss import Loss
from tracin.machine.device import default_workers
from tracin.machine.processes import Processes
from tracin.wording import Say


def pass_settings(
    config: RunConfig, preprocessing: Preprocessing, processes: Processes, pace: Pace | None
) -> PassSettings:
    """How the run's images come to the forward pass."""
    workers = config.num_workers
    if workers is None:
        workers = default_workers(processes.device, processes.on_machine)
    return PassSettings(
        batch_size=config.batch_size,
        num_workers=workers,
        preprocessing=preprocessing,
        skip_unreadable=config.skip_unreadable,
        processes=processes,
        pace=pace,
    )


def pass_checkpoints(
    config: RunConfig,
    settled: Settled,
    images: RunImages,
    load: Callable[[Path], Loaded],
    settings: PassSettings,
    say: Say,
) -> Passed:
    """Pass the images through each checkpoint in turn; return what came out.

    Args:
        config: what is asked for.
        settled: the checkpoints and their learning rates.
        images: of the run.
        load: reads a checkpoint.
        settings: of the passes.
        say: where notices go.

    Raises:
        TracInError: a checkpoint or an image cannot be used.
    """
    train = PassedImages(images.train, found=len(images.all_train))
    test = PassedImages(images.test, found=len(images.all_test))
    stopwatch, infos, backbone, error = Stopwatch(), [], "", None
    for path, rate in zip(settled.model_paths, settled.rates, strict=True):
        loaded = load(path)
        trained = training_settings(
            loaded.checkpoint,
            images.all_train,
            learning_rate=rate,
            label_smoothing=config.label_smoothing,
            class_weights=config.class_weights,
        )
        infos.append(checkpoint_info(loaded.checkpoint, trained))
        say(notices.checkpoint(infos[-1]))
        if said := notices.reordered_classes(loaded.checkpoint, images.train.class_names):
            say(said)
        with open_store(config, settings.processes) as store:
            passing = _Passing(loaded, trained.loss, settings, store, stopwatch)
            train = _pass_through(passing, train, divide=True)
            test = _pass_through(passing, test, divide=False)
            if config.precision != "float32" and error is None:
                with stopwatch.step("precision"):
                    error = precision_error(
                        loaded.checkpoint, (train, test), trained.loss, settings, store
                    )
                say(notices.precision(config.precision, error))
        last, backbone = loaded.checkpoint, loaded.forward.ran or backbone
    return Passed(
        train=train,
        test=test,
        checkpoints=tuple(infos),
        architecture=last.architecture,
        layer=last.layer,
        from_module=last.from_module,
        backbone=backbone,
        precision_error=error,
        seconds=stopwatch.seconds,
    )


@dataclass(frozen=True)
class _Passing:
    """What the passes of one checkpoint have in common."""

    loaded: Loaded
    loss: Loss
    settings: PassSettings
    store: FeatureStore | None
    stopwatch: Stopwatch


def _pass_through(passing: _Passing, images: PassedImages, *, divide: bool) -> PassedImages:
    """Pass the images of one split through one checkpoint; return them with its factors.

    The first checkpoint's pass leaves out the images that cannot be read.

    Args:
        passing: the checkpoint, and how it is passed through.
        images: of the split.
        divide: each process keeps a part of what comes out; else all keep the whole.
    """
    loaded, settings = passing.loaded, passing.settings
    with passing.stopwatch.step("features"):
        features = pooled_features(
            loaded.forward, images.table, settings, passing.store, divide=divide
        )
    table = images.table
    if features.skipped:
        if images.factors:
            raise TracInError(
                f"{features.skipped[0].path} could be read for the first checkpoint but no longer "
                "can. Run again once nothing changes the data folder any more."
            )
        table = table.take(features.rows.numpy())
    with passing.stopwatch.step("factors"):
        device = settings.processes.device
        labels = torch.from_numpy(table.labels[features.held.rows]).to(device)
        values = features.values.to(device)
        factors = compute_factors(loaded.checkpoint, values, labels, passing.loss)
    return PassedImages(
        table=table,
        found=images.found,
        factors=(*images.factors, factors),
        features=features.values,
        hashes=features.hashes,
        skipped=images.skipped + features.skipped,
        kept=images.kept + features.kept,
        divided=features.held,
    )


@contextmanager
def open_store(config: RunConfig, processes: Processes) -> Iterator[FeatureStore | None]:
    """Open the store of kept features; yield None where the user wants none."""
    if config.features_dir is None:
        yield None
        return
    if processes.local_rank > 0:
        processes.wait()  # until the first of this machine has made the file
    store = FeatureStore(config.features_dir, processes.machine, processes.machines)
    if processes.local_rank == 0:
        processes.wait()
    with store:
        yield store
