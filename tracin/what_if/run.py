"""The run of ``--what_if``: results, kept features → a verdict in one sentence and one chart.

It stands above both wings, as the demo does: the features are the first script's, the question the
second's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from tracin.clean.actions import DELETE, RELABEL, Action, read_actions
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, PooledFeatures, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import Checkpoint, load_checkpoint
from tracin.errors import TracInError
from tracin.images import Crop, ImageTable
from tracin.loss import Loss
from tracin.machine.device import choose_device, default_workers
from tracin.results import schema
from tracin.results.run_info import CheckpointInfo, RunInfo, read_run_info
from tracin.results.staging import record_analysis, recorded_analysis
from tracin.what_if.chart import write_chart
from tracin.what_if.head import Split, head_accuracy
from tracin.what_if.verdict import SEEDS, Verdict
from tracin.wording import count

Say = Callable[[str], None]


@dataclass(frozen=True)
class WhatIfConfig:
    """What the user asked for."""

    change: int | Path
    """So many of the most suspicious training images are left out, or an actions.csv."""
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says."""


@dataclass(frozen=True)
class _Change:
    """What is done to the training images, and how it is called."""

    keep: npt.NDArray[np.bool_]
    """(n,)"""
    labels: npt.NDArray[np.int64]
    """(n,)"""
    size: int
    """Images that it touches: as many are removed at random on the other side."""
    name: str


def what_if(config: WhatIfConfig, say: Say) -> str:
    """The verdict in words, after its chart was written.

    Raises:
        TracInError: the results lack what is needed, or the question makes no sense for them.
    """
    run, train, test, table = _tables(config)
    change = _change(config.change, table, train)
    info = run.checkpoints[-1]
    checkpoint = load_checkpoint(Path(info.path), run.class_names, info.head_activation)
    if checkpoint.sha256 != info.sha256:
        raise TracInError(
            f"{info.path} is not the checkpoint of these results any more. Run TracIn_Resnet50.py "
            "again."
        )
    features = _features(config, run, checkpoint, (train, test), say)
    say(f"Training {SEEDS} heads with the change, and {SEEDS} with random removals.")
    verdict = _compare(change, features, (train, test), checkpoint, _loss(info))
    path = config.results_dir / schema.WHAT_IF
    try:
        known = recorded_analysis(config.results_dir, schema.EXPLANATION_FILES)
        record_analysis(config.results_dir, {*known, path}, schema.EXPLANATION_FILES)
        write_chart(path, verdict)
    except OSError as error:
        raise TracInError(
            f"Cannot write to {config.results_dir} ({error}). {verdict.sentence}"
        ) from error
    return f"{verdict.sentence}\n\nPicture: {path}"


def _loss(info: CheckpointInfo) -> Loss:
    return Loss(info.label_smoothing, info.class_weights)


def _tables(config: WhatIfConfig) -> tuple[RunInfo, ImageTable, ImageTable, pd.DataFrame]:
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
            f"{folder} was written by another version and lacks suspicion or test paths. Run "
            "TracIn_Resnet50.py again."
        )
    data_dir = config.data_dir or Path(run.data_dir)
    train = _image_table(run, data_dir, run.train_split, table["train_path"], table["train_class"])
    test = _image_table(run, data_dir, run.test_split, summary["test_path"], summary["test_class"])
    return run, train, test, table


def _image_table(
    run: RunInfo, data_dir: Path, split: str, paths: Iterable[str], labels: Iterable[str]
) -> ImageTable:
    number = {name: index for index, name in enumerate(run.class_names)}
    numbers = np.array([number[label] for label in labels], dtype=np.int64)
    return ImageTable(data_dir, split, tuple(paths), numbers, run.class_names)


def _change(asked: int | Path, table: pd.DataFrame, train: ImageTable) -> _Change:
    keep, labels = np.ones(len(train), dtype=bool), train.labels.copy()
    if isinstance(asked, int):
        if asked >= len(train):
            raise TracInError(
                f"--what_if {asked}: there are only {len(train):,} training images. Name a smaller "
                "number."
            )
        order = np.argsort(-table["suspicion"].to_numpy(np.float64), kind="stable")
        keep[order[:asked]] = False
        name = f"without the {count(asked, 'most suspicious training image')}"
        return _Change(keep, labels, asked, name)
    row = {path: index for index, path in enumerate(train.paths)}
    actions = read_actions(asked, train.paths, train.class_names)
    verbs = [_act(action, row, train, keep, labels) for action in actions]
    deleted, relabelled = verbs.count(DELETE), verbs.count(RELABEL)
    if not deleted + relabelled:
        raise TracInError(f"{asked} relabels and deletes nothing: there is nothing to compare.")
    if deleted + relabelled >= len(train):
        raise TracInError(
            f"{asked} changes every training image of the run, so that as many random ones cannot "
            "be left out beside it. Change fewer."
        )
    name = f"with {count(relabelled, 'image')} relabelled and {deleted:,} deleted"
    return _Change(keep, labels, deleted + relabelled, name)


def _act(
    action: Action,
    row: dict[str, int],
    train: ImageTable,
    keep: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.int64],
) -> str:
    """The verb of ``action``, after it was done to ``keep`` and ``labels``."""
    place = row[action.train_path]
    if action.verb == DELETE:
        keep[place] = False
    elif action.verb == RELABEL:
        labels[place] = train.class_names.index(action.new_class)
    return action.verb


def _features(
    config: WhatIfConfig,
    run: RunInfo,
    checkpoint: Checkpoint,
    tables: tuple[ImageTable, ImageTable],
    say: Say,
) -> tuple[PooledFeatures, PooledFeatures]:
    """Of both splits; images without a kept feature go through the backbone once more."""
    device = choose_device("auto")
    settings = PassSettings(
        num_workers=default_workers(device),
        crop=Crop(run.resize_size, run.crop_size),
    )
    forward = Forward(checkpoint.backbone, device, run.precision)
    with FeatureStore(config.results_dir / schema.FEATURES) as store:
        train, test = (pooled_features(forward, table, settings, store) for table in tables)
    fresh = sum(len(each.rows) - each.kept for each in (train, test))
    if fresh:
        say(f"{count(fresh, 'image')} had no kept feature and went through the backbone again.")
    return train, test


def _compare(
    change: _Change,
    features: tuple[PooledFeatures, PooledFeatures],
    tables: tuple[ImageTable, ImageTable],
    checkpoint: Checkpoint,
    loss: Loss,
) -> Verdict:
    device = choose_device("auto")
    template = nn.Sequential(*checkpoint.hidden, checkpoint.last)
    values, test_values = (each.values.to(device) for each in features)
    test = Split(test_values, torch.from_numpy(tables[1].labels).to(device))

    def accuracy(keep: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64], seed: int) -> float:
        rows = torch.from_numpy(np.flatnonzero(keep)).to(device)
        train = Split(values[rows], torch.from_numpy(labels).to(device)[rows])
        return head_accuracy(template, train, test, loss, seed)

    changed, at_random = [], []
    for seed in tqdm(range(SEEDS), desc="Training heads", unit=" pairs", disable=None):
        kept = np.ones(len(values), dtype=bool)
        kept[np.random.default_rng(seed).choice(len(values), change.size, replace=False)] = False
        changed.append(accuracy(change.keep, change.labels, seed))
        at_random.append(accuracy(kept, tables[0].labels, seed))
    return Verdict(
        change=change.name,
        random=f"without {count(change.size, 'random one')}",
        changed=np.array(changed),
        at_random=np.array(at_random),
        n_test=len(tables[1]),
    )
