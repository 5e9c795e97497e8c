"""A raw folder like that of the Animals-10 download."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.real_data import write_image_tree
from tracin.prepare.raw_files import ENGLISH


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A tree in the layout of the Animals-10 download: Italian names, JPEGs of many sizes."""
    write_image_tree(tmp_path / "tree", train_per_class=10, test_per_class=0, size=48)
    folder = tmp_path / "raw-img"
    for italian, english in ENGLISH.items():
        shutil.move(tmp_path / "tree" / "train" / english, folder / italian)
    return folder
