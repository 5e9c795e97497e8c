"""The family of flags: odd values for every flag of every command."""

from __future__ import annotations

import argparse
from pathlib import Path
from random import Random

import analyze_results
import TracIn_Resnet50
from tests.fuzz.case import Case, Scratch
from tests.fuzz.pristine import SHORT, SIZES
from tracin.folder_lock import LOCK
from tracin.prepare import __main__ as prepare_command
from tracin.training import __main__ as training_command

PARSERS = {
    "compute": TracIn_Resnet50.build_parser,
    "analyze": analyze_results.build_parser,
    "prepare": prepare_command.build_parser,
    "training": training_command.build_parser,
}
NOT_TRIED = ("--help", "--version", "--demo", "--restart")
"""They read nothing; ``--demo`` trains for minutes."""

NUMBERS = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "3",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e-999",
        "1e-30",
        "1e30",
        "0.5",
        "1.5",
        "0.999999",
    ),
    *(
        "9" * 400,
        "1" + "0" * 400,
        "-" + "9" * 400,
        str(2**31 - 1),
        str(2**31),
        str(2**63),
        "1_0",
        "٣",
        "0x1",
        "",
    ),
    *(" ", " 1", "1e3", "True", "cat", "\x1b[31m", "--", "-", "é", "1,5", "\u202e1"),
)
LASTS = {
    "--epochs",
    "--head_epochs",
    "--resize_size",
    "--crop_size",
    "--checkpoints",
    "--num_workers",
    "--workers",
}
"""Flags whose large values are lawful and take their time or memory."""


def flags_case(random: Random, scratch: Scratch) -> Case:
    """A sound command line with one flag or two of odd values behind it."""
    command = random.choice(("compute", "compute", "analyze", "analyze", "prepare", "training"))
    arguments, output = _sound(random, command, scratch)
    actions = [action for action in PARSERS[command]()._actions if action.option_strings]
    actions = [action for action in actions if action.option_strings[-1] not in NOT_TRIED]
    said = []
    outputs = [output]
    for _ in range(random.choice((1, 1, 2))):
        words = _odd(random, random.choice(actions), scratch)
        said.append(" ".join(map(str, words))[:80])
        arguments += words
    for place, word in enumerate(arguments[:-1]):
        if word in ("--output_dir", "--cleaned_dir", "--cache_dir", "--results_dir"):
            outputs.append(_absolute(scratch, arguments[place + 1]))
    # A canary named as the output is locked for a moment, and nothing else may happen there.
    lock = scratch.canary / LOCK
    safe = [lock if scratch.canary.is_relative_to(path) else path for path in outputs]
    named = "nan" in "".join(said).casefold()
    return Case(
        command, tuple(arguments), "; ".join(said), tuple(dict.fromkeys(safe)), called_nan=named
    )


def _absolute(scratch: Scratch, word: object) -> Path:
    return scratch.cwd / str(word)


def _sound(random: Random, command: str, scratch: Scratch) -> tuple[list[object], Path]:
    """(the arguments of a sound call, the folder that it writes to)."""
    pristine, output = scratch.pristine, scratch.folder / "output"
    data: list[object] = ["--data_dir", pristine.data, "--output_dir", output]
    if command == "compute":
        cache = ["--cache_dir", scratch.folder / "cache"]
        dry = random.choice(([], ["--dry_run"]))
        return ["--model_path", pristine.checkpoint, *data, *cache, *SIZES, *dry], output
    if command == "prepare":
        return [pristine.raw, output, "--workers", "1"], output
    if command == "training":
        return [*data, *SHORT], output
    folder = scratch.results()
    asked = random.choice(([], ["--explain", "leak.jpg"], ["--explain", "leak.jpg"], ["--apply"]))
    if asked == ["--apply"]:
        actions = scratch.folder / "actions.csv"
        actions.write_text(
            "train_path,action,new_class\ntrain/cat/same.jpg,delete,\n", encoding="utf-8"
        )
        asked = ["--apply", str(actions), "--cleaned_dir", str(output), "--dry_run"]
    return ["--results_dir", folder, *asked], folder


def _odd(random: Random, action: argparse.Action, scratch: Scratch) -> list[object]:
    """The flag with as many odd values as it takes."""
    flag = action.option_strings[-1]
    if action.nargs == 0:
        return [flag]
    count = action.nargs if isinstance(action.nargs, int) else 1
    if action.choices and random.random() < 0.7:
        return [flag, *(random.choice(list(action.choices)) for _ in range(count))]
    takes_path = action.type is Path or flag in ("--what_if", "--explain")
    values = _paths(random, scratch) if takes_path else NUMBERS
    if flag in LASTS:
        values = [value for value in values if not value.isdigit() or not 3 < int(value) < 2**31]
    if flag == "--what_if":
        values = [*values, "0", "-1", "7", "100", "9" * 400]
    return [flag, *(random.choice(values) for _ in range(count))]


def _paths(random: Random, scratch: Scratch) -> list[str]:
    loop = scratch.folder / "loop"
    if not loop.is_symlink():
        loop.symlink_to("loop")
        (scratch.folder / "dangling").symlink_to("nowhere")
    file, pristine = scratch.canary / "secret.txt", scratch.pristine
    return [
        *(
            "",
            ".",
            "..",
            "nowhere",
            "x" * 255,
            "x" * 256,
            "a/" * 2100,
            "/dev/null",
            "/dev/zero",
            "/proc/self/mem",
        ),
        *(
            "~",
            "-",
            "--",
            "$HOME",
            "a\nb",
            "a\rb",
            "\x1b[31m",
            "\u202e",
            "é",
            "e\u0301",
            "caf\udce9",
            "=1+1",
            " ",
        ),
        *(
            str(file),
            f"{file}/inside",
            str(loop),
            f"{loop}/inside",
            str(scratch.folder / "dangling"),
        ),
        *(
            str(pristine.data),
            str(pristine.data / "train" / "cat"),
            str(pristine.checkpoint),
            str(scratch.canary),
        ),
        *(
            str(pristine.raw),
            "NaN",
            "CON",
            "a:b",
            "C:\\x",
            "//server/share",
            f"{scratch.canary}/../canary",
        ),
    ]
