"""A small data folder, decisions about it, and what --apply makes of them."""

from __future__ import annotations

import csv
from pathlib import Path

import analyze_results
from tracin.clean.folder import LOG, LOG_COLUMNS

FILES = (
    *("train/cat/1.jpg", "train/cat/2.jpg", "train/cat/a & 'b'.jpg"),
    *("train/dog/1.jpg", "train/dog/2.JPG", "train/dog/more/3.png"),
    *("test/cat/1.jpg", "test/dog/1.jpg", "test/dog/notes.txt"),
)

DECISIONS = ("train/cat/1.jpg,relabel,dog", "train/dog/2.JPG,delete,", "train/dog/1.jpg,keep,")


def write_actions(folder: Path, *rows: str) -> Path:
    path = folder / "actions.csv"
    path.write_text("\n".join(["train_path,action,new_class", *rows]) + "\n", encoding="utf-8")
    return path


def clean(data_dir: Path, actions: Path, *more: str) -> int:
    return analyze_results.main(
        [
            *("--apply", str(actions), "--cleaned_dir", str(data_dir.parent / "clean")),
            *("--data_dir", str(data_dir), *more),
        ]
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def log_of(cleaned: Path) -> dict[str, tuple[str, str, str]]:
    with (cleaned / LOG).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    return {row["path"]: (row["action"], row["new_path"], row["note"]) for row in rows}
