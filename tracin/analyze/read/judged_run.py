"""What two runs are compared by: the summaries of a results folder, without the scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tracin.errors import TracInError
from tracin.results import schema
from tracin.results.manifest import check_files
from tracin.results.run_info import read_run_info

_NEEDED = {
    schema.INFLUENCE_SUMMARY: ("test_path", "test_class", "correct"),
    schema.TRAIN_SUMMARY: ("train_path", "train_class", "suspicion"),
}


@dataclass(frozen=True)
class JudgedRun:
    """Test and training images of a run, as its model sees them."""

    folder: Path
    test: pd.DataFrame
    """``test_class`` and ``correct``, by ``test_path``."""
    train: pd.DataFrame
    """``train_class`` and ``suspicion``, by ``train_path``."""
    can_judge: bool
    """False: what the model thinks of single labels is withheld."""


def read_judged_run(folder: Path) -> JudgedRun:
    """The run whose results stand in ``folder``.

    Raises:
        TracInError: a file that is needed is missing, damaged, or another run's.
    """
    if not (folder / schema.RUN_INFO).exists():
        raise TracInError(
            f"There is no {folder / schema.RUN_INFO}, and a comparison needs it. Name a folder "
            "that TracIn_Resnet50.py wrote."
        )
    run = read_run_info(folder)
    check_files(folder, run.files, tuple(_NEEDED))
    tables = []
    for name, columns in _NEEDED.items():
        if not (folder / name).exists():
            raise TracInError(
                f"{folder / name} is not there, and a comparison needs it. Name a folder that "
                "TracIn_Resnet50.py wrote."
            )
        table = schema.read_table(folder, name)
        if missing := [column for column in columns if column not in table]:
            raise TracInError(
                f"{folder / name} has no column {missing[0]}: it comes from an earlier version. "
                "Run TracIn_Resnet50.py again."
            )
        tables.append(table[list(columns)].drop_duplicates(columns[0]).set_index(columns[0]))
    return JudgedRun(
        folder=folder,
        test=tables[0],
        train=tables[1],
        can_judge=run.model_check is None or run.model_check.can_judge,
    )
