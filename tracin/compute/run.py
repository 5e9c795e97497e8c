"""The run of TracIn_Resnet50.py: images and checkpoints → the files in the results folder."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from tqdm import tqdm

import tracin
from tracin.compute import notices
from tracin.compute.config import RunConfig, Say
from tracin.compute.features.backbone import Forward
from tracin.compute.features.loading import make_loader
from tracin.compute.features.pace import Pace
from tracin.compute.features.pooled import PassSettings
from tracin.compute.labels.lookalikes import comparable
from tracin.compute.passes import RunState, SideState, pass_checkpoint
from tracin.compute.plan import Plan, make_plan
from tracin.compute.record import accuracy, versions
from tracin.compute.scores.gauss_newton import gauss_newton_scores
from tracin.compute.scores.matrix_pass import Scored, ScoringSettings, score
from tracin.compute.scores.tracin import tracin_scores
from tracin.compute.tables import Side, write_tables
from tracin.errors import TracInError
from tracin.images import ImageTable, draw_subset, find_images
from tracin.machine.device import default_workers, device_name, has_bfloat16
from tracin.machine.processes import Processes, joined_processes
from tracin.results import schema, staging
from tracin.results.run_info import RunInfo, write_run_info


def run(config: RunConfig, say: Say) -> RunInfo | None:
    """What was done, after the files of the results folder have been written.

    None after a dry run, and in all processes of torchrun but the first.

    Raises:
        TracInError: a fact about the data, a checkpoint or the machine that the user can change.
    """
    with joined_processes(config.device) as processes:
        return _run(config, say if processes.first else _nowhere, processes)


def _nowhere(_sentence: str) -> None:
    """Takes the notices of all processes but the first."""


def _run(config: RunConfig, say: Say, processes: Processes) -> RunInfo | None:
    if not processes.first:
        processes.wait()  # until the first found nothing against the run: it alone says so
    rates = _rates_of_flag(config)
    state = _start(config, say, processes)
    if processes.first:
        plan = make_plan(config, state.train.table, state.test.table, state.load, processes)
        say(plan.describe())
        plan.check_disk(config.output_dir)
        if not config.dry_run:
            _check_output(config)
            _warn(state)
            state.settings = replace(state.settings, pace=_pace(state, plan))
        processes.wait()
    if config.dry_run:
        return None
    for path, rate in zip(config.model_paths, rates, strict=True):
        pass_checkpoint(state, path, rate)
    state.load = make_loader(config, state.all_training.class_names, processes.device)  # lets go
    if not processes.first:
        _score(state, None)
        processes.wait()  # torchrun counts a process that leaves minutes before another as lost
        return None
    try:
        with staging.staged(config.output_dir) as folder:
            with state.stopwatch.step("influence"):
                scored = _score(state, folder)
            with state.stopwatch.step("tables"):
                suspects = _write_tables(state, folder, scored)
            info = _record(state, scored, suspects)
            write_run_info(folder, info)
    except OSError as error:
        raise _unwritable(config.output_dir, error) from error
    processes.wait()
    return info


def _start(config: RunConfig, say: Say, processes: Processes) -> RunState:
    found_train, found_test = find_images(config.data_dir)
    if found_test.split != "test":
        say(f"{config.data_dir} has no test/: the test images are those of {found_test.split}/.")
    train = _side(found_train, config.train_subset, config.seed, say)
    test = _side(found_test, config.test_subset, config.seed, say)
    workers = config.num_workers
    if workers is None:
        workers = default_workers(processes.device, processes.on_machine)
    settings = PassSettings(
        batch_size=config.batch_size,
        num_workers=workers,
        crop=config.crop,
        skip_unreadable=config.skip_unreadable,
        processes=processes,
    )
    load = make_loader(config, found_train.class_names, processes.device)
    return RunState(config, settings, say, found_train, train, test, load)


def _warn(state: RunState) -> None:
    """Say before the passes what the user may want to know before them."""
    config = state.config
    if not comparable(state.train.table, state.test.table):
        state.say(notices.no_duplicates())
    if config.method == schema.GAUSS_NEWTON and len(config.model_paths) > 1:
        state.say(notices.averaged_gauss_newton(len(config.model_paths)))
    device = state.settings.processes.device
    if config.precision == "bfloat16" and device.type == "cpu" and not has_bfloat16(device):
        state.say(notices.slow_bfloat16())


def _pace(state: RunState, plan: Plan) -> Pace:
    def say(sentence: str) -> None:
        with tqdm.external_write_mode():  # not into the progress bar
            state.say(sentence)

    return Pace(plan.passes - plan.kept, say, _bfloat16_speed(state))


def _bfloat16_speed(state: RunState) -> Callable[[], float | None]:
    """A function → images per second in bfloat16, measured when called; None: no such gain here."""
    config, processes = state.config, state.settings.processes

    def measure() -> float | None:
        if config.precision != "float32" or not has_bfloat16(processes.device):
            return None
        backbone = state.load(config.model_paths[0]).checkpoint.backbone
        forward = Forward(backbone, processes.device, "bfloat16")
        size = config.crop.crop_size
        pixels = torch.zeros(config.batch_size, 3, size, size, dtype=torch.uint8)
        forward(pixels)  # makes it ready
        start = time.perf_counter()
        forward(pixels)
        return processes.count * len(pixels) / (time.perf_counter() - start)

    return measure


def _score(state: RunState, folder: Path | None) -> Scored:
    """What was gathered from the matrix, after its file was written into ``folder``."""
    config, train, test = state.config, state.train, state.test
    if config.method == schema.GAUSS_NEWTON:
        scores = gauss_newton_scores(train.factors, test.factors, config.damping)
    else:
        rates = [info.learning_rate for info in state.checkpoints]
        scores = tracin_scores(train.factors, test.factors, rates)
    settings = ScoringSettings(
        top_k=config.top_k,
        normalize_proponents=config.method == schema.TRACIN,
        matrix=config.matrix,
    )
    return score(folder, scores, test.table, settings, state.settings.processes)


def _write_tables(state: RunState, folder: Path, scored: Scored) -> int:
    """Number of suspects, after the tables were written into ``folder``."""
    config = state.config
    train, test = (Side(side.table, side.factors, side.features) for side in state.sides)
    return write_tables(folder, train, test, scored, config.max_suspects, config.crop)


def _record(state: RunState, scored: Scored, suspects: int) -> RunInfo:
    config, train, test = state.config, state.train, state.test
    return RunInfo(
        tracin_version=tracin.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=config.command,
        method=config.method,
        damping=config.damping if config.method == schema.GAUSS_NEWTON else None,
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
        device=device_name(state.settings.processes.device),
        batch_size=config.batch_size,
        num_workers=state.settings.num_workers,
        seed=config.seed,
        resize_size=config.crop.resize_size,
        crop_size=config.crop.crop_size,
        kept_features=train.kept + test.kept,
        top_k=config.top_k,
        suspects=suspects,
        score_min=float(scored.figures.lowest.min()),
        score_max=float(scored.figures.highest.max()),
        test_accuracy=accuracy(test.factors[-1]),
        seconds=state.stopwatch.stop(),
        versions=versions(),
        matrix=config.matrix,
        backbone=state.backbone,
        processes=state.settings.processes.count,
    )


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


def _side(found: ImageTable, size: int | None, seed: int, say: Say) -> SideState:
    if size is not None and size > len(found):
        say(f"--{_split_flag(found)} {size}: there are {len(found)} images, all are used.")
    table = draw_subset(found, size, seed)
    return SideState(table, len(found))


def _split_flag(table: ImageTable) -> str:
    return "train_subset" if table.split == "train" else "test_subset"
