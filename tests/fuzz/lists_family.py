"""The family of lists of images: every command that reads one, or a run that was made of one."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.fuzz.case import Case, Scratch
from tests.fuzz.checkpoint_family import compute_case
from tests.fuzz.csv_faults import damage_table
from tests.fuzz.file_faults import damage_bytes, replace_place
from tests.fuzz.pristine import SHORT
from tracin.clean.folder import LOG
from tracin.clean.lists import TEST_LIST, TRAIN_LIST
from tracin.clean.target import STAMP
from tracin.image_folder import find_split
from tracin.results import schema

PATHS = (
    *("train/cat", ".", "train/cat/./cat_00000.jpg", "./train//cat/cat_00000.jpg", "train/cat/"),
    *("test/cat/cat_00000.jpg", "train/cat/../dog/dog_00000.jpg", "train\\dog\\dog_00000.jpg"),
    *(
        "/etc/hostname",
        "//server/x.jpg",
        "C:x.jpg",
        "train/cat/none.jpg",
        "train/cat/cat_00000.gif",
    ),
    *("train/" + "x" * 300 + ".jpg", "x/" * 2000 + "x.jpg", "run.json", "'=train/cat/x.jpg"),
)
"""Odd ones for a list of the pristine images."""


def lists_case(random: Random, scratch: Scratch) -> Case:
    """A damaged list, or what an earlier ``--apply`` left of one."""
    folder = scratch.folder / "lists"
    folder.mkdir()
    lists = {name: folder / f"{name}.csv" for name in ("train", "test")}
    for split, path in lists.items():
        _write(path, [*_rows(scratch.pristine.data, split)])
    name = random.choice(("train", "train", "test"))
    fault = f"{name} list: {_spoil(random, lists[name], scratch)}"
    kind = random.random()
    flags: tuple[object, ...] = ("--train_list", lists["train"])
    flags += ("--test_share", "0.4") if random.random() < 0.25 else ("--test_list", lists["test"])
    if kind < 0.55:
        more = random.choice(((), ("--dry_run",), ("--dry_run",)))
        case = compute_case(scratch, fault, more=(*flags, *more))
    elif kind < 0.6:
        target = scratch.folder / "trained"
        data = ("--data_dir", scratch.pristine.data)
        case = Case(
            "training", (*data, *flags[:2], "--output_dir", target, *SHORT), fault, (target,)
        )
    else:
        case = _of_a_run(random, scratch, lists, fault)
    return replace(case, called_nan=_holds_nan(lists[name]))


def _holds_nan(path: Path) -> bool:
    """Whether a cell is called like a number that is none: the message quotes it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(1_000_000).lower()
    return b"nan" in start or b"inf" in start


def _rows(data: Path, split: str) -> list[list[str]]:
    files = find_split(data, split)
    rows = [["path", "label", "camera", "number"]]
    for number, (path, label) in enumerate(zip(files.images, files.labels, strict=True)):
        rows.append([path, label, ("one", "two", "")[number % 3], str(number)])
    return rows


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _spoil(random: Random, path: Path, scratch: Scratch) -> str:
    kind = random.random()
    if kind < 0.3:
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
        chosen = random.sample(PATHS, random.choice((1, 1, 3)))
        for name in chosen:
            random.choice(rows[1:])[0] = name
        _write(path, rows)
        return ", ".join(each[:40] for each in chosen)
    if kind < 0.75:
        return damage_table(random, path)
    return (
        damage_bytes(random, path) if kind < 0.92 else replace_place(random, path, scratch.canary)
    )


def _of_a_run(random: Random, scratch: Scratch, lists: dict[str, Path], fault: str) -> Case:
    """A run of these lists is analysed, or what was decided about it is carried out."""
    results = scratch.results()
    run = json.loads((results / schema.RUN_INFO).read_text("utf-8"))
    below = random.choice(("", "", "", "..", "/etc", "train"))
    for name, path in lists.items():
        run["layout"][f"{name}_list"] = {"file": str(path), "below": below}
    (results / schema.RUN_INFO).write_text(json.dumps(run), encoding="utf-8")
    if random.random() < 0.15:
        return Case("analyze", ("--results_dir", results), fault, (results,))
    target = scratch.folder / "cleaned"
    outputs = (target,)
    if random.random() < 0.4:
        target.mkdir()
        about = {"data_dir": str(scratch.pristine.data.resolve())}
        about |= {f"{name}_list": str(path) for name, path in lists.items()}
        about |= random.choice(({}, {TRAIN_LIST: "0" * 64, TEST_LIST: "\u0662 x"}))
        (target / STAMP).write_text(json.dumps(about), encoding="utf-8")
        for name in random.sample((TRAIN_LIST, TEST_LIST, LOG), random.randrange(3)):
            (target / name).write_text("a person's own", encoding="utf-8")
    actions = scratch.folder / "actions.csv"
    _write(
        actions,
        [
            ["train_path", "action", "new_class"],
            *(["train/cat/same.jpg", "relabel", "dog"], ["test/dog/leak.jpg", "delete", ""]),
        ],
    )
    more = random.choice(((), (), ("--dry_run",)))
    flags = ("--apply", actions, "--cleaned_dir", target, "--results_dir", results, *more)
    kept = {path: path.read_bytes() for path in sorted(target.glob("t*.csv"))}

    def check() -> str:
        lost = [path.name for path, content in kept.items() if path.read_bytes() != content]
        return f"a person's own {lost[0]} was replaced" if lost else ""

    return Case("analyze", flags, fault, outputs, check=check)
