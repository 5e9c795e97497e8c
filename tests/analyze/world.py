"""Small results folders for the tests: scores of a softmax regression on real digits, no torch."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from tests.run_info import example_run_info
from tracin.results import schema
from tracin.results.matrix import MatrixWriter
from tracin.results.run_info import read_run_info, write_run_info

ANIMALS = (
    *("butterfly", "cat", "chicken", "cow", "dog"),
    *("elephant", "horse", "sheep", "spider", "squirrel"),
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A results folder, its data folder, and what was written there."""

    results_dir: Path
    data_dir: Path
    matrix: npt.NDArray[np.float32]
    """(n_train, n_test)"""
    self_influence: npt.NDArray[np.float32]
    names: tuple[str, ...]
    train_labels: npt.NDArray[np.int64]
    test_labels: npt.NDArray[np.int64]
    train_paths: tuple[str, ...]


def make_world(
    folder: Path,
    *,
    n_train: int = 120,
    n_test: int = 30,
    names: tuple[str, ...] = ANIMALS,
    zero: bool = False,
    images: bool = True,
    steps: int = 60,
) -> World:
    """Write a whole results folder as TracIn_Resnet50.py leaves it, and the images.

    One training label in ten is wrong. ``zero``: every score is zero.
    """
    digits = load_digits(n_class=len(names))
    random = np.random.default_rng(0)
    chosen = random.integers(len(digits.target), size=n_train + n_test)
    features = digits.data[chosen] / 16 + random.normal(0, 0.05, (n_train + n_test, 64))
    truth = digits.target[chosen].astype(np.int64)
    truth[n_train : n_train + len(names)] = np.arange(len(names))[:n_test]
    features[n_train : n_train + len(names)] = (
        digits.data[[int(np.argmax(digits.target == k)) for k in range(len(names))]][:n_test] / 16
    )
    labels = truth.copy()
    wrong = random.random(n_train) < 0.1
    labels[:n_train][wrong] = random.integers(len(names), size=int(wrong.sum()))
    order = np.concatenate(
        [np.argsort(labels[:n_train], kind="stable"), n_train + np.argsort(labels[n_train:])]
    )
    features, truth, labels = features[order], truth[order], labels[order]
    errors, probabilities = _softmax_regression(features, labels, n_train, len(names), steps)
    rate = 0.0 if zero else 1e-3
    dots = features[:n_train] @ features[n_train:].T + 1
    matrix = (rate * dots * (errors[:n_train] @ errors[n_train:].T)).astype(np.float32)
    own = rate * ((features[:n_train] ** 2).sum(1) + 1) * (errors[:n_train] ** 2).sum(1)
    world = World(
        results_dir=folder / "results",
        data_dir=folder / "data",
        matrix=matrix,
        self_influence=own.astype(np.float32),
        names=names,
        train_labels=labels[:n_train],
        test_labels=labels[n_train:],
        train_paths=_paths("train", labels[:n_train], names),
    )
    world.results_dir.mkdir(parents=True)
    _write_tables(world, probabilities, truth)
    with MatrixWriter(world.results_dir / schema.INFLUENCE_SCORES, range(n_test)) as writer:
        writer.write(matrix)
    if images:
        write_images(world.data_dir, world.train_paths, features, labels)
    return world


def _softmax_regression(
    features: Floats, labels: npt.NDArray[np.int64], n_train: int, classes: int, steps: int
) -> tuple[Floats, Floats]:
    """(error signals p − q, probabilities), both (n, classes), after gradient descent."""
    target = np.eye(classes)[labels]
    weight = np.zeros((features.shape[1], classes))
    for step in range(steps + 1):
        logits = features @ weight
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        errors = probabilities - target
        if step < steps:
            weight -= 0.5 / n_train * features[:n_train].T @ errors[:n_train]
    return errors, probabilities


