"""Lists of the images of a tree, as a person has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from torchvision.datasets import ImageFolder

from tracin.layout import ImageList, Layout


def rows_of(data_dir: Path, split: str) -> list[list[str]]:
    """(path relative to ``data_dir``, class) of each image that torchvision's ImageFolder finds."""
    found = ImageFolder(str(data_dir / split))
    return [
        [Path(path).relative_to(data_dir).as_posix(), found.classes[label]]
        for path, label in found.samples
    ]


def write_list(
    path: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = ("path", "label")
) -> Path:
    """Write a list to ``path``; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def lists(train: Path, test: Path | None = None, **more: float | int) -> Layout:
    """The layout of these lists, whose paths begin in the data folder."""
    named = [ImageList(str(each)) if each else None for each in (train, test)]
    return Layout(named[0], named[1], **more)  # type: ignore[arg-type]
