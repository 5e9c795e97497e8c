"""What stands in a results folder: classes, paths and labels that go with the matrix."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tracin.analyze.read.listed import listed_suspects
from tracin.analyze.read.rows import check_indices, needed_rows, read_rows
from tracin.analyze.read.same_pictures import SamePicture, read_same_pictures
from tracin.analyze.read.sides import EVERY_TEST_IMAGE, TestImages, TrainImages
from tracin.errors import TracInError
from tracin.image_folder import TRAIN, images_in_order
from tracin.layout import DEFAULT_DATA_DIR
from tracin.results import schema
from tracin.results.manifest import check_files
from tracin.results.matrix import read_shape
from tracin.results.run_info import RunInfo, read_run_info
from tracin.wording import count


@dataclass(frozen=True)
class Tables:
    """The two summaries, whose figures stand in for the matrix, in order of their indices."""

    train: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True)
class Inputs:
    """Everything in the results folder except the scores themselves."""

    scores: Path
    """``influence_scores.csv``, or the class means that stand in its place."""
    tables: Tables | None
    """None: there is a matrix."""
    n_train: int
    n_test: int
    test: TestImages
    train: TrainImages
    run: RunInfo | None
    data_dir: Path
    left_out: tuple[str, ...]
    """Sentences: what the analysis does without, and for want of which file."""
    train_table: pd.DataFrame | None = None
    """``train_summary.csv`` in order of the rows; None where there is no such file."""
    same_pictures: tuple[SamePicture, ...] | None = None
    """Under two labels, or in training and test; None where no file tells."""


def read_inputs(results_dir: Path, data_dir: Path | None = None) -> Inputs:
    """What ``results_dir`` holds beside the scores, each file used where it is there.

    Args:
        results_dir: the folder with ``influence_scores.csv``, or with ``class_influence.csv`` and
            the two summaries.
        data_dir: the folder that the images' paths are relative to; None: what ``run.json`` says,
            else ``data/processed``.

    Raises:
        TracInError: there are no scores, a file is damaged, or files disagree about their sizes.
    """
    scores = results_dir / schema.INFLUENCE_SCORES
    if not scores.exists():
        return _inputs_without_matrix(results_dir, data_dir)
    sha256 = hashlib.sha256()
    n_train, n_test = read_shape(scores, sha256.update)
    left_out: list[str] = []
    sizes = f"{schema.INFLUENCE_SCORES} has {count(n_train, 'row')} and {count(n_test, 'column')}"
    run = _read_run(results_dir, (n_train, n_test), sizes, left_out)
    if run is not None:
        hashed = {schema.INFLUENCE_SCORES: sha256.hexdigest()}
        check_files(results_dir, run.files, hashed=hashed)
    data_dir = _data_dir(data_dir, run)
    summary = read_rows(results_dir, schema.INFLUENCE_SUMMARY, "test_idx", n_test)
    if summary is not None:
        for column in ("most_helpful_train_idx", "most_harmful_train_idx"):
            path = results_dir / schema.INFLUENCE_SUMMARY
            check_indices(summary, column, path, (schema.INFLUENCE_SCORES, n_train))
    test = _test_images(results_dir, summary, n_test, run, left_out)
    table = read_rows(results_dir, schema.TRAIN_SUMMARY, "train_idx", n_train)
    if table is not None:
        train = _train_images(results_dir, table, left_out)
    else:
        train = _train_images_without_table(data_dir, n_train, summary, left_out)
    return Inputs(
        scores=scores,
        tables=None,
        n_train=n_train,
        n_test=n_test,
        test=test,
        train=train,
        run=run,
        data_dir=data_dir,
        left_out=tuple(left_out),
        train_table=table,
        same_pictures=read_same_pictures(results_dir),
    )


def _inputs_without_matrix(folder: Path, data_dir: Path | None) -> Inputs:
    files = (schema.CLASS_INFLUENCE, schema.CLASS_INFLUENCE_ARRAY)
    means = next((folder / name for name in files if (folder / name).exists()), None)
    if means is None:
        raise TracInError(
            f"{folder / schema.INFLUENCE_SCORES} is not there, and {schema.CLASS_INFLUENCE} is "
            "not in its place. Run TracIn_Resnet50.py first, or name the folder of its results "
            "with --results_dir."
        )
    train_rows = needed_rows(folder, schema.TRAIN_SUMMARY, "train_idx")
    test_rows = needed_rows(folder, schema.INFLUENCE_SUMMARY, "test_idx")
    n_train, n_test = len(train_rows), len(test_rows)
    left_out: list[str] = []
    rows = count(n_train, "row")
    sizes = f"{schema.TRAIN_SUMMARY} has {rows} and {schema.INFLUENCE_SUMMARY} {n_test:,}"
    run = _read_run(folder, (n_train, n_test), sizes, left_out)
    if run is not None:
        check_files(folder, run.files)
    return Inputs(
        scores=means,
        tables=Tables(train_rows, test_rows),
        n_train=n_train,
        n_test=n_test,
        test=_test_images(folder, test_rows, n_test, run, left_out),
        train=_train_images(folder, train_rows, left_out),
        run=run,
        data_dir=_data_dir(data_dir, run),
        left_out=tuple(left_out),
        train_table=train_rows,
        same_pictures=read_same_pictures(folder),
    )


def _data_dir(given: Path | None, run: RunInfo | None) -> Path:
    return given or (Path(run.data_dir) if run else DEFAULT_DATA_DIR)


def _read_run(
    folder: Path, shape: tuple[int, int], sizes: str, left_out: list[str]
) -> RunInfo | None:
    """run.json, checked against the ``shape`` that ``sizes`` puts in words; None without one."""
    if not (folder / schema.RUN_INFO).exists():
        left_out.append(f"Learning rate, checkpoint and date: there is no {schema.RUN_INFO}.")
        return None
    run = read_run_info(folder)
    if (run.train_images, run.test_images) != shape:
        raise TracInError(
            f"{folder / schema.RUN_INFO} is about {count(run.train_images, 'training image')} and "
            f"{count(run.test_images, 'test image')}, but {sizes}: they come from different runs. "
            f"Run TracIn_Resnet50.py again, or remove {schema.RUN_INFO} to go on without it."
        )
    return run


def _train_images(folder: Path, table: pd.DataFrame, left_out: list[str]) -> TrainImages:
    return TrainImages(
        paths=tuple(table["train_path"].tolist()),
        labels=tuple(table["train_class"].tolist()),
        correct=(table["predicted_class"] == table["train_class"]).to_numpy(np.bool_),
        self_influence=table["self_influence"].to_numpy(np.float64),
        suspicion=table["suspicion"].to_numpy(np.float64) if "suspicion" in table else None,
        suspects=_suspects(folder, table, left_out),
    )


def _suspects(
    folder: Path, table: pd.DataFrame, left_out: list[str]
) -> tuple[tuple[int, str], ...] | None:
    if not (folder / schema.SUSPECTS).exists():
        left_out.append(f"Labels that look wrong: there is no {schema.SUSPECTS}.")
        return None
    return listed_suspects(folder, (schema.SUSPECTS, "train_path"), schema.TRAIN_SUMMARY, table)


def _test_images(
    folder: Path,
    summary: pd.DataFrame | None,
    n_test: int,
    run: RunInfo | None,
    left_out: list[str],
) -> TestImages:
    if summary is None:
        left_out.append(
            "Classes of the test images, and a page for each: there is no "
            f"{schema.INFLUENCE_SUMMARY}. All test images are treated as one group."
        )
        return TestImages((EVERY_TEST_IMAGE,), np.zeros(n_test, np.int64), has_classes=False)
    present = set(summary["test_class"])
    in_run = [name for name in (run.class_names if run else ()) if name in present]
    groups = (*in_run, *sorted(present.difference(in_run)))
    position = {name: number for number, name in enumerate(groups)}
    group_of = np.array([position[name] for name in summary["test_class"].tolist()], np.int64)
    columns, summary_file = summary.columns, schema.INFLUENCE_SUMMARY
    if "correct" not in columns:
        left_out.append(
            f"Test accuracy and misclassified images: {schema.INFLUENCE_SUMMARY} has no column "
            "correct."
        )
    return TestImages(
        groups,
        group_of,
        has_classes=True,
        paths=tuple(summary["test_path"].tolist()) if "test_path" in columns else None,
        predicted=tuple(summary["predicted_class"].tolist())
        if "predicted_class" in columns
        else None,
        correct=summary["correct"].to_numpy(np.bool_) if "correct" in columns else None,
        loss=summary["loss"].to_numpy(np.float32) if "loss" in columns else None,
        suspects=listed_suspects(folder, (schema.TEST_SUSPECTS, "test_path"), summary_file, summary)
        if "test_path" in columns and (folder / schema.TEST_SUSPECTS).exists()
        else None,
    )


def _train_images_without_table(
    data_dir: Path, n_train: int, summary: pd.DataFrame | None, left_out: list[str]
) -> TrainImages:
    """What the data folder, or else ``influence_summary.csv``, tells about the training images."""
    known: list[str | None] = [None] * n_train
    if summary is not None:
        for extreme in ("most_helpful", "most_harmful"):
            indices, names = summary[f"{extreme}_train_idx"], summary[f"{extreme}_train_class"]
            for index, name in zip(indices, names, strict=True):
                known[index] = name
    folder = data_dir / TRAIN
    found = images_in_order(folder)
    without = f"there is no {schema.TRAIN_SUMMARY}"
    if not found:
        left_out.append(
            f"Pictures and labels of the training images: {without}, and there are no images in "
            f"{folder}. Name the folder that holds them with --data_dir."
        )
    elif len(found) != n_train:
        left_out.append(
            f"Pictures and labels of the training images: {without}, and {folder} holds "
            f"{count(len(found), 'image')} where the matrix has {count(n_train, 'row')}, so there "
            "is no telling which is which."
        )
    else:
        labels = tuple(path.split("/")[1] for path in found)
        if all(name in (None, label) for name, label in zip(known, labels, strict=True)):
            return TrainImages(paths=tuple(found), labels=labels)
        left_out.append(
            f"Pictures and labels of the training images: {without}, and the classes in "
            f"{folder} are not those in {schema.INFLUENCE_SUMMARY}."
        )
    return TrainImages(labels=tuple(known) if any(known) else None)
