"""The run of ``--what_if``: results, kept features → a verdict in one sentence and one chart.

It stands above both wings, as the demo does: the features are the first script's, the question the
second's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, PooledFeatures, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import Checkpoint, load_checkpoint
from tracin.errors import TracInError
from tracin.images import Crop, ImageTable, Preprocessing
from tracin.loss import Loss
from tracin.machine.device import choose_device, default_workers
from tracin.results import schema
from tracin.results.run_info import CheckpointInfo, RunInfo, read_run_info
from tracin.results.staging import record_analysis, recorded_analysis
from tracin.what_if.change import Change, with_actions, without_most_suspicious
from tracin.what_if.chart import write_chart
from tracin.what_if.head import Split, head_accuracy
from tracin.what_if.verdict import SEEDS, Verdict
from tracin.wording import Say, count


@dataclass(frozen=True)
class WhatIfConfig:
    """What the user asked for."""

    change: int | Path
    """So many of the most suspicious training images are left out, or an actions.csv."""
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says."""


@dataclass(frozen=True)
class _Results:
    """What the question needs of a results folder."""

    run: RunInfo
    train: ImageTable
    test: ImageTable
    suspicion: npt.NDArray[np.float64]
    """(n_train,)"""


def what_if(config: WhatIfConfig, say: Say) -> str:
    """Retrain heads with and without the change and draw the chart; return the verdict in words.

    Raises:
        TracInError: the results lack what is needed, or the question makes no sense for them.
    """
    results = _read_results(config)
    change = (
        without_most_suspicious(config.change, results.suspicion, results.train)
        if isinstance(config.change, int)
        else with_actions(config.change, results.train)
    )
    info = results.run.checkpoints[-1]
    checkpoint = _read_checkpoint(info, results.run)
    features = _take_features(config, results, checkpoint, say)
    say(f"Training {SEEDS} heads with the change, and {SEEDS} with as many random removals.")
    loss = Loss(info.label_smoothing, info.class_weights)
    verdict = _compare(change, results, features, checkpoint, loss)
    path = config.results_dir / schema.WHAT_IF
    try:
        known = recorded_analysis(config.results_dir, schema.EXPLANATION_FILES)
        record_analysis(config.results_dir, {*known, path}, schema.EXPLANATION_FILES)
        write_chart(path, verdict)
    except OSError as error:
        raise TracInError(
            f"Cannot write the chart into {config.results_dir} ({error}). Make room there to have "
            f"it. The result: {verdict.sentence}"
        ) from error
    return f"{verdict.sentence}\n\nPicture: {path}"


def _read_checkpoint(info: CheckpointInfo, run: RunInfo) -> Checkpoint:
    checkpoint = load_checkpoint(Path(info.path), run.class_names, info.head_activation)
    if checkpoint.sha256 != info.sha256:
        raise TracInError(
            f"{info.path} has changed since these results were computed. Run TracIn_Resnet50.py "
            "again."
        )
    return checkpoint


def _read_results(config: WhatIfConfig) -> _Results:
    folder = config.results_dir
    for name in (schema.RUN_INFO, schema.TRAIN_SUMMARY, schema.INFLUENCE_SUMMARY):
        if not (folder / name).exists():
            raise TracInError(
                f"{folder / name} is not there; --what_if needs it. Run TracIn_Resnet50.py first, "
                "or name its folder with --results_dir."
            )
    run = read_run_info(folder)
    table = schema.read_table(folder, schema.TRAIN_SUMMARY).sort_values("train_idx")
    summary = schema.read_table(folder, schema.INFLUENCE_SUMMARY).sort_values("test_idx")
    if "suspicion" not in table.columns or "test_path" not in summary.columns:
        raise TracInError(
            f"The tables in {folder} come from another version of this program and lack the "
            "suspicion or the paths of the test images. Run TracIn_Resnet50.py again."
        )
    data_dir = config.data_dir or Path(run.data_dir)
    return _Results(
        run,
        _image_table(run, data_dir, run.train_split, table["train_path"], table["train_class"]),
        _image_table(run, data_dir, run.test_split, summary["test_path"], summary["test_class"]),
        table["suspicion"].to_numpy(np.float64),
    )


def _image_table(
    run: RunInfo, data_dir: Path, split: str, paths: Iterable[str], labels: Iterable[str]
) -> ImageTable:
    number = {name: index for index, name in enumerate(run.class_names)}
    numbers = np.array([number[label] for label in labels], dtype=np.int64)
    return ImageTable(data_dir, split, tuple(paths), numbers, run.class_names)


def _take_features(
    config: WhatIfConfig, results: _Results, checkpoint: Checkpoint, say: Say
) -> tuple[PooledFeatures, PooledFeatures]:
    """Take the features of both splits from the store; pass the other images once more."""
    device = choose_device("auto")
    settings = PassSettings(
        num_workers=default_workers(device),
        preprocessing=Preprocessing(Crop(results.run.resize_size, results.run.crop_size)),
    )
    forward = Forward(checkpoint.backbone, device, results.run.precision)
    with FeatureStore(config.results_dir / schema.FEATURES) as store:
        train, test = (
            pooled_features(forward, table, settings, store)
            for table in (results.train, results.test)
        )
    fresh = sum(len(features.rows) - features.kept for features in (train, test))
    if fresh:
        say(f"{count(fresh, 'image')} had no kept feature and went through the backbone again.")
    return train, test


def _compare(
    change: Change,
    results: _Results,
    features: tuple[PooledFeatures, PooledFeatures],
    checkpoint: Checkpoint,
    loss: Loss,
) -> Verdict:
    """Train a head per seed in both arms; return what that says."""
    device = choose_device("auto")
    template = nn.Sequential(*checkpoint.hidden, checkpoint.last)
    values, test_values = (split.values.to(device) for split in features)
    test = Split(test_values, torch.from_numpy(results.test.labels).to(device))

    def accuracy(keep: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64], seed: int) -> float:
        rows = torch.from_numpy(np.flatnonzero(keep)).to(device)
        train = Split(values[rows], torch.from_numpy(labels).to(device)[rows])
        return head_accuracy(template, train, test, loss, seed)

    changed, at_random = [], []
    for seed in tqdm(range(SEEDS), desc="Training heads", unit=" pairs", disable=None):
        changed.append(accuracy(change.keep, change.labels, seed))
        keep = _random_removal(len(values), change.size, seed)
        at_random.append(accuracy(keep, results.train.labels, seed))
    return Verdict(
        change=change.name,
        random=f"without {count(change.size, 'random one')}",
        changed=np.array(changed),
        at_random=np.array(at_random),
        n_test=len(results.test),
    )


def _random_removal(n: int, removed: int, seed: int) -> npt.NDArray[np.bool_]:
    """(n,): which images remain where ``removed`` of them are left out at random."""
    keep = np.ones(n, dtype=bool)
    keep[np.random.default_rng(seed).choice(n, removed, replace=False)] = False
    return keep
