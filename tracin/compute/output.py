"""Factors of both sides → the files of the results folder, but run.json."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from tracin import results
from tracin.compute import lookalikes, tables
from tracin.compute.data import Crop, ImageTable
from tracin.compute.explanations import Strongest, StrongestFinder, similarities
from tracin.compute.factors import Factors
from tracin.compute.influence import MatrixFigures, Scores, normalizer
from tracin.compute.label_quality import label_quality, suspects
from tracin.matrix import MatrixWriter


@dataclass(frozen=True)
class Side:
    """The images of one split and their factors, one entry per checkpoint."""

    table: ImageTable
    factors: Sequence[Factors]
    features: Tensor
    """(n, 2048), float32, on the CPU: pooled features of the last checkpoint."""


@dataclass(frozen=True)
class OutputSettings:
    """How much is listed."""

    top_k: int
    """Proponents and opponents per test image."""
    max_suspects: int
    crop: Crop
    """As the images went into the model."""
    normalize_proponents: bool
    """Rank proponents by the normalised score; opponents go by the raw score in any case."""


@dataclass(frozen=True)
class Written:
    """Figures of the files written."""

    figures: MatrixFigures
    suspects: int


def write_files(
    folder: Path, train: Side, test: Side, scores: Scores, settings: OutputSettings
) -> Written:
    """Figures of the matrix and the tables, after all were written into ``folder``."""
    figures, pairs = _write_matrix(folder, train, test, scores, settings)
    quality = label_quality(train.factors)
    per_test = tables.influence_summary(train.table, test.table, test.factors[-1], figures)
    per_train = tables.train_summary(
        train.table, train.factors[-1], scores.self_influence, figures, quality
    )
    suspicious = suspects(quality, settings.max_suspects)
    listed = tables.suspects_table(per_train, suspicious)
    alike = {key: similarities(train.factors, test.factors, pairs[key]) for key in pairs}
    explained = tables.top_influences(per_train, per_test, pairs, alike)
    results.write_table(folder, results.INFLUENCE_SUMMARY, per_test)
    results.write_table(folder, results.TRAIN_SUMMARY, per_train)
    sure = tables.predictions(test.table, test.factors[-1])
    results.write_table(folder, results.PREDICTIONS, sure)
    results.write_table(folder, results.SUSPECTS, listed)
    results.write_table(folder, results.TOP_INFLUENCES_TABLE, explained)
    neighbours = lookalikes.neighbours_table(
        train.table, train.features, suspicious.tolist(), quality.suggested[suspicious].tolist()
    )
    results.write_table(folder, results.NEIGHBOURS, neighbours)
    duplicates = lookalikes.duplicates_table(
        train.table, train.features, test.table, test.features, settings.crop
    )
    results.write_table(folder, results.DUPLICATES, duplicates)
    return Written(figures, len(suspicious))


def _write_matrix(
    folder: Path, train: Side, test: Side, scores: Scores, settings: OutputSettings
) -> tuple[MatrixFigures, dict[str, Strongest]]:
    """(figures, strongest pairs by direction) of the matrix.

    Block n is written in a thread while block n + 1 is computed.
    """
    n_train, n_test = len(train.table), len(test.table)
    figures = MatrixFigures(n_train, n_test)
    proponents, opponents = (StrongestFinder(n_test, settings.top_k) for _ in range(2))
    scale = normalizer(scores.self_influence).unsqueeze(1)
    with (
        MatrixWriter(folder / results.INFLUENCE_SCORES, range(n_test)) as writer,
        ThreadPoolExecutor(max_workers=1) as pool,
        tqdm(total=n_train, desc="Writing scores", unit="row", disable=None) as bar,
    ):
        written: Future[None] | None = None
        done = 0  # not the bar's count: a bar that is off does not count
        for tensor in scores.blocks:
            block: Tensor = tensor.cpu()
            if written is not None:
                written.result()
            written = pool.submit(writer.write, block.numpy())
            rows = slice(done, done + len(block))
            keys = block * scale[rows] if settings.normalize_proponents else block
            proponents.add(keys, block)
            opponents.add(-block, block)
            figures.add(block.numpy())
            bar.update(len(block))
            done += len(block)
        if written is not None:
            written.result()
    return figures, {
        results.PROPONENT: proponents.result(),
        results.OPPONENT: opponents.result(),
    }
