"""The run of TracIn_Resnet50.py: images and checkpoints → the files in the results folder."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

import tracin
from tracin import results, staging
from tracin.compute.checkpoint import Checkpoint, load_checkpoint
from tracin.compute.data import Crop, ImageTable, draw_subset, find_images
from tracin.compute.device import choose_device, default_workers, device_name
from tracin.compute.factors import Factors, compute_factors
from tracin.compute.features import PassSettings, pooled_features
from tracin.compute.gauss_newton import gauss_newton_scores
from tracin.compute.influence import tracin_scores
from tracin.compute.output import OutputSettings, Side, Written, write_files
from tracin.compute.training_settings import TrainingSettings, training_settings
from tracin.errors import TracInError
from tracin.results import CheckpointInfo, RunInfo, SkippedImage

Say = Callable[[str], None]
"""Where notices to the user go, one sentence at a time."""


@dataclass(frozen=True)
class RunConfig:
    """What the user asked for: the flags of TracIn_Resnet50.py."""

    model_paths: tuple[Path, ...]
    data_dir: Path
    output_dir: Path
    train_subset: int | None = None
    test_subset: int | None = None
    batch_size: int = 32
    learning_rates: tuple[float, ...] = ()
    """Empty: what each checkpoint stores, else the default. One value serves all checkpoints."""
    label_smoothing: float | None = None
    class_weights: str | None = None
    head_activation: str | None = None
    method: str = results.TRACIN
    damping: float = 0.1
    top_k: int = 10
    max_suspects: int = 500
    device: str = "auto"
    num_workers: int | None = None
    precision: str = "float32"
    seed: int = 0
    crop: Crop = field(default_factory=Crop)
    skip_unreadable: bool = False
    command: tuple[str, ...] = ()


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


@dataclass
class _Progress:
    """How far the training or the test images have come in the run."""

    table: ImageTable
    found: int
    """Images in the folder, before the subset was drawn."""
    factors: list[Factors] = field(default_factory=list)
    """One entry per checkpoint."""
    skipped: tuple[SkippedImage, ...] = ()


def run(config: RunConfig, say: Say) -> RunInfo:
    """What was done, after the files of the results folder have been written.

    Raises:
        TracInError: a fact about the data, a checkpoint or the machine that the user can change.
    """
    stopwatch = Stopwatch()
    settings = _pass_settings(config)
    rates = _rates_of_flag(config)
    found_train, found_test = find_images(config.data_dir)
    if found_test.split != "test":
        say(f"{config.data_dir} has no test/: the test images are those of {found_test.split}/.")
    train = _side(found_train, config.train_subset, config.seed, say)
    test = _side(found_test, config.test_subset, config.seed, say)
    checkpoints: list[CheckpointInfo] = []
    for path, rate in zip(config.model_paths, rates, strict=True):
        checkpoint = load_checkpoint(path, found_train.class_names, config.head_activation)
        trained = training_settings(
            checkpoint,
            found_train,
            learning_rate=rate,
            label_smoothing=config.label_smoothing,
            class_weights=config.class_weights,
        )
        checkpoints.append(_checkpoint_info(checkpoint, trained))
        _announce(checkpoints[-1], say)
        for side in (train, test):
            _pass(side, checkpoint, trained, settings, stopwatch)
    with staging.staged(config.output_dir) as folder:
        with stopwatch.step("influence"):
            written = _write(folder, config, train, test, checkpoints)
        info = RunInfo(
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
            checkpoints=tuple(checkpoints),
            layer=checkpoint.layer,
            precision=config.precision,
            device=device_name(settings.device),
            batch_size=config.batch_size,
            num_workers=settings.num_workers,
            seed=config.seed,
            resize_size=config.crop.resize_size,
            crop_size=config.crop.crop_size,
            top_k=config.top_k,
            suspects=written.suspects,
            score_min=float(written.figures.lowest.min()),
            score_max=float(written.figures.highest.max()),
            test_accuracy=_accuracy(test.factors[-1]),
            seconds=stopwatch.stop(),
            versions=_versions(),
        )
        results.write_run_info(folder, info)
    return info


def _write(
    folder: Path,
    config: RunConfig,
    train: _Progress,
    test: _Progress,
    checkpoints: Sequence[CheckpointInfo],
) -> Written:
    if config.method == results.GAUSS_NEWTON:
        scores = gauss_newton_scores(train.factors, test.factors, config.damping)
    else:
        rates = [info.learning_rate for info in checkpoints]
        scores = tracin_scores(train.factors, test.factors, rates)
    settings = OutputSettings(
        top_k=config.top_k,
        max_suspects=config.max_suspects,
        normalize_proponents=config.method == results.TRACIN,
    )
    rows, columns = Side(train.table, train.factors), Side(test.table, test.factors)
    return write_files(folder, rows, columns, scores, settings)


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


def _side(found: ImageTable, size: int | None, seed: int, say: Say) -> _Progress:
    if size is not None and size > len(found):
        say(f"--{_split_flag(found)} {size}: there are {len(found)} images, all are used.")
    table = draw_subset(found, size, seed)
    return _Progress(table, len(found))


def _split_flag(table: ImageTable) -> str:
    return "train_subset" if table.split == "train" else "test_subset"


def _announce(info: CheckpointInfo, say: Say) -> None:
    say(
        f"{info.path}: learning rate {info.learning_rate:g} ({info.learning_rate_source}), head "
        f"{'→'.join(map(str, info.head_widths))}"
        + (f", {info.head_activation} between its Linears" if info.head_activation else "")
        + (
            " (assumed: the file does not tell; --head_activation sets another)"
            if info.head_activation_assumed
            else ""
        )
        + (f", label smoothing {info.label_smoothing:g}" if info.label_smoothing else "")
        + (", class weights" if info.class_weights else "")
    )


def _pass(
    side: _Progress,
    checkpoint: Checkpoint,
    trained: TrainingSettings,
    settings: PassSettings,
    stopwatch: Stopwatch,
) -> None:
    """Add the side's factors for one checkpoint; the first pass leaves unreadable images out."""
    with stopwatch.step("features"):
        features = pooled_features(checkpoint.backbone, side.table, settings)
    if features.skipped:
        if side.factors:
            raise TracInError(
                f"{features.skipped[0].path} could be read for the first checkpoint and cannot "
                "now. Run again when the data folder no longer changes."
            )
        side.table = side.table.take(features.rows.numpy())
        side.skipped = features.skipped
    with stopwatch.step("factors"):
        values = features.values.to(settings.device)
        labels = torch.from_numpy(side.table.labels).to(settings.device)
        side.factors.append(compute_factors(checkpoint, values, labels, trained.loss))


def _checkpoint_info(checkpoint: Checkpoint, trained: TrainingSettings) -> CheckpointInfo:
    return CheckpointInfo(
        path=str(checkpoint.path),
        sha256=checkpoint.sha256,
        learning_rate=trained.learning_rate,
        learning_rate_source=trained.source,
        label_smoothing=trained.loss.label_smoothing,
        class_weights=trained.loss.class_weights,
        head_widths=checkpoint.head_widths,
        head_activation=checkpoint.head_activation,
        head_activation_assumed=checkpoint.head_activation_assumed,
    )


def _accuracy(factors: Factors) -> float:
    return float((factors.logits.argmax(dim=1) == factors.labels).double().mean())


def _versions() -> dict[str, str]:
    import torchvision

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }
