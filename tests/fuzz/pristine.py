"""The inputs that every case starts from: made once in each process, never changed afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image, ImageEnhance

import analyze_results
import TracIn_Resnet50
from tests.real_data import CLASS_NAMES, animals_resnet50, fit_head, write_image_tree
from tracin.prepare import __main__ as prepare_command
from tracin.training import __main__ as training_command
from tracin.what_if import head

CLASSES = ("cat", "dog")
SIZES = ("--resize_size", "40", "--crop_size", "32", "--num_workers", "0", "--device", "cpu")
SHORT = (
    *("--from_scratch", "--head_epochs", "0", "--epochs", "1", "--checkpoints", "1"),
    *("--batch_size", "8", "--validation_share", "0", *SIZES),
)
"""Flags of a training that takes a second."""

QUICK_STEPS = 1
"""Of the heads of ``--what_if``, of which 20 are trained: their verdict is not looked at here."""

COMMANDS = {
    "compute": ("TracIn_Resnet50.py", TracIn_Resnet50.main),
    "analyze": ("analyze_results.py", analyze_results.main),
    "prepare": ("tracin.prepare", prepare_command.main),
    "training": ("tracin.training", training_command.main),
}
"""The name before a command's messages, and its main."""


@dataclass(frozen=True)
class Pristine:
    """Small whole inputs and outputs of every command, below one folder."""

    root: Path

    @property
    def data(self) -> Path:
        """Two classes of four training and two test images, a wrong label, a leak."""
        return self.root / "data"

    @property
    def checkpoint(self) -> Path:
        """Fitted to the images; in float8, which makes it a quarter as large."""
        return self.root / "model.pth"

    @property
    def results(self) -> Path:
        """Of a run with the matrix, analysed; features are kept."""
        return self.root / "results"

    @property
    def tables(self) -> Path:
        """Of a run without the matrix."""
        return self.root / "tables"

    @property
    def other(self) -> Path:
        """Of another run with the same images: every file has the same size in rows."""
        return self.root / "other"

    @property
    def raw(self) -> Path:
        """Raw photos in class folders."""
        return self.root / "raw"

    @property
    def prepared(self) -> Path:
        """What ``tracin.prepare`` makes of them."""
        return self.root / "prepared"

    @property
    def trained(self) -> Path:
        """A finished training."""
        return self.root / "trained"

    @cached_property
    def state(self) -> dict[str, torch.Tensor]:
        """The weights in the checkpoint."""
        loaded: dict[str, torch.Tensor] = torch.load(self.checkpoint, weights_only=True)
        return loaded


def make_pristine(root: Path) -> Pristine:
    """Write all of it below ``root``, which must be empty."""
    head.FEWEST_STEPS = QUICK_STEPS
    pristine = Pristine(root)
    _write_data(pristine.data)
    model = fit_head(animals_resnet50(len(CLASSES)), pristine.data)
    state = {
        name: value.to(torch.float8_e4m3fn) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    torch.save(state, pristine.checkpoint)
    _spoil_labels(pristine.data)
    common = ["--model_path", pristine.checkpoint, "--data_dir", pristine.data, *SIZES]
    call("compute", [*common, "--output_dir", pristine.results])
    cache = ["--cache_dir", pristine.results / "features"]
    call("compute", [*common, "--output_dir", pristine.tables, *cache, "--no_matrix"])
    rate = ["--learning_rate", "0.5"]
    call("compute", [*common, "--output_dir", pristine.other, *cache, *rate])
    call("analyze", ["--results_dir", pristine.results])
    call("analyze", ["--results_dir", pristine.results, "--explain", "cat_00000.jpg"])
    call("analyze", ["--results_dir", pristine.results, "--what_if", "2"])
    shutil.copytree(pristine.data / "train", pristine.raw)
    call("prepare", [pristine.raw, pristine.prepared, "--workers", "1"])
    call("training", ["--data_dir", pristine.data, "--output_dir", pristine.trained, *SHORT])
    return pristine


def call(command: str, arguments: Sequence[object]) -> None:
    """Call a command whose inputs are sound."""
    name, main = COMMANDS[command]
    status = main([str(argument) for argument in arguments])
    if status:
        raise RuntimeError(f"{name} ended with {status} on sound inputs")


def _write_data(folder: Path) -> None:
    write_image_tree(folder, train_per_class=4, test_per_class=2, size=40)
    for split in ("train", "test"):
        for name in set(CLASS_NAMES).difference(CLASSES):
            shutil.rmtree(folder / split / name)


def _spoil_labels(folder: Path) -> None:
    """A dog among the cats, and a training image among the test images: rows for every table."""
    dog = folder / "train" / "dog" / "dog_00000.jpg"
    with Image.open(dog) as image:
        ImageEnhance.Brightness(image).enhance(1.02).save(folder / "train" / "cat" / "wrong.jpg")
    shutil.copy(dog, folder / "train" / "cat" / "same.jpg")
    shutil.copy(dog, folder / "test" / "dog" / "leak.jpg")
