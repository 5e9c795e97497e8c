"""A results folder for the analysis tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analyze.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Sixty training and twelve test images of two classes, with files for all of them."""
    return make_world(tmp_path, n_train=60, n_test=12, names=("cat", "dog"), steps=3)
