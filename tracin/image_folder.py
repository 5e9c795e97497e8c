"""A data folder on disk: the names of its splits, and which files are images. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

TRAIN = "train"
TEST = "test"
TEST_FOLDERS = (TEST, "val")
"""The test images stand in the first of these that is there."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What torchvision's ImageFolder takes for an image, whatever the case of the letters."""

SPLIT_TABLE = "split.csv"
SPLIT_COLUMNS = ("source", "class", "split", "path", "reason", "duplicate_of")
"""What ``tracin.prepare`` leaves in a data folder: where each raw photo went, or why nowhere."""

NEAR_TABLE = "near_duplicates.csv"
NEAR_COLUMNS = (
    *("source", "other_source", "likeness"),
    *("class", "other_class", "split", "other_split"),
)
"""And which photos look alike without being equal."""


def images_in_order(folder: Path) -> Sequence[str]:
    """Paths relative to ``folder``'s parent, in the order in which ImageFolder numbers them."""
    if not folder.is_dir():
        return ()
    paths: list[str] = []
    for name in sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()):
        for root, _, files in sorted(os.walk(folder / name, followlinks=True)):
            inside = Path(root).relative_to(folder.parent).as_posix()
            paths += [
                f"{inside}/{file}"
                for file in sorted(files)
                if file.lower().endswith(IMAGE_SUFFIXES)
            ]
    return paths
