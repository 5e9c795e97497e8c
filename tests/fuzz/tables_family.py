"""Families of results: tables and JSON that were damaged, and what the second script says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

from tests.fuzz.case import Case, Scratch
from tests.fuzz.csv_faults import damage_table
from tests.fuzz.file_faults import damage_bytes, replace_place
from tests.fuzz.json_faults import damage_json
from tests.fuzz.pristine import SIZES
from tracin.results import schema

TABLES = tuple(name for name in schema.COMPUTE_FILES if name.endswith(".csv"))
EXPLAINED = (
    *(schema.TOP_INFLUENCES_TABLE, schema.INFLUENCE_SUMMARY, schema.SUSPECTS, schema.PREDICTIONS),
)
ASKED = (schema.TRAIN_SUMMARY, schema.INFLUENCE_SUMMARY)
READ = {"": TABLES, "--explain": EXPLAINED, "--what_if": ASKED}
"""The tables that a question reads, and so compares with the manifest."""


def question(random: Random) -> tuple[str, ...]:
    """The flags of one of the questions that read results."""
    kind = random.random()
    if kind < 0.35:
        return ()
    if kind < 0.93:  # a third of the time of a whole analysis
        return ("--explain", random.choice(("cat_00000.jpg", "test/dog/leak.jpg")))
    return ("--what_if", "2")


def results_case(random: Random, scratch: Scratch) -> Case:
    """A damaged table, beside a manifest that knows it, one that does not, or none."""
    asked = question(random)
    kept = asked[:1] == ("--what_if",)  # the other run's features stand elsewhere
    base = random.choice(("results", "results", "results" if kept else "tables"))
    folder = scratch.results(base, kept=kept)
    present = [name for name in TABLES if (folder / name).exists()]
    read = [name for name in READ[asked[0] if asked else ""] if name in present]
    name = random.choice(read if random.random() < 0.9 else present)
    fault, changed = _damage(random, folder / name, scratch)
    known = random.random() < 0.25
    if not known:
        fault += _forget(random, folder)
    return Case(
        "analyze",
        ("--results_dir", folder, *asked),
        f"{name}: {fault}",
        outputs=(folder,),
        at_fault=_names(name) + (() if (folder / schema.RUN_INFO).exists() else (schema.RUN_INFO,)),
        must_fail=known and changed and name in read,
    )


def _damage(random: Random, path: Path, scratch: Scratch) -> tuple[str, bool]:
    """(the fault, whether the file is there and its content another one)."""
    before = path.read_bytes()
    kind = random.random()
    if kind < 0.6:
        fault = damage_table(random, path)
    elif kind < 0.85:
        fault = damage_bytes(random, path)
    elif kind < 0.92:
        other = scratch.pristine.other / path.name
        source = other if other.exists() else scratch.pristine.results / random.choice(TABLES[2:])
        shutil.copy(source, path)
        fault = f"of another run ({source.name})"
    else:
        fault = replace_place(random, path, scratch.canary)
    return fault, path.is_file() and path.resolve() != Path(
        "/dev/zero"
    ) and path.read_bytes() != before


def _forget(random: Random, folder: Path) -> str:
    """Let the manifest know no file, or take ``run.json`` away."""
    path = folder / schema.RUN_INFO
    if random.random() < 0.3:
        path.unlink()
        return ", no run.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, "files": {}}), encoding="utf-8")
    return ", no manifest"


def _names(name: str) -> tuple[str, ...]:
    """What a message about the table may name: the matrix and its stand-in are one subject."""
    scores = (schema.INFLUENCE_SCORES, schema.CLASS_INFLUENCE)
    return scores if name in scores else (name,)


def json_case(random: Random, scratch: Scratch) -> Case:
    """A damaged JSON file of those that the commands read."""
    return random.choice(
        (_of_results, _of_results, _beside_checkpoint, _of_cleaned, _of_prepared, _of_training)
    )(random, scratch)


def _damage_json(random: Random, path: Path, scratch: Scratch) -> str:
    kind = random.random()
    if kind < 0.75:
        return damage_json(random, path)
    return (
        damage_bytes(random, path) if kind < 0.92 else replace_place(random, path, scratch.canary)
    )


def _of_results(random: Random, scratch: Scratch) -> Case:
    asked = random.choice((question(random), ("--apply",)))
    folder = scratch.results(kept=asked[:1] == ("--what_if",))
    names = (schema.RUN_INFO, schema.RUN_INFO, schema.SUSPECT_FACTORS)
    name = random.choice((*names, schema.ANALYSIS_FILES, schema.EXPLANATION_FILES))
    fault = _damage_json(random, folder / name, scratch)
    outputs: tuple[Path, ...] = (folder,)
    if asked == ("--apply",):
        actions = scratch.folder / "actions.csv"
        actions.write_text("train_path,action,new_class\n", encoding="utf-8")
        target = scratch.folder / "cleaned"
        asked, outputs = ("--apply", str(actions), "--cleaned_dir", str(target)), (target,)
    elif random.random() < 0.25 and name != schema.RUN_INFO:
        return Case("compute", _compute(scratch, folder), f"{name}: {fault}", (folder,), (name,))
    named = () if name == schema.RUN_INFO else (name,)
    return Case("analyze", ("--results_dir", folder, *asked), f"{name}: {fault}", outputs, named)


def _compute(scratch: Scratch, folder: Path, checkpoint: Path | None = None) -> tuple[object, ...]:
    pristine = scratch.pristine
    return (
        *("--model_path", checkpoint or pristine.checkpoint, "--data_dir", pristine.data),
        *("--output_dir", folder, *SIZES),
    )


def _beside_checkpoint(random: Random, scratch: Scratch) -> Case:
    checkpoint = scratch.checkpoint()
    beside = checkpoint.with_suffix(".json")
    stored = {
        "epoch": 3,
        "class_names": ["cat", "dog"],
        "resize_size": 40,
        "crop_size": 32,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "learning_rate": 0.001,
        "label_smoothing": 0.1,
        "class_weights": [1.0, 2.0],
    }
    kept = random.sample(list(stored), random.randrange(1, len(stored) + 1))
    beside.write_text(json.dumps({key: stored[key] for key in kept}), encoding="utf-8")
    fault = _damage_json(random, beside, scratch)
    folder = scratch.results(kept=True)
    flags = _compute(scratch, folder, checkpoint)
    if random.random() < 0.5:  # sizes of flags keep what is stored from costing time
        flags = tuple(
            flag for flag in flags if flag not in ("--resize_size", "40", "--crop_size", "32")
        )
        flags += ("--dry_run",)
    return Case("compute", flags, f"beside the checkpoint: {fault}", (folder,))


def _of_cleaned(random: Random, scratch: Scratch) -> Case:
    pristine, target = scratch.pristine, scratch.folder / "cleaned"
    target.mkdir()
    stamp = target / "cleaned_from.json"
    stamp.write_text(json.dumps({"data_dir": str(pristine.data.resolve())}), encoding="utf-8")
    (target / "kept.txt").write_text("foreign\n", encoding="utf-8")
    fault = _damage_json(random, stamp, scratch)
    actions = scratch.folder / "actions.csv"
    actions.write_text("train_path,action,new_class\n", encoding="utf-8")
    flags = ("--apply", actions, "--cleaned_dir", target, "--data_dir", pristine.data)
    return Case("analyze", flags, f"cleaned_from.json: {fault}", (target,))


def _of_prepared(random: Random, scratch: Scratch) -> Case:
    pristine = scratch.pristine
    target = Path(shutil.copytree(pristine.prepared, scratch.folder / "prepared"))
    fault = _damage_json(random, target / "prepared.json", scratch)
    return Case(
        "prepare", (pristine.raw, target, "--workers", "1"), f"prepared.json: {fault}", (target,)
    )


def _of_training(random: Random, scratch: Scratch) -> Case:
    from tests.fuzz.pristine import SHORT

    pristine = scratch.pristine
    target = scratch.folder / "trained"
    shutil.copytree(pristine.trained, target, copy_function=_linked)
    fault = _damage_json(random, target / "training.json", scratch)
    flags = ("--data_dir", pristine.data, "--output_dir", target, *SHORT)
    return Case("training", flags, f"training.json: {fault}", (target,))


def _linked(source: str, target: str) -> None:
    path = Path(target)
    path.hardlink_to(source) if path.suffix == ".pth" else shutil.copy2(source, target)
