"""Small pictures of training images, cut as the model sees them: the centre, square."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PureWindowsPath

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.uint8]

SIDE = 176
"""Pixels; what a thumbnail takes on a page."""


def image_file(data_dir: Path, path: str) -> Path | None:
    """The file of the image ``path`` of a table, or None where ``data_dir`` has no such file
    that can be read.

    A table that another program wrote may hold any text: a path that leaves the folder counts as
    not found.
    """
    parts = PureWindowsPath(path)  # takes / and \ for separators, and knows drives
    if not path or parts.anchor or ".." in parts.parts or "\0" in path:
        return None
    try:
        file = data_dir / path
        return file if file.is_file() and os.access(file, os.R_OK) else None
    except OSError:  # a name longer than the file system allows
        return None


class Thumbnails:
    """Thumbnails of training images by row, each read once."""

    def __init__(self, data_dir: Path, paths: Sequence[str] | None) -> None:
        self._data_dir = data_dir
        self._paths = paths
        self.get = lru_cache(maxsize=4096)(self._get)
        """(SIDE, SIDE, 3) uint8 of a row, or None where there is no readable image."""

    def _get(self, index: int) -> Pixels | None:
        file = image_file(self._data_dir, self._paths[index]) if self._paths else None
        return None if file is None else read_thumbnail(file)


def read_thumbnail(file: Path) -> Pixels | None:
    """(SIDE, SIDE, 3) uint8, or None where ``file`` cannot be read as an image."""
    try:
        with warnings.catch_warnings():
            # Pillow warns about harmless oddities of files that we only look at.
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                image.draft("RGB", (2 * SIDE, 2 * SIDE))
                square = ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
        return np.asarray(square)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
