"""Small pictures of training images, cut as the model sees them: the centre, square."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from tracin.image_folder import IMAGE_SUFFIXES
from tracin.places import file_below

Pixels = npt.NDArray[np.uint8]

SIDE = 176
"""Pixels; what a thumbnail takes on a page."""

DRAFT = 2
"""A JPEG is decoded at so many times the wanted size at least, so that the resampling decides how
it looks, and not the coarse decoding."""

MOST_KEPT = 4096
"""Thumbnails in memory, 380 MB at most: the same images come first for many classes."""


def image_file(data_dir: Path, path: str) -> Path | None:
    """The file of the image ``path`` of a table, or None where ``data_dir`` has no such file
    that can be read.

    A table that another program wrote may hold any text: a path that leaves the folder counts as
    not found.
    """
    file = file_below(data_dir, path, links=True)  # a class folder may be a link to elsewhere
    return file if file is not None and os.access(file, os.R_OK) else None


def is_image(file: Path) -> bool:
    """Whether ``file`` is called as an image is, and begins as one."""
    if file.suffix.lower() not in IMAGE_SUFFIXES:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of big pictures
            Image.open(file).close()
    except Exception:  # Pillow's decoders raise what they like on damaged files
        return False
    return True


def thumbnails_by_row(
    data_dir: Path, paths: Sequence[str] | None
) -> Callable[[int], Pixels | None]:
    """The function from a training image's row to its thumbnail, each read once.

    Args:
        data_dir: the images' paths are relative to it.
        paths: (n_train,) paths of the training images; None where no file tells.
    """

    @lru_cache(maxsize=MOST_KEPT)
    def thumbnail(row: int) -> Pixels | None:
        file = image_file(data_dir, paths[row]) if paths else None
        return None if file is None else read_thumbnail(file)

    return thumbnail


def read_thumbnail(file: Path) -> Pixels | None:
    """(SIDE, SIDE, 3) uint8, or None where ``file`` cannot be read as an image."""
    square = read_reduced(file, SIDE, lambda image: square_of(image, SIDE))
    return None if square is None else np.asarray(square)


def square_of(image: Image.Image, side: int) -> Image.Image:
    """The centre of ``image`` as a square of ``side`` pixels."""
    return ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)


def read_reduced(
    file: Path, side: int, reduce: Callable[[Image.Image], Image.Image]
) -> Image.Image | None:
    """What ``reduce`` makes of the image in ``file``; None where it cannot be read as an image.

    Args:
        file: in any format and mode that Pillow reads.
        side: pixels of the longer side that are needed; a JPEG is decoded at no more than it takes.
        reduce: from the image in RGB to a small one.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns about harmless oddities of files that we only look at.
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                image.draft("RGB", (DRAFT * side, DRAFT * side))
                return reduce(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
