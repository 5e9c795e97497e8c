"""Folders with copies of the images that helped and hurt each class most."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracin.analyze.figures.summary import OverallSummary, RankedImage
from tracin.analyze.naming import safe_name
from tracin.analyze.read.thumbnails import image_file, is_image
from tracin.results.schema import RANK_PREFIX, TOP_INFLUENCES


@dataclass(frozen=True)
class Gallery:
    """What is to be copied where, and what cannot be."""

    copies: tuple[tuple[Path, str], ...]
    """(source, target); targets are relative to the results folder."""
    not_found: tuple[str, ...]
    """Paths of ranked images, relative to the data folder, that are no images there."""


def plan_gallery(data_dir: Path, overall: OverallSummary, folders: Mapping[str, str]) -> Gallery:
    """The copies of each class's most helpful and most harmful images; nothing is written.

    Args:
        data_dir: the images' paths are relative to it.
        overall: whose classes' rankings are copied.
        folders: the folder name of each class that has one.
    """
    copies: list[tuple[Path, str]] = []
    not_found: dict[str, None] = {}
    for summary in overall.classes:
        if summary.name not in folders:
            continue
        folder = f"{TOP_INFLUENCES}/{folders[summary.name]}"
        for folder_name, images in (("positive", summary.helpful), ("negative", summary.harmful)):
            for position, image in enumerate(images, start=1):
                if image.path is None:
                    continue
                original = image_file(data_dir, image.path)
                if original is None or not is_image(original):
                    not_found[image.path] = None
                else:
                    name = _file_name(position, len(images), image)
                    copies.append((original, f"{folder}/{folder_name}/{name}"))
    return Gallery(tuple(copies), tuple(not_found))


def copy_gallery(gallery: Gallery, folder: Path) -> None:
    """Write the copies below ``folder``."""
    for source, target in gallery.copies:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / target)


def _file_name(position: int, total: int, image: RankedImage) -> str:
    digits = max(2, len(str(total)))
    name = safe_name((image.path or "").rsplit("/", maxsplit=1)[-1])
    return f"{RANK_PREFIX}{position:0{digits}d}_train_{image.index}_{name}"
