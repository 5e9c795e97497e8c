"""The run of TracIn_Resnet50.py: images and checkpoints → the files in the results folder."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

import tracin
from tracin import results, staging
from tracin.compute import notices
from tracin.compute.checkpoint import Checkpoint, check_there, load_checkpoint
from tracin.compute.config import RunConfig, Say
from tracin.compute.data import ImageTable, draw_subset, find_images
from tracin.compute.device import choose_device, default_workers, device_name
from tracin.compute.factors import Factors, compute_factors
from tracin.compute.feature_store import STORE_FILE, FeatureStore, feature_key, file_states
from tracin.compute.features import PassSettings, pooled_features
from tracin.compute.gauss_newton import gauss_newton_scores
from tracin.compute.influence import tracin_scores
from tracin.compute.lookalikes import comparable
from tracin.compute.output import OutputSettings, Side, Written, write_files
from tracin.compute.plan import BYTES_PER_FEATURE, Plan, expected_bytes, free_bytes
from tracin.compute.precision import precision_error
from tracin.compute.record import Stopwatch, accuracy, checkpoint_info, versions
from tracin.compute.training_settings import training_settings
from tracin.errors import TracInError
from tracin.run_info import CheckpointInfo, PrecisionError, RunInfo, SkippedImage, write_run_info


@dataclass
class _Side:
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
class _Run:
    """How far the run has come."""

    config: RunConfig
    settings: PassSettings
    say: Say
    all_training: ImageTable
    train: _Side
    test: _Side
    checkpoints: list[CheckpointInfo] = field(default_factory=list)
    layer: str = ""
    precision_error: PrecisionError | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)


def run(config: RunConfig, say: Say) -> RunInfo | None:
    """What was done, after the files of the results folder have been written; None: a dry run.

    Raises:
        TracInError: a fact about the data, a checkpoint or the machine that the user can change.
    """
    rates = _rates_of_flag(config)
    state = _start(config, say)
    plan = _plan(config, state.train.table, state.test.table)
    say(plan.describe())
    plan.check_disk(config.output_dir)
    if config.dry_run:
        return None
    _check_output(config)
    if not comparable(state.train.table, state.test.table):
        say(notices.no_duplicates())
    if config.method == results.GAUSS_NEWTON and len(config.model_paths) > 1:
        say(notices.averaged_gauss_newton(len(config.model_paths)))
    for path, rate in zip(config.model_paths, rates, strict=True):
        _pass_checkpoint(state, path, rate)
    try:
        with staging.staged(config.output_dir) as folder:
            with state.stopwatch.step("influence"):
                written = _write(state, folder)
            info = _record(state, written)
            write_run_info(folder, info)
    except OSError as error:
        raise _unwritable(config.output_dir, error) from error
    return info


def _start(config: RunConfig, say: Say) -> _Run:
    settings = _pass_settings(config)
    found_train, found_test = find_images(config.data_dir)
    if found_test.split != "test":
        say(f"{config.data_dir} has no test/: the test images are those of {found_test.split}/.")
    train = _side(found_train, config.train_subset, config.seed, say)
    test = _side(found_test, config.test_subset, config.seed, say)
    return _Run(config, settings, say, found_train, train, test)


def _pass_checkpoint(state: _Run, path: Path, rate: float | None) -> None:
    """Add one checkpoint's factors to both sides; its weights are let go of at the end."""
    config = state.config
    checkpoint = load_checkpoint(path, state.all_training.class_names, config.head_activation)
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
    if config.precision != "float32" and state.precision_error is None:
        with state.stopwatch.step("precision"):
            state.precision_error = precision_error(
                checkpoint, state.train.table, state.test.table, trained.loss, state.settings
            )
        state.say(notices.precision(config.precision, state.precision_error))
    with _store(config) as store:
        for side in (state.train, state.test):
            with state.stopwatch.step("features"):
                values = _take_features(side, checkpoint, state.settings, store)
            with state.stopwatch.step("factors"):
                labels = torch.from_numpy(side.table.labels).to(state.settings.device)
                side.factors.append(compute_factors(checkpoint, values, labels, trained.loss))


def _take_features(
    side: _Side, checkpoint: Checkpoint, settings: PassSettings, store: FeatureStore | None
) -> torch.Tensor:
    """The side's pooled features on the device; the first pass leaves unreadable images out."""
    features = pooled_features(checkpoint.backbone, side.table, settings, store)
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
    return features.values.to(settings.device)


