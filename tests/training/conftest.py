"""Small photos and a short training of them, shared by the tests of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.real_data import write_image_tree
from tracin.training.__main__ import _config, build_parser
from tracin.training.run import train
from tracin.training.settings import TrainingConfig

REPOSITORY = Path(__file__).parents[2]
FLAGS = ["--from_scratch", "--head_epochs", "1", "--epochs", "2", "--checkpoints", "3"]
FLAGS += ["--batch_size", "16", "--resize_size", "36", "--crop_size", "32", "--device", "cpu"]
FLAGS += ["--num_workers", "0", "--validation_share", "0.2"]


def quiet(_text: str) -> None:
    pass


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny images gain nothing from more threads, and on a busy machine lose much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image_tree(folder, train_per_class=5, test_per_class=1, size=40)
    return folder


def config(photos: Path, output: Path, *more: str) -> TrainingConfig:
    flags = ["--data_dir", str(photos), "--output_dir", str(output), *FLAGS, *more]
    return _config(build_parser().parse_args(flags))


@pytest.fixture(scope="session")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of an uninterrupted training of three epochs."""
    output = tmp_path_factory.mktemp("trained")
    train(config(photos, output), quiet)
    return output
