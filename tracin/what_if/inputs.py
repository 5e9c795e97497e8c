"""What --what_if needs of a results folder, and of the images and checkpoint that it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tracin.analyze.read.rows import needed_rows
from tracin.compute.features.store import STORE_FILES
from tracin.compute.model.checkpoint import Checkpoint, load_checkpoint
from tracin.errors import TracInError
from tracin.images import ImageTable
from tracin.results import schema
from tracin.results.manifest import check_files
from tracin.results.run_info import RunInfo, read_run_info
from tracin.wording import count


@dataclass(frozen=True)
class QuestionInputs:
    """A run as its results folder tells of it."""

    run: RunInfo
    train: ImageTable
    test: ImageTable
    suspicion: npt.NDArray[np.float64]
    """(n_train,)"""
    features_dir: Path
    """Where features are kept; it need not be there."""

    @property
    def warning(self) -> str:
        """Why the run's model cannot judge; "" where it can, or an earlier version did not ask."""
        return self.run.model_check.headline if self.run.model_check else ""


def read_question_inputs(results_dir: Path, data_dir: Path | None) -> QuestionInputs:
    """What stands in ``results_dir``.

    Args:
        results_dir: the folder of a run.
        data_dir: where its images are now; None: what run.json says.

    Raises:
        TracInError: a table or an image is not there, or the tables are an earlier version's.
    """
    for name in (schema.RUN_INFO, schema.TRAIN_SUMMARY, schema.INFLUENCE_SUMMARY):
        if not (results_dir / name).exists():
            raise TracInError(
                f"{results_dir / name} is not there; --what_if needs it. Run TracIn_Resnet50.py "
                "first, or name its folder with --results_dir."
            )
    run = read_run_info(results_dir)
    if run.from_module:
        raise TracInError(
            f"The network of {results_dir} was handed over in Python, and --what_if reads one that "
            "TracIn_Resnet50.py knows from a checkpoint file. Train without these images to see."
        )
    check_files(results_dir, run.files, (schema.TRAIN_SUMMARY, schema.INFLUENCE_SUMMARY))
    table = _rows(results_dir, schema.TRAIN_SUMMARY, "train_idx", run.train_images)
    summary = _rows(results_dir, schema.INFLUENCE_SUMMARY, "test_idx", run.test_images)
    if "suspicion" not in table.columns or "test_path" not in summary.columns:
        raise TracInError(
            f"The tables in {results_dir} come from another version of this program and lack the "
            "suspicion or the paths of the test images. Run TracIn_Resnet50.py again."
        )
    folder = data_dir or Path(run.data_dir)
    inputs = QuestionInputs(
        run,
        _image_table(run, folder, run.train_split, table["train_path"], table["train_class"]),
        _image_table(run, folder, run.test_split, summary["test_path"], summary["test_class"]),
        table["suspicion"].to_numpy(np.float64),
        _features_dir(run, results_dir),
    )
    _check_present(folder, (*inputs.train.paths, *inputs.test.paths))
    return inputs


def _rows(results_dir: Path, name: str, index: str, n: int) -> pd.DataFrame:
    """The table ``name`` in order of its index.

    Raises:
        TracInError: it is damaged, or has not the ``n`` rows that the run has images.
    """
    table = needed_rows(results_dir, name, index)
    if len(table) != n:
        raise TracInError(
            f"{results_dir / name} has {count(len(table), 'row')}, but {schema.RUN_INFO} is about "
            f"{count(n, 'image')}: they come from different runs. Run TracIn_Resnet50.py again."
        )
    return table


def read_checkpoint(run: RunInfo) -> Checkpoint:
    """The last checkpoint of ``run``.

    Raises:
        TracInError: it is not what it was then.
    """
    info = run.checkpoints[-1]
    path, activation = Path(info.path), info.head_activation
    checkpoint = load_checkpoint(path, run.class_names, activation, run.architecture)
    if checkpoint.sha256 != info.sha256:
        raise TracInError(
            f"{info.path} has changed since these results were computed. Run TracIn_Resnet50.py "
            "again."
        )
    return checkpoint


def _image_table(
    run: RunInfo, data_dir: Path, split: str, paths: Iterable[str], labels: Iterable[str]
) -> ImageTable:
    number = {name: index for index, name in enumerate(run.class_names)}
    labels = list(labels)
    if unknown := [label for label in labels if label not in number]:
        raise TracInError(
            f"The table of the {split} images names the class {unknown[0]}, which is not among "
            f"those of {schema.RUN_INFO}: they come from different runs. Run TracIn_Resnet50.py "
            "again."
        )
    numbers = np.array([number[label] for label in labels], dtype=np.int64)
    return ImageTable(data_dir, split, tuple(paths), numbers, run.class_names)


def _features_dir(run: RunInfo, results_dir: Path) -> Path:
    """The folder that the run's --cache_dir named, where it holds features; else ``features/``.

    A folder that is missed costs time and nothing else: a feature is found, or computed anew.
    """
    named = Path(run.features_dir)
    if run.features_dir and any(named.glob(STORE_FILES)):
        return named
    return results_dir / schema.FEATURES


def _check_present(data_dir: Path, paths: Iterable[str]) -> None:
    """Raise TracInError unless all these images are there."""
    if not data_dir.is_dir():
        raise TracInError(
            f"The data folder {data_dir} is not there. Name the folder that its images were moved "
            "to with --data_dir."
        )
    missing = [path for path in paths if not (data_dir / path).is_file()]
    if missing:
        more = f", nor {count(len(missing) - 1, 'further image')}" if len(missing) > 1 else ""
        raise TracInError(
            f"{data_dir / missing[0]} is not there{more}; --what_if needs every image of the run. "
            "If the images were moved, name their folder with --data_dir. If they are gone, run "
            "TracIn_Resnet50.py again."
        )
