"""Factors of both sides and what was gathered from the matrix → the tables of the results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tracin.compute.features.plane import Plane, principal_plane
from tracin.compute.labels import lookalikes
from tracin.compute.labels.judged import JudgedLabels
from tracin.compute.labels.label_quality import LabelQuality, wrong_label_probability
from tracin.compute.labels.reviewable import suspect_factors
from tracin.compute.passed import PassedImages
from tracin.compute.scores.factors import Factors, cross_entropy
from tracin.compute.scores.matrix_pass import Scored
from tracin.compute.scores.strongest import Strongest, similarities
from tracin.compute.scores.tracin import MatrixFigures, normalizer
from tracin.compute.seen import Seen, seen_by_model
from tracin.image_folder import TEST, TRAIN
from tracin.images import Crop, ImageTable
from tracin.results import schema
from tracin.results.matrix import Float32Array
from tracin.results.schema import SUSPECTS_COLUMNS
from tracin.results.suspect_factors import write_suspect_factors

_NOT_FOLLOWED = (
    "The review page will not sort the suspects anew as you decide: their numbers would make it "
    "too large. Fewer --max_suspects, or fewer checkpoints, make room."
)


def write_tables(
    folder: Path | None,
    train: PassedImages,
    test: PassedImages,
    scored: Scored,
    judged: JudgedLabels,
    crop: Crop,
) -> tuple[str, ...]:
    """Write all tables of a run, and what the page computes with; return what must be said of them.

    Args:
        folder: of the results; None in all processes but the first, which alone writes.
        train: the matrix's rows.
        test: the matrix's columns.
        scored: what was gathered from the matrix.
        judged: what speaks against the labels.
        crop: as the images went into the model.
    """
    held = train.held
    seen = seen_by_model(train.factors[-1], held)
    pairs = held.processes.of_first(scored.pairs)
    alike = {
        direction: similarities(train.factors, test.factors, some, held)
        for direction, some in pairs.items()
    }
    neighbours, duplicates, said = _lookalikes(train, test, judged, crop)
    factors = suspect_factors(train.factors, train.table, judged.looked_at, held)
    if folder is None:
        return ()
    per_test = influence_summary(train.table, test.table, test.factors[-1], scored.figures)
    per_train = train_summary(
        train.table, seen, scored.self_influence, scored.figures, judged.quality
    )
    for name, table in (
        (schema.INFLUENCE_SUMMARY, per_test),
        (schema.TRAIN_SUMMARY, per_train),
        (schema.PREDICTIONS, predictions(test.table, test.factors[-1])),
        (schema.SUSPECTS, suspects_table(per_train, judged)),
        (schema.TEST_SUSPECTS, test_suspects_table(test.table, judged)),
        (schema.TOP_INFLUENCES_TABLE, top_influences(per_train, per_test, pairs, alike)),
        (schema.NEIGHBOURS, neighbours),
        (schema.DUPLICATES, duplicates),
    ):
        schema.write_table(folder, name, table)
    write_suspect_factors(folder, factors)
    if len(judged.looked_at) and not factors.paths:
        said.append(_NOT_FOLLOWED)
    return tuple(said)


def _lookalikes(
    train: PassedImages, test: PassedImages, judged: JudgedLabels, crop: Crop
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """(neighbours of the suspects, duplicates, what must be said of these)."""
    neighbours = lookalikes.neighbours_table(
        train.table,
        train.features,
        judged.looked_at.tolist(),
        judged.quality.suggested[judged.looked_at].tolist(),
        train.held,
    )
    said: list[str] = []
    on_train, on_test = (
        lookalikes.Pictures(side.table, side.features, side.hashes, side.divided)
        for side in (train, test)
    )
    duplicates = lookalikes.duplicates_table(on_train, on_test, crop, said.append)
    return neighbours, duplicates, said


def write_map(folder: Path | None, train: PassedImages, test: PassedImages) -> Plane:
    """Write where each image stands for the last checkpoint, the training images first.

    The ``folder`` is None in all processes but the first, which alone writes.
    """
    sides = train.factors[-1].activations, test.factors[-1].activations
    plane = principal_plane(*sides, train.held)
    if folder is not None:
        schema.write_table(folder, schema.MAP, map_table(train.table, test.table, plane))
    return plane


def influence_summary(
    train: ImageTable, test: ImageTable, factors: Factors, figures: MatrixFigures
) -> pd.DataFrame:
    """A row per test image: its strongest training images, and what the model made of it.

    Args:
        train: the matrix's rows.
        test: the matrix's columns.
        factors: of the test images, for the last checkpoint.
        figures: of the whole matrix.
    """
    train_classes = _class_of(train)
    predicted = factors.logits.argmax(dim=1).cpu().numpy()
    return pd.DataFrame(
        {
            "test_idx": np.arange(len(test)),
            "test_class": _class_of(test),
            "most_helpful_train_idx": figures.highest_row,
            "most_helpful_train_class": train_classes[figures.highest_row],
            "max_positive_influence": figures.highest,
            "most_harmful_train_idx": figures.lowest_row,
            "most_harmful_train_class": train_classes[figures.lowest_row],
            "max_negative_influence": figures.lowest,
            "avg_influence": figures.mean,
            "test_path": test.paths,
            "predicted_class": np.array(test.class_names, dtype=object)[predicted],
            "correct": predicted == test.labels,
            "loss": cross_entropy(factors.logits, factors.labels).cpu().numpy(),
            "positive_share": figures.positive_share,
        }
    )


def predictions(test: ImageTable, factors: Factors) -> pd.DataFrame:
    """A row per test image: the class that the model names, and how sure it is, 0 to 1."""
    probability, predicted = torch.softmax(factors.logits, dim=1).max(dim=1)
    return pd.DataFrame(
        {
            "test_idx": np.arange(len(test)),
            "test_path": test.paths,
            "predicted_class": np.array(test.class_names, dtype=object)[predicted.cpu().numpy()],
            "probability": probability.cpu().numpy(),
        }
    )


def train_summary(
    train: ImageTable,
    seen: Seen,
    self_influence: Tensor,
    figures: MatrixFigures,
    quality: LabelQuality,
) -> pd.DataFrame:
    """A row per training image: what the model made of it, and its influence on itself and on all.

    Args:
        train: the matrix's rows.
        seen: what the last checkpoint makes of them.
        self_influence: (n_train,), of all checkpoints.
        figures: of the whole matrix.
        quality: evidence about the training labels.
    """
    class_names = np.array(train.class_names, dtype=object)
    return pd.DataFrame(
        {
            "train_idx": np.arange(len(train)),
            "train_path": train.paths,
            "train_class": _class_of(train),
            "predicted_class": class_names[seen.predicted.numpy()],
            "probability": seen.probability.numpy(),
            "loss": seen.loss.numpy(),
            "self_influence": self_influence.numpy(),
            "mean_influence": figures.train_mean,
            "suggested_class": class_names[quality.suggested.cpu().numpy()],
            "suspicion": quality.suspicion.cpu().numpy(),
            "label_agreement": quality.agreement.cpu().numpy(),
            "error_norm": quality.error_norm.cpu().numpy(),
            "aum": quality.margin.cpu().numpy(),
            "wrong_label_probability": wrong_label_probability(quality.suspicion).cpu().numpy(),
        }
    )


def suspects_table(train_rows: pd.DataFrame, judged: JudgedLabels) -> pd.DataFrame:
    """A row per suspicious training image, most suspicious first.

    Args:
        train_rows: the train summary.
        judged: which of its rows to list.
    """
    rows = judged.suspects.cpu().numpy()
    chosen = train_rows.iloc[rows].rename(columns={"train_class": "given_class"})
    ranked = chosen.assign(rank=np.arange(1, len(chosen) + 1), gain=judged.gain.numpy())
    return ranked[list(SUSPECTS_COLUMNS)]


def test_suspects_table(test: ImageTable, judged: JudgedLabels) -> pd.DataFrame:
    """A row per suspicious test image, most suspicious first."""
    rows, quality = judged.test_suspects.cpu(), judged.test_quality
    names = np.array(test.class_names, dtype=object)
    suggested = quality.suggested.cpu()[rows].numpy()
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(rows) + 1),
            "test_path": [test.paths[row] for row in rows.tolist()],
            "given_class": names[test.labels[rows.numpy()]],
            "suggested_class": names[suggested],
            "suspicion": quality.suspicion.cpu()[rows].numpy(),
            "label_agreement": quality.agreement.cpu()[rows].numpy(),
            "error_norm": quality.error_norm.cpu()[rows].numpy(),
            "normalized_margin": quality.normalized_margin.cpu()[rows].numpy(),
        }
    )


def top_influences(
    train_rows: pd.DataFrame,
    test_rows: pd.DataFrame,
    pairs: dict[str, Strongest],
    similarities: dict[str, tuple[Float32Array, Float32Array]],
) -> pd.DataFrame:
    """A row per test image, direction and rank: the strongest proponents, then the opponents.

    Args:
        train_rows: the train summary.
        test_rows: the influence summary.
        pairs: by direction.
        similarities: (activation, error) of the pairs, by direction.
    """
    parts = []
    for direction, strongest in pairs.items():
        test = test_rows.iloc[strongest.test].reset_index(drop=True)
        train = train_rows.iloc[strongest.train].reset_index(drop=True)
        scale = normalizer(torch.tensor(train["self_influence"].to_numpy(np.float32)))
        activation, error = similarities[direction]
        parts.append(
            pd.DataFrame(
                {
                    "test_idx": strongest.test,
                    "test_path": test["test_path"],
                    "test_class": test["test_class"],
                    "predicted_class": test["predicted_class"],
                    "direction": direction,
                    "rank": strongest.rank,
                    "train_idx": strongest.train,
                    "train_path": train["train_path"],
                    "train_class": train["train_class"],
                    "score": strongest.scores,
                    "normalized_score": strongest.scores * scale.numpy(),
                    "activation_similarity": activation,
                    "error_similarity": error,
                }
            )
        )
    return pd.concat(parts).sort_values("test_idx", kind="stable")


def map_table(train: ImageTable, test: ImageTable, plane: Plane) -> pd.DataFrame:
    """A row per image, the training images first: its place in the plane of the features."""
    places = torch.cat([plane.train, plane.test]).cpu().numpy()
    return pd.DataFrame(
        {
            "split": [TRAIN] * len(train) + [TEST] * len(test),
            "path": (*train.paths, *test.paths),
            "x": places[:, 0],
            "y": places[:, 1],
        }
    )


def _class_of(table: ImageTable) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array(table.class_names, dtype=object)[table.labels]
