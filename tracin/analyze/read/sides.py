"""What is known of the training and of the test images: rows and columns of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tracin.analyze.read.label_index import LabelIndex, index_labels
from tracin.analyze.read.scan import Int64Array

EVERY_TEST_IMAGE = "all test images"
"""The name of the one group where no file tells the classes."""


@dataclass(frozen=True)
class TestImages:
    """The columns of the matrix: what is known about each test image."""

    __test__ = False  # pytest would take the name for a test

    groups: tuple[str, ...]
    """Classes of the test images in the order of their index, or ``EVERY_TEST_IMAGE`` alone."""
    group_of: Int64Array
    """(n_test,) index into ``groups``."""
    has_classes: bool
    paths: tuple[str, ...] | None = None
    predicted: tuple[str, ...] | None = None
    correct: npt.NDArray[np.bool_] | None = None
    loss: npt.NDArray[np.float32] | None = None
    suspects: tuple[tuple[int, str], ...] | None = None
    """(column, suggested class) of images whose label looks wrong, most suspicious first; None
    where no file tells."""


@dataclass(frozen=True)
class TrainImages:
    """The rows of the matrix: what is known about each training image."""

    paths: tuple[str, ...] | None = None
    """Relative to the data folder, with forward slashes."""
    labels: tuple[str | None, ...] | None = None
    """The class that each image was given; None where no file tells."""
    correct: npt.NDArray[np.bool_] | None = None
    """(n_train,): whether the model names the given class."""
    self_influence: npt.NDArray[np.float64] | None = None
    suspicion: npt.NDArray[np.float64] | None = None
    """(n_train,), 0 or above; from ``schema.SUSPICION_CUT`` on a label looks wrong."""
    suspects: tuple[tuple[int, str], ...] | None = None
    """(row, suggested class) of images whose label looks wrong, most suspicious first; None where
    no file tells."""

    @cached_property
    def by_label(self) -> LabelIndex | None:
        """Which images carry which label; None where that of every image is not known."""
        return None if self.all_labels is None else index_labels(self.all_labels)

    @cached_property
    def suggested(self) -> dict[int, str]:
        """The suggested class of each listed suspect, by its row."""
        return dict(self.suspects or ())

    @cached_property
    def all_labels(self) -> tuple[str, ...] | None:
        """``labels`` where that of every image is known, else None."""
        known = tuple(label for label in self.labels or () if label is not None)
        return known if known and len(known) == len(self.labels or ()) else None
