"""The mean scores of each training image on each class of test images, where there is no matrix.

Few stand as text in ``class_influence.csv``. ImageNet's would be 21 GB, which take minutes to read:
many stand in ``class_influence.npy``, a quarter of that, read block by block and never held whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracin.errors import TracInError
from tracin.places import check_regular
from tracin.results.matrix import Float32Array, MatrixWriter
from tracin.results.schema import CLASS_INFLUENCE, CLASS_INFLUENCE_ARRAY, RUN_INFO
from tracin.wording import first_sentence

MOST_AS_TEXT = 20_000_000
"""Means in the CSV file at most: 300 MB of text, which are read in some seconds."""


def class_means_file(n_train: int, n_classes: int) -> str:
    """The name of the file that so many means stand in."""
    return CLASS_INFLUENCE if n_train * n_classes <= MOST_AS_TEXT else CLASS_INFLUENCE_ARRAY


def class_means_writer(folder: Path, n_train: int, classes: Sequence[object]) -> MatrixWriter:
    """The writer of the means into ``folder``; ``classes`` of the test images, a column each."""
    name = class_means_file(n_train, len(classes))
    return MatrixWriter(folder / name, classes, rows=None if name == CLASS_INFLUENCE else n_train)


@dataclass(frozen=True)
class StoredMeans:
    """A matrix of float32 on disk; of an index or a slice of rows the numbers, as of an array."""

    path: Path
    shape: tuple[int, int]
    """(n_train, classes)"""

    def __getitem__(self, where: Any) -> Float32Array:
        """The numbers there, copied.

        Raises:
            TracInError: one of them is not finite, or the file was cut off meanwhile.
        """
        try:
            # Mapped anew each time: what was read before does not stay in the process's memory.
            values: Float32Array = np.array(np.load(self.path, mmap_mode="r")[where])
        except (OSError, ValueError) as error:
            raise _damaged(self.path, first_sentence(error)) from error
        if not np.isfinite(values).all():
            raise _damaged(self.path, "it holds a number that is not finite")
        return values


def open_class_means(path: Path, n_train: int, n_classes: int) -> StoredMeans:
    """The means in ``path``, a ``class_influence.npy``; its columns are the classes of the test
    images in the order of ``run.json``.

    Raises:
        TracInError: the file cannot be read, or holds something else.
    """
    check_regular(path)
    try:
        found = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, first_sentence(error)) from error
    if found.dtype != np.dtype("<f4") or found.shape != (n_train, n_classes):
        shape = " × ".join(f"{size:,}" for size in found.shape)
        raise _damaged(
            path, f"it holds {shape} of {found.dtype}, not {n_train:,} × {n_classes:,} of float32"
        )
    return StoredMeans(path, (n_train, n_classes))


def _damaged(path: Path, why: str) -> TracInError:
    return TracInError(
        f"{path} does not hold the means that {RUN_INFO} and the two summaries are about ({why}). "
        "Run TracIn_Resnet50.py again."
    )
