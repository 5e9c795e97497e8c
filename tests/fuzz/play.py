"""One case: make its folder, call the command, judge it, take the folder away."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from random import Random

from tests.fuzz.case import Scratch
from tests.fuzz.families import FAMILIES
from tests.fuzz.oracle import Verdict, judge
from tests.fuzz.pristine import Pristine


def play(family: str, seed: int, pristine: Pristine, folder: Path) -> Verdict:
    """The verdict on case ``seed`` of ``family``.

    Args:
        family: of ``FAMILIES``.
        seed: gives the same case on every machine.
        pristine: the sound inputs.
        folder: for the case's own files; it must not be there, and is not there afterwards.
    """
    scratch = Scratch(folder, pristine)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a fault is made with
            case = FAMILIES[family](Random(f"{family} {seed}"), scratch)
        (folder / "case.txt").write_text(f"{family} {seed}: {case}", "utf-8", "backslashreplace")
        return judge(case, scratch)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
