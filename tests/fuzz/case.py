"""What a fuzz case is: a scratch folder with something hostile in it, and the command to call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.pristine import Pristine


@dataclass(frozen=True)
class Case:
    """A call of a command, and what is known beforehand of how it must end."""

    command: str
    """``compute``, ``analyze``, ``prepare`` or ``training``."""
    arguments: tuple[object, ...]
    fault: str
    """What was done to the inputs, for whoever reads of an escape."""
    outputs: tuple[Path, ...] = ()
    """What the command may write in."""
    at_fault: tuple[str, ...] = ()
    """A message of exit 1 must hold one of these; () where nothing single is at fault."""
    must_fail: bool = False
    """Exit 0 would mean that a fault went unnoticed."""
    called_nan: bool = False
    """A class or a file is called like a number that is none, and may be named."""
    check: Callable[[], str] | None = None
    """Says what is wrong with the outputs after exit 0; "" for nothing."""


class Scratch:
    """The folder of one case, with copies of the pristine inputs and a canary beside them."""

    def __init__(self, folder: Path, pristine: Pristine) -> None:
        self.folder, self.pristine = folder, pristine
        self.canary = folder / "canary"
        self.canary.mkdir(parents=True)
        (self.canary / "secret.txt").write_text("not yours\n", encoding="utf-8")
        shutil.copy(next((pristine.data / "test" / "cat").iterdir()), self.canary / "photo.jpg")
        self.cwd = folder / "cwd"
        self.cwd.mkdir()

    def results(self, name: str = "results", *, kept: bool = False) -> Path:
        """A copy of pristine results; ``kept``: with the features."""
        skipped = None if kept else shutil.ignore_patterns("features")
        target = self.folder / "results"
        shutil.copytree(self.pristine.root / name, target, ignore=skipped)
        return target

    def data(self) -> Path:
        """A copy of the pristine images."""
        return Path(shutil.copytree(self.pristine.data, self.folder / "data"))

    def checkpoint(self) -> Path:
        """The pristine checkpoint as a second name; whoever changes it writes another file."""
        path = self.folder / "models" / "model.pth"
        path.parent.mkdir()
        os.link(self.pristine.checkpoint, path)
        return path


Family = Callable[[Random, Scratch], Case]
