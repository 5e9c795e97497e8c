"""The run of TracIn_Resnet50.py: images and checkpoints → the files in the results folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from tracin.compute import notices
from tracin.compute.check.judge import check_model
from tracin.compute.config import RunConfig
from tracin.compute.features.loading import Loaded, checkpoint_loader
from tracin.compute.features.pace import Pace
from tracin.compute.labels.label_quality import judge_labels
from tracin.compute.labels.lookalikes import comparable
from tracin.compute.passed import Passed
from tracin.compute.passes import pass_checkpoints, pass_settings
from tracin.compute.plan import RunPlan, make_plan
from tracin.compute.precision import bfloat16_speed
from tracin.compute.record import Stopwatch, run_info
from tracin.compute.run_images import RunImages, find_run_images
from tracin.compute.scores.gauss_newton import gauss_newton_scores
from tracin.compute.scores.matrix_pass import Scored, ScoringSettings, score
from tracin.compute.scores.tracin import tracin_scores
from tracin.compute.tables import write_tables
from tracin.errors import TracInError
from tracin.machine.device import has_bfloat16
from tracin.machine.processes import Processes, joined_processes
from tracin.results import float_text, schema, staging
from tracin.results.run_info import RunInfo, write_run_info
from tracin.wording import Say


def run(config: RunConfig, say: Say) -> RunInfo | None:
    """Write the files of the results folder; return the record of what was done.

    None after a dry run, and in all processes of torchrun but the first, which alone speaks.

    Raises:
        TracInError: a fact about the data, a checkpoint or the machine that the user can change.
    """
    with joined_processes(config.device) as processes:
        return _run(config, say if processes.first else lambda _sentence: None, processes)


def _run(config: RunConfig, say: Say, processes: Processes) -> RunInfo | None:
    if not processes.first:
        processes.wait()  # until the first found nothing against the run: it alone says so
    rates = _rates_of_flag(config)
    images = find_run_images(config, say)
    stopwatch = Stopwatch()
    with checkpoint_loader(config, images.train.class_names, processes.device) as load:
        pace = None
        if processes.first:
            plan = _announce(config, images, load, processes, say)
            pace = _pace(config, plan, load, processes, say)
            processes.wait()
        if config.dry_run:
            return None
        settings = pass_settings(config, processes, pace)
        passed = pass_checkpoints(config, rates, images, load, settings, say)
    if not processes.first:
        _score(config, passed, processes, folder=None)
        processes.wait()  # torchrun counts a process that leaves minutes before another as lost
        return None
    try:
        with staging.staged(config.output_dir) as folder:
            with stopwatch.step("influence"):
                scored = _score(config, passed, processes, folder)
            with stopwatch.step("tables"):
                train, test = passed.train, passed.test
                check = check_model(train.factors[-1], test.factors[-1], train.table.class_names)
                judged = judge_labels(train.factors, config.max_suspects, check)
                write_tables(folder, train, test, scored, judged, config.crop)
            seconds = {**passed.seconds, **stopwatch.seconds, "total": stopwatch.total}
            info = run_info(config, settings, passed, scored, judged, seconds)
            write_run_info(folder, info)
    except OSError as error:
        raise _unwritable(config.output_dir, error) from error
    processes.wait()
    return info


def _announce(
    config: RunConfig,
    images: RunImages,
    load: Callable[[Path], Loaded],
    processes: Processes,
    say: Say,
) -> RunPlan:
    """Say what the run will do and check that it can; return the plan.

    Raises:
        TracInError: a checkpoint or the results folder cannot be used, or the disk is too small.
    """
    plan = make_plan(config, images.train, images.test, load, processes)
    say(plan.describe())
    plan.check_disk(config.output_dir)
    if config.dry_run:
        return plan
    _check_writable(config.output_dir)
    if not comparable(images.train, images.test):
        say(notices.no_duplicates())
    if config.method == schema.GAUSS_NEWTON and len(config.model_paths) > 1:
        say(notices.averaged_gauss_newton(len(config.model_paths)))
    device = processes.device
    if config.precision == "bfloat16" and device.type == "cpu" and not has_bfloat16(device):
        say(notices.slow_bfloat16())
    scores = len(images.train) * len(images.test)
    if config.matrix and not float_text.FAST and scores >= notices.MANY_SCORES:
        say(notices.slow_text(scores))
    return plan


def _pace(
    config: RunConfig,
    plan: RunPlan,
    load: Callable[[Path], Loaded],
    processes: Processes,
    say: Say,
) -> Pace:
    def say_beside_the_bar(sentence: str) -> None:
        with tqdm.external_write_mode():
            say(sentence)

    def faster() -> float | None:
        if config.precision != "float32" or not has_bfloat16(processes.device):
            return None
        shape = (config.batch_size, 3, config.crop.crop_size, config.crop.crop_size)
        backbone = load(config.model_paths[0]).checkpoint.backbone
        return processes.count * bfloat16_speed(backbone, processes.device, shape)

    return Pace(plan.to_do, say_beside_the_bar, faster)


def _score(config: RunConfig, passed: Passed, processes: Processes, folder: Path | None) -> Scored:
    """Score the images with the method asked for and write the matrix into ``folder``.

    Return what was gathered from the matrix on the way.
    """
    train, test = passed.train, passed.test
    if config.method == schema.GAUSS_NEWTON:
        scores = gauss_newton_scores(train.factors, test.factors, config.damping)
    else:
        rates = [info.learning_rate for info in passed.checkpoints]
        scores = tracin_scores(train.factors, test.factors, rates)
    settings = ScoringSettings(
        top_k=config.top_k,
        normalize_proponents=config.method == schema.TRACIN,
        matrix=config.matrix,
    )
    return score(folder, scores, test.table, settings, processes)


def _check_writable(folder: Path) -> None:
    """Find out before the passes, not after them, that the results cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


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
