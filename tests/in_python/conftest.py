"""A trained network, and a folder of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.in_python.digits import CLASSES, digit_network
from tests.real_data import write_image_tree


@pytest.fixture(scope="session")
def network() -> nn.Sequential:
    return digit_network()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("tree")
    write_image_tree(where, train_per_class=4, test_per_class=2, size=48, classes=CLASSES)
    return where