def _paths(split: str, labels: npt.NDArray[np.int64], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{split}/{names[label]}/{row:05d}.jpg" for row, label in enumerate(labels))


def _write_tables(world: World, probabilities: Floats, truth: npt.NDArray[np.int64]) -> None:
    n_train = len(world.train_labels)
    names = np.array(world.names, dtype=object)
    predicted = probabilities.argmax(axis=1)
    given = probabilities[
        np.arange(len(truth)), np.concatenate([world.train_labels, world.test_labels])
    ]
    loss = -np.log(given)
    matrix, train_names = world.matrix, names[world.train_labels]
    best, worst = matrix.argmax(axis=0), matrix.argmin(axis=0)
    columns = np.arange(matrix.shape[1])
    correct = predicted[n_train:] == world.test_labels
    summary = pd.DataFrame(
        {
            "test_idx": columns,
            "test_class": names[world.test_labels],
            "most_helpful_train_idx": best,
            "most_helpful_train_class": train_names[best],
            "max_positive_influence": matrix[best, columns],
            "most_harmful_train_idx": worst,
            "most_harmful_train_class": train_names[worst],
            "max_negative_influence": matrix[worst, columns],
            "avg_influence": matrix.mean(axis=0),
            "test_path": _paths("test", world.test_labels, world.names),
            "predicted_class": names[predicted[n_train:]],
            "correct": correct,
            "loss": loss[n_train:],
            "positive_share": (matrix > 0).mean(axis=0),
        }
    )
    schema.write_table(world.results_dir, schema.INFLUENCE_SUMMARY, summary)
    quality: dict[str, Any] = {
        "suggested_class": names[predicted[:n_train]],
        "suspicion": 1 - given[:n_train],
        "label_agreement": given[:n_train],
        "error_norm": 1 - given[:n_train],
        "aum": given[:n_train],
        "wrong_label_probability": 1 - given[:n_train],
    }
    train = pd.DataFrame(
        {
            "train_idx": np.arange(n_train),
            "train_path": world.train_paths,
            "train_class": train_names,
            "predicted_class": names[predicted[:n_train]],
            "probability": given[:n_train],
            "loss": loss[:n_train],
            "self_influence": world.self_influence,
            "mean_influence": matrix.mean(axis=1),
            **quality,
        }
    )
    schema.write_table(world.results_dir, schema.TRAIN_SUMMARY, train)
    wrong = train[world.train_labels != truth[:n_train]]
    wrong = wrong[wrong["suggested_class"] != wrong["train_class"]]
    wrong = wrong.sort_values("suspicion", ascending=False).rename(
        columns={"train_class": "given_class"}
    )
    wrong = wrong.assign(rank=np.arange(1, len(wrong) + 1), gain=np.sin(np.arange(len(wrong))))
    schema.write_table(world.results_dir, schema.SUSPECTS, wrong[list(schema.SUSPECTS_COLUMNS)])
    write_run(world, test_accuracy=float(correct.mean()), suspects=len(wrong))


def write_run(world: World, **changes: Any) -> None:
    """Write run.json for ``world``, with ``changes`` to its fields."""
    example = example_run_info()
    checkpoint = dataclasses.replace(
        example.checkpoints[0], path="models/Resnet50_animals10_val_0_9796_0_5963.pth"
    )
    fields: dict[str, Any] = {
        "checkpoints": (checkpoint,),
        "class_names": world.names,
        "data_dir": str(world.data_dir),
        "train_images": len(world.train_labels),
        "test_images": len(world.test_labels),
        **changes,
    }
    write_run_info(world.results_dir, dataclasses.replace(example, **fields))


def without_matrix(world: World, folder: Path) -> Path:
    """``folder``, a copy of the results that has class means in place of the matrix."""
    shutil.copytree(world.results_dir, folder)
    (folder / schema.INFLUENCE_SCORES).unlink()
    summary = pd.read_csv(folder / schema.INFLUENCE_SUMMARY, dtype=str, keep_default_na=False)
    of = summary.sort_values("test_idx", key=lambda column: column.astype(int))["test_class"]
    present = [name for name in world.names if (of == name).any()]
    exact = world.matrix.astype(np.float64)
    means = np.stack([exact[:, of == name].mean(axis=1) for name in present], axis=1)
    with (folder / schema.CLASS_INFLUENCE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(present)
        writer.writerows(means.astype(np.float32).astype(str))
    if (folder / schema.RUN_INFO).exists():
        write_run_info(folder, dataclasses.replace(read_run_info(folder), matrix=False))
    return folder


def write_images(
    data_dir: Path, paths: tuple[str, ...], features: Floats, labels: npt.NDArray[np.int64]
) -> None:
    """A digit over a piece of a photo for each path; real pixels, small JPEGs."""
    photo = Image.fromarray(load_sample_images().images[0])
    random = np.random.default_rng(1)
    for path, row, label in zip(paths, features, labels[: len(paths)], strict=False):
        file = data_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        left, top = int(random.integers(0, 500)), int(random.integers(0, 300))
        tint = Image.new("RGB", (112, 112), f"hsl({int(label) * 36}, 60%, 50%)")
        back = Image.blend(photo.crop((left, top, left + 112, top + 112)), tint, 0.35)
        ink = Image.fromarray((row.reshape(8, 8).clip(0, 1) * 255).astype(np.uint8))
        back.paste("white", mask=ink.resize((112, 112)))
        back.save(file, quality=85)
