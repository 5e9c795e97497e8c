"""The run of TracIn_Resnet50.py: images and checkpoints → the files in the results folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from tqdm import tqdm

from tracin.compute import notices
from tracin.compute.check.judge import NUMBER_ANEW, RENAME, answers, check_model
from tracin.compute.check.pass_again import search_other_ways
from tracin.compute.config import RunConfig
from tracin.compute.features.loading import Loaded
from tracin.compute.features.pace import Pace
from tracin.compute.features.pooled import PassSettings
from tracin.compute.labels.judged import judge_labels
from tracin.compute.passed import Passed
from tracin.compute.passes import pass_checkpoints, pass_settings
from tracin.compute.plan import RunPlan, make_plan
from tracin.compute.precision import bfloat16_speed
from tracin.compute.record import Stopwatch, run_info
from tracin.compute.run_images import RunImages
from tracin.compute.scores.gauss_newton import gauss_newton_scores
from tracin.compute.scores.matrix_pass import Scored, ScoringSettings, score
from tracin.compute.scores.tracin import tracin_scores
from tracin.compute.settle import Settled
from tracin.compute.source import Files, Source
from tracin.compute.tables import write_map, write_tables
from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.image_folder import SPLITS
from tracin.machine.device import has_bfloat16
from tracin.machine.processes import Processes, joined_processes
from tracin.model_check import ModelCheck
from tracin.places import check_folders, refuse_inside
from tracin.results import float_text, schema, staging
from tracin.results.manifest import records_of
from tracin.results.run_info import RunInfo, write_run_info
from tracin.wording import Say

OTHERWISE = "name another folder with --output_dir"


def run(config: RunConfig, say: Say, source: Source | None = None) -> RunInfo | None:
    """Write the files of the results folder; return the record of what was done.

    None after a dry run, and in all processes of torchrun but the first, which alone speaks.

    Args:
        config: what is asked for.
        say: where notices go.
        source: of images and networks; None: the files that ``config`` names.

    Raises:
        TracInError: a fact about the data, a checkpoint or the machine that the user can change.
    """
    with joined_processes(config.device, share_gpus=True) as processes, ExitStack() as held:
        if not processes.first:
            say = _say_nothing
        return _run(config, source or Files(config), say, processes, held)


def _say_nothing(_sentence: str) -> None:
    pass


def _run(
    config: RunConfig, source: Source, say: Say, processes: Processes, held: ExitStack
) -> RunInfo | None:
    """Do what ``run`` does; the lock on the results folder goes into ``held``."""
    if not processes.first:
        processes.wait()  # until the first found nothing against the run: it alone says so
    images, settled = source.images(say), source.settle()
    shown, names = settled.preprocessing, images.train.class_names
    stopwatch = Stopwatch()
    with source.loader(shown.normalization, names, processes.device) as load:
        pace = None
        if processes.first:
            plan = _announce(config, settled, images, load, processes, say)
            if not config.dry_run:
                # Before the passes: the folder must be writable, too.
                held.enter_context(locked(config.output_dir, OTHERWISE))
            pace = _pace(config, settled, plan, load, processes, say)
            processes.wait()
        if config.dry_run:
            return None
        settings = pass_settings(config, shown, processes, pace)
        passed = pass_checkpoints(config, settled, images, load, settings, say)
        with stopwatch.step("check"):
            check = _check(passed, load(settled.model_paths[-1]), settings, settled)
    info = None
    try:
        # The first process alone writes; the others work on the images that they hold.
        with staging.staged(config.output_dir) if processes.first else nullcontext() as folder:
            with stopwatch.step("influence"):
                scored = _score(config, passed, processes, folder)
            with stopwatch.step("tables"):
                train, test = passed.train, passed.test
                judged = judge_labels(
                    train.factors,
                    test.factors,
                    check,
                    max_suspects=config.max_suspects,
                    damping=config.damping,
                    held=train.held,
                )
                for notice in write_tables(folder, train, test, scored, judged, shown.crop):
                    say(notice)
                plane = write_map(folder, train, test)
            if folder is not None:
                seconds = {**passed.seconds, **stopwatch.seconds, "total": stopwatch.total}
                info = run_info(config, settings, passed, scored, judged, seconds)
                info = replace(info, map_variance=plane.variance, run_id=uuid4().hex)
                info = replace(info, files=records_of(folder, scored.written))
                write_run_info(folder, info)
    except OSError as error:
        raise TracInError(
            f"Cannot write to {config.output_dir} ({error}). Make room there, or {OTHERWISE}."
        ) from error
    processes.wait()  # torchrun counts a process that leaves minutes before another as lost
    return info


def _check(passed: Passed, loaded: Loaded, settings: PassSettings, settled: Settled) -> ModelCheck:
    """Whether the last checkpoint can judge; where it cannot, look for the reason."""
    train, test, shown = passed.train, passed.test, settings.preprocessing
    on_train, on_test = (answers(side.factors[-1], side.held) for side in (train, test))

    def checked() -> ModelCheck:
        return check_model(
            on_train,
            on_test,
            train.table.class_names,
            shown,
            lambda: search_other_ways(
                loaded.checkpoint,
                train.table,
                on_train.named,
                shown,
                settled.as_stored,
                settings.processes.device,
            ),
            NUMBER_ANEW if loaded.checkpoint.from_module else RENAME,
        )

    # The first alone shows images again: the others wait.
    return settings.processes.of_first(checked() if settings.processes.first else None)


def _announce(
    config: RunConfig,
    settled: Settled,
    images: RunImages,
    load: Callable[[Path], Loaded],
    processes: Processes,
    say: Say,
) -> RunPlan:
    """Say what the run will do and check that it can; return the plan.

    Raises:
        TracInError: a checkpoint or the results folder cannot be used, or the disk is too small.
    """
    read = config.layout.folders_read(SPLITS)
    refuse_inside(config.output_dir, config.data_dir, "with --output_dir", read)
    if config.cache_dir is not None:
        refuse_inside(config.cache_dir, config.data_dir, "with --cache_dir", read)
    elif config.use_cache:
        check_folders(config.output_dir, [config.output_dir / schema.FEATURES / "image"])
    plan = make_plan(config, settled, images, load, processes)
    say(plan.describe())
    for notice in settled.notices:
        say(notice)
    plan.check_disk(config.output_dir)
    if config.dry_run:
        return plan
    if config.method == schema.GAUSS_NEWTON and len(settled.model_paths) > 1:
        say(notices.last_checkpoint_scores(settled.model_paths[-1]))
    device = processes.device
    if config.precision == "bfloat16" and device.type == "cpu" and not has_bfloat16(device):
        say(notices.slow_bfloat16())
    scores = len(images.train) * len(images.test)
    if config.matrix and not float_text.FAST and scores >= notices.MANY_SCORES:
        say(notices.slow_text(scores))
    return plan


def _pace(
    config: RunConfig,
    settled: Settled,
    plan: RunPlan,
    load: Callable[[Path], Loaded],
    processes: Processes,
    say: Say,
) -> Pace:
    def say_beside_the_bar(sentence: str) -> None:
        with tqdm.external_write_mode():
            say(sentence)

    def faster() -> float | None:
        if settled.inputs_prepared or config.precision != "float32":
            return None
        if not has_bfloat16(processes.device):
            return None
        side = settled.preprocessing.crop.crop_size
        shape = (config.batch_size, 3, side, side)
        backbone = load(settled.model_paths[0]).checkpoint.backbone
        return processes.count * bfloat16_speed(backbone, processes.device, shape)

    return Pace(plan.to_do, say_beside_the_bar, faster)


def _score(config: RunConfig, passed: Passed, processes: Processes, folder: Path | None) -> Scored:
    """Score the images with the method asked for and write the matrix into ``folder``.

    Return what was gathered from the matrix on the way.
    """
    train, test = passed.train, passed.test
    if config.method == schema.GAUSS_NEWTON:
        last = train.factors[-1], test.factors[-1]
        scores = gauss_newton_scores(*last, config.damping, train.held)
    else:
        rates = [info.learning_rate for info in passed.checkpoints]
        scores = tracin_scores(train.factors, test.factors, rates)
    settings = ScoringSettings(
        top_k=config.top_k,
        normalize_proponents=config.method == schema.TRACIN,
        matrix=config.matrix,
    )
    return score(folder, scores, test.table, settings, processes, train.held)
