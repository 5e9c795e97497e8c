"""Pictures that are there twice, pixel by pixel: true whatever the model thinks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracin.analyze.read.optional import read_optional
from tracin.results import schema


@dataclass(frozen=True)
class SamePicture:
    """A training image and another image with equal pixels."""

    path: str
    label: str
    other_path: str
    other_label: str
    leak: bool
    """The other one is a test image."""

    @property
    def conflict(self) -> bool:
        """Whether the two carry different labels: one is wrong for certain."""
        return self.label != self.other_label


def read_same_pictures(folder: Path) -> tuple[SamePicture, ...] | None:
    """The pairs in ``folder`` that matter: under two labels, or in training and test; None where no
    file tells.

    Raises:
        TracInError: the table of duplicates is damaged.
    """
    table = read_optional(folder, schema.DUPLICATES)
    if table is None:
        return None
    columns = ("kind", "path_a", "class_a", "path_b", "class_b")
    same = table[table["identical_pixels"]]
    pairs = [
        SamePicture(str(a), str(class_a), str(b), str(class_b), kind == schema.TRAIN_TEST)
        for kind, a, class_a, b, class_b in zip(*(same[name] for name in columns), strict=True)
    ]
    return tuple(pair for pair in pairs if pair.conflict or pair.leak)
