"""The images and the finished training that these tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.real_data import write_image_tree
from tests.training.short import config, quiet
from tracin.training.run import train


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny images gain nothing from more threads, and on a busy machine lose much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image_tree(folder, train_per_class=5, test_per_class=1, size=40)
    return folder


@pytest.fixture(scope="package")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of an uninterrupted training of three epochs."""
    output = tmp_path_factory.mktemp("trained")
    train(config(photos, output), quiet)
    return output
