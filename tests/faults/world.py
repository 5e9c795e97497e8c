"""A tiny world for every command, and what each of them leaves when nothing befalls it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import torch

from tests.faults.contents import Contents, contents
from tests.faults.injected import PAUSE, Access, Fault
from tests.forked import Child, Ended, ForkServer
from tests.image_lists import lists, rows_of, write_list
from tests.prepare.raw_photos import piece
from tests.real_data import CLASS_NAMES, animals_resnet50, fit_head, write_image_tree
from tests.run_info import example_run_info
from tracin.results.run_info import write_run_info

COMPUTE, ANALYZE, PREPARE = "TracIn_Resnet50", "analyze_results", "tracin.prepare.__main__"
TRAINING = "tracin.training.__main__"
SHOWN = ("--resize_size", "40", "--crop_size", "32", "--num_workers", "0", "--device", "cpu")
CLASSES = CLASS_NAMES[:3]

PATIENCE = 600
"""Seconds for what takes a few on an idle machine."""


@dataclass(frozen=True)
class Command:
    """A command in the world, with the folder that it fills."""

    name: str
    module: str
    arguments: tuple[str, ...]
    output: Path
    former: Path | None = None
    """What stands in the output folder before it; None: there is none."""


@dataclass
class World:
    """Images, photos, weights and results, and a server for the processes."""

    folder: Path
    server: ForkServer
    small_disk: Path | None = None
    """Where the output folders are, on a disk of their own; None: in ``folder``."""
    numbers: Callable[[], int] = field(default_factory=lambda: count().__next__)

    @property
    def data(self) -> Path:
        """train/ and test/."""
        return self.folder / "data"

    @property
    def results(self) -> Path:
        """The output of the first script, and of the second."""
        return self.outputs / "results"

    @property
    def of_lists(self) -> Path:
        """Results of a run whose images two lists tell apart: the record alone."""
        return self.folder / "of_lists"

    @property
    def outputs(self) -> Path:
        """Where the output folders are."""
        return self.small_disk or self.folder

    @contextmanager
    def filled_disk(self, left: int) -> Iterator[None]:
        """Fill the small disk but for so many bytes while the block runs."""
        assert self.small_disk is not None
        filler = self.small_disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.small_disk).free - left)
        yield
        filler.unlink()

    def start(self, command: Command, kind: str = "", at: int = -1) -> tuple[Child, Path]:
        """Start a command; return it and the file that says what it did to the disk."""
        report = self.folder / f"report{self.numbers()}"
        folders = [command.output, *([self.results] if kind == PAUSE else [])]
        fault = Fault(command.module, tuple(map(str, folders)), str(report), kind, at)
        child = self.server.start(
            command.arguments, "tests.faults.injected", fault.as_environment()
        )
        return child, report

    def run(self, command: Command, kind: str = "", at: int = -1) -> tuple[Ended, list[Access]]:
        """Run a command to its end; return how it ended, and what it did to the disk."""
        child, report = self.start(command, kind, at)
        return child.end(PATIENCE), accesses(report)

    def reset(self, command: Command) -> None:
        """Put what stood in the output folder before the command there."""
        if command.output.exists():
            shutil.rmtree(command.output)
        if command.former is not None:
            shutil.copytree(command.former, command.output)

    def keep_former(self, name: str, *commands: Command) -> Path:
        """What the commands leave one after the other, in a folder of its own."""
        if commands[0].output.exists():
            shutil.rmtree(commands[0].output)  # another command's, before
        for command in commands:
            ended, _ = self.run(command)
            assert ended.status == 0, ended.errors
        former = self.folder / f"former{self.numbers()}" / name
        shutil.copytree(commands[0].output, former)
        shutil.rmtree(commands[0].output)
        return former

    def undisturbed(self, command: Command) -> Contents:
        """What the command leaves when nothing befalls it."""
        self.reset(command)
        ended, _ = self.run(command)
        assert ended.status == 0, ended.errors
        return contents(command.output)


def accesses(report: Path) -> list[Access]:
    """What a command did to the disk."""
    if not report.exists():
        return []
    lines = report.read_text(encoding="utf-8").splitlines()
    return [Access(**json.loads(line)) for line in lines]


def make_world(folder: Path, server: ForkServer) -> World:
    """Write images, photos, weights and decisions into ``folder``."""
    world = World(folder, server)
    write_image_tree(world.data, train_per_class=4, test_per_class=2, size=48, classes=CLASSES)
    for number, name in enumerate([*CLASSES] * 5):
        path = folder / "raw" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        piece(number, 64).save(path)
    weights = fit_head(animals_resnet50(len(CLASSES)), world.data).state_dict()
    torch.save(weights, folder / "model.pth")
    for name, row in (
        ("a", f"train/cat/cat_00001.jpg,relabel,{CLASSES[2]}"),
        ("b", "train/cat/cat_00002.jpg,delete,"),
    ):
        text = f"train_path,action,new_class\n{row}\n"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    _write_run_of_lists(world)
    return world


def _write_run_of_lists(world: World) -> None:
    """The record of a run whose images two lists tell apart."""
    paths = [
        write_list(world.folder / f"{split}_list.csv", rows_of(world.data, split))
        for split in ("train", "test")
    ]
    world.of_lists.mkdir()
    run = replace(example_run_info(), data_dir=str(world.data), layout=lists(*paths))
    write_run_info(world.of_lists, run)


def compute(world: World, *more: str, former: Path | None = None) -> Command:
    """The first script."""
    return Command(
        "compute",
        COMPUTE,
        (
            *("--model_path", str(world.folder / "model.pth"), "--data_dir", str(world.data)),
            *("--output_dir", str(world.results), *SHOWN, *more),
        ),
        world.results,
        former,
    )


def analyze(world: World, name: str, former: Path, *more: str) -> Command:
    """The second script, on the results in ``former``."""
    arguments = ("--results_dir", str(world.results), *more)
    return Command(name, ANALYZE, arguments, world.results, former)


def clean(world: World, actions: str, former: Path | None = None) -> Command:
    """``--apply``, which could do without the results."""
    output = world.outputs / "cleaned"
    arguments = (
        *("--apply", str(world.folder / f"{actions}.csv"), "--cleaned_dir", str(output)),
        *("--data_dir", str(world.data), "--results_dir", str(world.results)),
    )
    return Command("apply", ANALYZE, arguments, output, former)


def clean_lists(world: World, actions: str, former: Path | None = None) -> Command:
    """``--apply`` to lists."""
    output = world.outputs / "cleaned"
    arguments = (
        *("--apply", str(world.folder / f"{actions}.csv"), "--cleaned_dir", str(output)),
        *("--results_dir", str(world.of_lists)),
    )
    return Command("apply", ANALYZE, arguments, output, former)


def prepare(world: World, *more: str) -> Command:
    """The preparation of the raw photos."""
    output = world.outputs / "prepared"
    arguments = (str(world.folder / "raw"), str(output), "--size", "48", "--workers", "1", *more)
    return Command("prepare", PREPARE, arguments, output)


def training(world: World, *more: str, former: Path | None = None) -> Command:
    """A training of two epochs from random weights."""
    output = world.outputs / "models"
    arguments = (
        *("--data_dir", str(world.data), "--output_dir", str(output), "--from_scratch"),
        *("--epochs", "2", "--checkpoints", "1", "--validation_share", "0.25"),
        *("--batch_size", "16", *SHOWN, *more),
    )
    return Command("training", TRAINING, arguments, output, former)
