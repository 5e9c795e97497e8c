"""A training that takes seconds: ten classes of five tiny images, three epochs."""

from __future__ import annotations

from pathlib import Path

from tracin.training.__main__ import _config, build_parser
from tracin.training.settings import TrainingConfig

REPOSITORY = Path(__file__).parents[2]
FLAGS = ["--from_scratch", "--head_epochs", "1", "--epochs", "2", "--checkpoints", "3"]
FLAGS += ["--batch_size", "16", "--resize_size", "36", "--crop_size", "32", "--device", "cpu"]
FLAGS += ["--num_workers", "0", "--validation_share", "0.2"]


def quiet(_text: str) -> None:
    pass


def config(photos: Path, output: Path, *more: str) -> TrainingConfig:
    flags = ["--data_dir", str(photos), "--output_dir", str(output), *FLAGS, *more]
    return _config(build_parser().parse_args(flags))
