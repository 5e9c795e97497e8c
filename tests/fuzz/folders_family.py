"""Families of images and of decisions about them: every command that reads a folder of images."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.fuzz.case import Case, Scratch
from tests.fuzz.checkpoint_family import compute_case
from tests.fuzz.csv_faults import damage_table
from tests.fuzz.file_faults import damage_bytes, replace_place
from tests.fuzz.image_faults import damage_images
from tests.fuzz.json_faults import damage_json
from tests.fuzz.pristine import SHORT
from tracin.results import schema


def images_case(random: Random, scratch: Scratch) -> Case:
    """Spoiled images or folders, and a command that reads them."""
    case = _images(random, scratch)
    return replace(case, called_nan="nan" in case.fault or "inf" in case.fault)


def _images(random: Random, scratch: Scratch) -> Case:
    kind = random.random()
    if kind < 0.3:
        return _prepared(random, scratch)
    data = scratch.data()
    fault = damage_images(random, data, scratch.canary)
    if kind < 0.6:
        more = random.choice(((), ("--on_error", "skip"), ("--on_error", "skip"), ("--dry_run",)))
        return compute_case(scratch, fault, data=data, more=more)
    if kind < 0.66:
        folder = scratch.results()
        return Case("analyze", ("--results_dir", folder, "--data_dir", data), fault, (folder,))
    if kind < 0.72:
        target = scratch.folder / "trained"
        return Case(
            "training", ("--data_dir", data, "--output_dir", target, *SHORT), fault, (target,)
        )
    target = scratch.folder / "cleaned"
    actions = _write_actions(scratch.folder, (("train/cat/same.jpg", "relabel", "dog"),))
    flags = ("--apply", actions, "--cleaned_dir", target, "--data_dir", data)
    return Case("analyze", flags, fault, (target,))


def _prepared(random: Random, scratch: Scratch) -> Case:
    raw, target = scratch.folder / "raw", scratch.folder / "prepared"
    shutil.copytree(scratch.pristine.raw, raw)
    fault = damage_images(random, raw, scratch.canary)
    return Case("prepare", (raw, target, "--workers", "1"), fault, (target,))


def _write_actions(folder: Path, rows: tuple[tuple[str, ...], ...]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((("train_path", "action", "new_class"), *rows))
    path = folder / "actions.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


ACTIONS = (
    *(("train/cat/same.jpg", "relabel", "dog"), ("train/cat/wrong.jpg", "delete", "")),
    *(("train/dog/dog_00001.jpg", "keep", ""), ("train/dog/dog_00002.jpg", "delete", "")),
)


def decisions_case(random: Random, scratch: Scratch) -> Case:
    """Damaged actions, log of an earlier ``--apply``, or earlier answers of ``--what_if``."""
    return random.choice((_actions, _actions, _actions, _log, _log, _answers, _split))(
        random, scratch
    )


def _spoil(random: Random, path: Path, scratch: Scratch) -> str:
    kind = random.random()
    if kind < 0.65:
        return damage_table(random, path)
    return (
        damage_bytes(random, path) if kind < 0.92 else replace_place(random, path, scratch.canary)
    )


def _actions(random: Random, scratch: Scratch) -> Case:
    path = _write_actions(scratch.folder, ACTIONS)
    fault = f"actions.csv: {_spoil(random, path, scratch)}"
    if random.random() < 0.1:
        folder = scratch.results(kept=True)
        return Case("analyze", ("--what_if", path, "--results_dir", folder), fault, (folder,))
    target, data = scratch.folder / "cleaned", scratch.pristine.data
    more = random.choice(((), (), ("--dry_run",)))
    flags = ("--apply", path, "--cleaned_dir", target, "--data_dir", data, *more)
    return Case("analyze", flags, fault, (target,))


def _log(random: Random, scratch: Scratch) -> Case:
    """An earlier cleaned folder whose log was changed: what it names must not be deleted."""
    target = scratch.folder / "cleaned"
    data = scratch.pristine.data.resolve()
    shutil.copytree(data, target)
    (target / "cleaned_from.json").write_text(json.dumps({"data_dir": str(data)}), encoding="utf-8")
    (target / "train" / "cat" / "mine.jpg").write_bytes(b"a person's own")
    rows = [("path", "action", "new_path", "note", "written")]
    named = (
        "train/cat/mine.jpg",
        "../canary/secret.txt",
        str(scratch.canary / "secret.txt"),
        "..",
        "",
        ".",
    )
    for path in sorted((data / "train").rglob("*.jpg")):
        name = path.relative_to(data).as_posix()
        rows.append((name, "keep", name, "", "1 2"))
    for _ in range(random.randrange(3)):
        size = (scratch.canary / "secret.txt").stat()
        state = random.choice((f"{size.st_size} {size.st_mtime_ns} {size.st_ino}", "1 2", ""))
        rows.append((random.choice((rows[1][0], *named)), "keep", random.choice(named), "", state))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    log = target / "cleaning_log.csv"
    log.write_text(text.getvalue(), encoding="utf-8")
    fault = f"cleaning_log.csv: {_spoil(random, log, scratch)}"
    actions = _write_actions(scratch.folder, random.choice((ACTIONS, ())))
    flags = ("--apply", actions, "--cleaned_dir", target, "--data_dir", data)

    def check() -> str:
        kept = (target / "train" / "cat" / "mine.jpg").exists()
        return "" if kept else "a person's own file was deleted"

    return Case("analyze", flags, fault, (target,), check=check)


def _answers(random: Random, scratch: Scratch) -> Case:
    folder = scratch.results(kept=True)
    fault = f"{schema.WHAT_IF_ANSWERS}: {_spoil(random, folder / schema.WHAT_IF_ANSWERS, scratch)}"
    flags = ("--what_if", "1", "--results_dir", folder)
    return Case("analyze", flags, fault, (folder,), (schema.WHAT_IF_ANSWERS,))


def _split(random: Random, scratch: Scratch) -> Case:
    """Damaged tables of ``tracin.prepare`` beside the images that are scored."""
    data = scratch.folder / "data"
    shutil.copytree(scratch.pristine.prepared, data)
    path = data / random.choice(("split.csv", "near_duplicates.csv"))
    fault = f"{path.name}: {_spoil(random, path, scratch)}"
    return compute_case(scratch, fault, data=data)


def prepare_case(random: Random, scratch: Scratch) -> Case:
    """A preparation that was killed, its journal, stamp or tables damaged."""
    target = scratch.folder / "prepared"
    shutil.copytree(scratch.pristine.prepared, target)
    stamp = target / "prepared.json"
    content = json.loads(stamp.read_text("utf-8"))
    if random.random() < 0.8:
        stamp.write_text(json.dumps({**content, "finished": False}), encoding="utf-8")
    journal = target / ".unfinished" / "journal.jsonl"
    journal.parent.mkdir(exist_ok=True)
    lines = [
        {
            "raw_file": {
                "path": path.relative_to(scratch.pristine.raw).as_posix(),
                "class_name": path.parent.name,
                "target": path.stem,
                "size": path.stat().st_size,
                "modified": path.stat().st_mtime_ns,
            },
            "reason": "",
            "pixel_hash": f"{number:032x}",
            "grey_values": "00" * 256,
        }
        for number, path in enumerate(sorted(scratch.pristine.raw.rglob("*.jpg")))
    ]
    spoiled = random.choice(lines)
    path = scratch.folder / "line.json"
    path.write_text(json.dumps(spoiled), encoding="utf-8")
    fault = damage_json(random, path)
    text = [
        path.read_text("utf-8", "surrogatepass") if each is spoiled else json.dumps(each)
        for each in lines
    ]
    journal.write_text("\n".join(text) + "\n", encoding="utf-8", errors="surrogatepass")
    fault = f"journal: {fault}"
    if random.random() < 0.5:
        chosen = random.choice(
            (journal, target / "split.csv", target / "near_duplicates.csv", target / "train")
        )
        replaced = not chosen.is_file() or random.random() < 0.3
        said = (
            replace_place(random, chosen, scratch.canary)
            if replaced
            else damage_bytes(random, chosen)
        )
        fault += f", {chosen.name}: {said}"
    return Case("prepare", (scratch.pristine.raw, target, "--workers", "1"), fault, (target,))