def _write(state: _Run, folder: Path) -> Written:
    """Figures of the results, after all files but run.json were written into ``folder``."""
    config, train, test = state.config, state.train, state.test
    if config.method == results.GAUSS_NEWTON:
        scores = gauss_newton_scores(train.factors, test.factors, config.damping)
    else:
        rates = [info.learning_rate for info in state.checkpoints]
        scores = tracin_scores(train.factors, test.factors, rates)
    settings = OutputSettings(
        top_k=config.top_k,
        max_suspects=config.max_suspects,
        crop=config.crop,
        normalize_proponents=config.method == results.TRACIN,
    )
    rows, columns = (Side(side.table, side.factors, side.features) for side in (train, test))
    return write_files(folder, rows, columns, scores, settings)


def _record(state: _Run, written: Written) -> RunInfo:
    config, train, test = state.config, state.train, state.test
    return RunInfo(
        tracin_version=tracin.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=config.command,
        method=config.method,
        damping=config.damping if config.method == results.GAUSS_NEWTON else None,
        data_dir=str(config.data_dir.resolve()),
        train_split=train.table.split,
        test_split=test.table.split,
        class_names=train.table.class_names,
        train_images=len(train.table),
        test_images=len(test.table),
        train_images_found=train.found,
        test_images_found=test.found,
        skipped=train.skipped + test.skipped,
        checkpoints=tuple(state.checkpoints),
        layer=state.layer,
        precision=config.precision,
        precision_error=state.precision_error,
        device=device_name(state.settings.device),
        batch_size=config.batch_size,
        num_workers=state.settings.num_workers,
        seed=config.seed,
        resize_size=config.crop.resize_size,
        crop_size=config.crop.crop_size,
        kept_features=train.kept + test.kept,
        top_k=config.top_k,
        suspects=written.suspects,
        score_min=float(written.figures.lowest.min()),
        score_max=float(written.figures.highest.max()),
        test_accuracy=accuracy(test.factors[-1]),
        seconds=state.stopwatch.stop(),
        versions=versions(),
    )


def _store(config: RunConfig) -> AbstractContextManager[FeatureStore | None]:
    return nullcontext() if config.features_dir is None else FeatureStore(config.features_dir)


def _check_output(config: RunConfig) -> None:
    """Find out before the passes, not after them, that the results cannot be written."""
    try:
        config.output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=config.output_dir):
            pass
    except OSError as error:
        raise _unwritable(config.output_dir, error) from error


def _unwritable(folder: Path, error: OSError) -> TracInError:
    return TracInError(
        f"Cannot write to {folder} ({error}). Make room there, or name another folder with "
        "--output_dir."
    )


def _plan(config: RunConfig, train: ImageTable, test: ImageTable) -> Plan:
    images, kept = len(train) + len(test), 0
    for path in config.model_paths:
        check_there(path)
    # Without a store there is nothing to look up, and no need to read the checkpoints twice.
    if config.features_dir is not None and (config.features_dir / STORE_FILE).exists():
        with FeatureStore(config.features_dir) as store:
            states = file_states(train) + file_states(test)
            for path in config.model_paths:
                checkpoint = load_checkpoint(path, train.class_names, config.head_activation)
                key = feature_key(checkpoint.backbone, config.crop, config.precision)
                kept += store.count(key, states)
    matrix, tables = expected_bytes(len(train), len(test), config.top_k)
    passes = images * len(config.model_paths)
    return Plan(
        train_images=len(train),
        test_images=len(test),
        kept=kept,
        passes=passes,
        matrix_bytes=matrix,
        table_bytes=tables,
        # A cache in another place is on a disk of its own, as far as is known.
        feature_bytes=(passes - kept) * BYTES_PER_FEATURE
        if config.use_cache and config.cache_dir is None
        else 0,
        free_bytes=free_bytes(config.output_dir),
    )


def _pass_settings(config: RunConfig) -> PassSettings:
    device = choose_device(config.device)
    workers = default_workers(device) if config.num_workers is None else config.num_workers
    return PassSettings(
        device=device,
        batch_size=config.batch_size,
        num_workers=workers,
        precision=config.precision,
        crop=config.crop,
        skip_unreadable=config.skip_unreadable,
    )


def _rates_of_flag(config: RunConfig) -> tuple[float | None, ...]:
    """One learning rate per checkpoint, None where the flag was not given."""
    rates: tuple[float | None, ...] = config.learning_rates or (None,)
    if len(rates) == 1:
        rates *= len(config.model_paths)
    if len(rates) != len(config.model_paths):
        raise TracInError(
            f"--learning_rate has {len(rates)} values for {len(config.model_paths)} checkpoints. "
            "Give one for each, or one for all."
        )
    return rates


def _side(found: ImageTable, size: int | None, seed: int, say: Say) -> _Side:
    if size is not None and size > len(found):
        say(f"--{_split_flag(found)} {size}: there are {len(found)} images, all are used.")
    table = draw_subset(found, size, seed)
    return _Side(table, len(found))


def _split_flag(table: ImageTable) -> str:
    return "train_subset" if table.split == "train" else "test_subset"
