"""Factors of both sides and what was gathered from the matrix → the tables of the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from tracin import results
from tracin.compute import lookalikes, tables
from tracin.compute.data import Crop, ImageTable
from tracin.compute.explanations import similarities
from tracin.compute.factors import Factors
from tracin.compute.label_quality import label_quality, suspects
from tracin.compute.scoring import Scored


@dataclass(frozen=True)
class Side:
    """The images of one split and their factors, one entry per checkpoint."""

    table: ImageTable
    factors: Sequence[Factors]
    features: Tensor
    """(n, 2048), float32, on the CPU: pooled features of the last checkpoint."""


def write_tables(
    folder: Path, train: Side, test: Side, scored: Scored, max_suspects: int, crop: Crop
) -> int:
    """Number of suspects listed, after all tables were written into ``folder``.

    Args:
        folder: of the results.
        train: the matrix's rows.
        test: the matrix's columns.
        scored: what was gathered from the matrix.
        max_suspects: how many are listed at most.
        crop: as the images went into the model.
    """
    quality = label_quality(train.factors)
    per_test = tables.influence_summary(train.table, test.table, test.factors[-1], scored.figures)
    per_train = tables.train_summary(
        train.table, train.factors[-1], scored.self_influence, scored.figures, quality
    )
    suspicious = suspects(quality, max_suspects)
    alike = {
        direction: similarities(train.factors, test.factors, pairs)
        for direction, pairs in scored.pairs.items()
    }
    neighbours = lookalikes.neighbours_table(
        train.table, train.features, suspicious.tolist(), quality.suggested[suspicious].tolist()
    )
    duplicates = lookalikes.duplicates_table(
        train.table, train.features, test.table, test.features, crop
    )
    for name, table in (
        (results.INFLUENCE_SUMMARY, per_test),
        (results.TRAIN_SUMMARY, per_train),
        (results.PREDICTIONS, tables.predictions(test.table, test.factors[-1])),
        (results.SUSPECTS, tables.suspects_table(per_train, suspicious)),
        (
            results.TOP_INFLUENCES_TABLE,
            tables.top_influences(per_train, per_test, scored.pairs, alike),
        ),
        (results.NEIGHBOURS, neighbours),
        (results.DUPLICATES, duplicates),
    ):
        results.write_table(folder, name, table)
    return len(suspicious)
