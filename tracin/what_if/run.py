"""The run of ``--what_if``: results, kept features → a verdict in words, a chart, a row in a table.

It stands above both wings, as the demo does: the features are the first script's, the question the
second's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, PooledFeatures, pooled_features
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import Checkpoint
from tracin.errors import TracInError
from tracin.image_folder import SPLITS
from tracin.images import Crop, Normalization, Preprocessing
from tracin.loss import Loss
from tracin.machine.device import choose_device, default_workers
from tracin.places import refuse_inside
from tracin.results import schema
from tracin.results.run_info import RunInfo
from tracin.results.staging import recorded_files, staged_analysis
from tracin.what_if.answers import (
    answer_lines,
    answer_of,
    last_answers,
    read_answers,
    write_answers,
)
from tracin.what_if.change import Change, Decided, Question, with_actions, without_most_suspicious
from tracin.what_if.chart import write_chart
from tracin.what_if.head import Split, rightly_named
from tracin.what_if.inputs import QuestionInputs, read_checkpoint, read_question_inputs
from tracin.what_if.interval import SEEDS, BoolArray
from tracin.what_if.verdict import Verdict
from tracin.wording import Say, count


@dataclass(frozen=True)
class WhatIfConfig:
    """What the user asked for."""

    change: int | Path
    """So many of the most suspicious training images are left out, or an actions.csv."""
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says."""


def what_if(config: WhatIfConfig, say: Say) -> str:
    """Retrain heads with and without the change and draw the chart; return the verdict in words.

    Raises:
        TracInError: the results lack what is needed, or the question makes no sense for them.
    """
    inputs = read_question_inputs(config.results_dir, config.data_dir)
    refuse_inside(config.results_dir, inputs.train.data_dir, "with --results_dir", SPLITS)
    # That these cannot be read is said before the work, not after.
    read_answers(config.results_dir)
    recorded_files(config.results_dir, schema.EXPLANATION_FILES)
    change = (
        without_most_suspicious(config.change, inputs.suspicion, inputs.train, inputs.test)
        if isinstance(config.change, int)
        else with_actions(config.change, inputs.train, inputs.test)
    )
    checkpoint = read_checkpoint(inputs.run)
    features = _take_features(inputs, checkpoint, say)
    say(f"Training {SEEDS} heads with the change, and {SEEDS} with as many random removals.")
    verdict = _compare(change, inputs, features, checkpoint)
    return "\n\n".join(
        (*verdict.paragraphs, *_keep(change.question, verdict, config.results_dir, inputs.run))
    )


def _keep(question: Question, verdict: Verdict, results_dir: Path, run: RunInfo) -> tuple[str, ...]:
    """Add the answer to the earlier ones and draw the chart; return what is said of both."""
    picture, table = results_dir / schema.WHAT_IF, results_dir / schema.WHAT_IF_ANSWERS
    try:
        with staged_analysis(results_dir, schema.EXPLANATION_FILES, keep_former=True) as folder:
            earlier = read_answers(results_dir)
            write_answers(folder, (*earlier, answer_of(question, verdict, run.run_id)))
            shown = last_answers(earlier, run.run_id)
            write_chart(folder / schema.WHAT_IF, verdict, shown)
    except OSError as error:
        raise TracInError(
            f"Cannot write the answer into {results_dir} ({error}). Make room there to have "
            f"it. The result: {' '.join(verdict.paragraphs)}"
        ) from error
    lines = "\n".join(answer_lines(shown))
    written = f"Picture: {picture}\nAll answers: {table}"
    return (lines, written) if lines else (written,)


def _take_features(
    inputs: QuestionInputs, checkpoint: Checkpoint, say: Say
) -> tuple[PooledFeatures, PooledFeatures]:
    """Take the features of both splits from the store; pass the other images once more."""
    device, run = choose_device("auto"), inputs.run
    crop = Crop(run.resize_size, run.crop_size, run.resize_mode, run.interpolation)
    shown = Preprocessing(crop, Normalization(run.mean, run.std))
    settings = PassSettings(
        num_workers=default_workers(device),
        preprocessing=shown,
        skip_unreadable=True,  # to name them in our own words: there is no --on_error here
    )
    forward = Forward(checkpoint.backbone, device, run.precision, shown.normalization)
    elsewhere = "copy the results and name their folder with --results_dir"
    with FeatureStore(inputs.features_dir, otherwise=elsewhere) as store:
        train, test = (
            pooled_features(forward, table, settings, store)
            for table in (inputs.train, inputs.test)
        )
    if skipped := train.skipped + test.skipped:
        more = f", nor can {count(len(skipped) - 1, 'further image')}" if len(skipped) > 1 else ""
        raise TracInError(
            f"{inputs.train.data_dir / skipped[0].path} cannot be read any more "
            f"({skipped[0].reason}){more}. Repair what is damaged, or run TracIn_Resnet50.py again "
            "with --on_error skip."
        )
    fresh = sum(len(features.rows) - features.kept for features in (train, test))
    if fresh:
        say(f"{count(fresh, 'image')} had no kept feature and went through the backbone again.")
    return train, test


def _compare(
    change: Change,
    inputs: QuestionInputs,
    features: tuple[PooledFeatures, PooledFeatures],
    checkpoint: Checkpoint,
) -> Verdict:
    """Train a head per seed in both arms; return what that says."""
    device = choose_device("auto")
    template = nn.Sequential(*checkpoint.hidden, checkpoint.last)
    info = inputs.run.checkpoints[-1]
    loss = Loss(info.label_smoothing, info.class_weights)
    values, test_values = (split.values.to(device) for split in features)
    test = _remaining(test_values, change.test)

    def named(decided: Decided, seed: int) -> BoolArray:
        return rightly_named(template, _remaining(values, decided), test, loss, seed)

    size, changed, at_random = change.question.size, [], []
    for seed in tqdm(range(SEEDS), desc="Training heads", unit=" pairs", disable=None):
        changed.append(named(change.train, seed))
        keep = _random_removal(len(values), size, seed)
        at_random.append(named(Decided(keep, inputs.train.labels), seed))
    return Verdict(
        change=change.question.name,
        random="without a random one" if size == 1 else f"without {size:,} random ones",
        changed=np.stack(changed),
        at_random=np.stack(at_random),
        warning=inputs.warning,
        test_note=change.question.test_note,
    )


def _remaining(values: Tensor, decided: Decided) -> Split:
    """The images that remain, as the head sees them."""
    rows = torch.from_numpy(np.flatnonzero(decided.keep)).to(values.device)
    return Split(values[rows], torch.from_numpy(decided.labels).to(values.device)[rows])


def _random_removal(n: int, removed: int, seed: int) -> BoolArray:
    """(n,): which images remain where ``removed`` of them are left out at random."""
    keep = np.ones(n, dtype=bool)
    keep[np.random.default_rng(seed).choice(n, removed, replace=False)] = False
    return keep
