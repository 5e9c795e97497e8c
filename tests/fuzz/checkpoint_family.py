"""Families of what the first script reads: checkpoints, kept features, images."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch

from tests.fuzz.case import Case, Scratch
from tests.fuzz.file_faults import damage_bytes, replace_place
from tests.fuzz.pristine import SHORT, SIZES
from tests.fuzz.tensor_faults import write_foreign, write_state_fault, write_tensor_fault
from tracin.results import schema


def checkpoint_case(random: Random, scratch: Scratch) -> Case:
    """A damaged or foreign file of weights."""
    path = (
        scratch.folder
        / "models"
        / random.choice(("model.pth",) * 4 + ("model.pt", "model.safetensors"))
    )
    path.parent.mkdir()
    state, kind = scratch.pristine.state, random.random()
    if kind < 0.35:
        fault = write_tensor_fault(random, state, path)
    elif kind < 0.6:
        fault = write_state_fault(random, state, path)
    elif kind < 0.8:
        small = random.random() < 0.7  # most bytes of a small file mean something
        kept = {key: state[key] for key in ("conv1.weight", "fc.0.weight")} if small else state
        torch.save(kept, path, _use_new_zipfile_serialization=random.random() < 0.7)
        fault = damage_bytes(random, path)
    elif kind < 0.95:
        fault = write_foreign(random, path, scratch.canary)
    else:
        fault = replace_place(random, path, scratch.canary)
    if random.random() < 0.12:
        return _as_backbone(scratch, path, fault)
    return compute_case(
        scratch, fault, at_fault=("model.", "models", "checkpoint"), checkpoint=path
    )


def _as_backbone(scratch: Scratch, path: Path, fault: str) -> Case:
    """The file of weights as what a training begins with."""
    target = scratch.folder / "trained"
    flags = [flag for flag in SHORT if flag != "--from_scratch"]
    flags += ["--backbone_weights", str(path), "--data_dir", str(scratch.pristine.data)]
    return Case(
        "training", (*flags, "--output_dir", target), fault, (target,), (path.name, "diverged")
    )


def compute_case(
    scratch: Scratch,
    fault: str,
    *,
    at_fault: tuple[str, ...] = (),
    checkpoint: Path | None = None,
    data: Path | None = None,
    more: tuple[object, ...] = (),
) -> Case:
    """A run of the first script into a new folder, with the pristine features at hand."""
    folder = scratch.folder / "results"
    if not folder.exists():
        features = scratch.pristine.results / schema.FEATURES
        shutil.copytree(features, folder / schema.FEATURES)
    flags: tuple[object, ...] = ("--model_path", checkpoint or scratch.pristine.checkpoint)
    flags += ("--data_dir", data or scratch.pristine.data, "--output_dir", folder, *SIZES, *more)
    check = None if "--dry_run" in more else lambda: tables_fault(folder)
    return Case("compute", flags, fault, (folder,), at_fault, check=check)


def tables_fault(folder: Path) -> str:
    """What is wrong with the tables of a run that ended well; "" for nothing."""
    try:
        for name in schema.files_of_run(matrix=True):
            if name.endswith(".csv") and name != schema.INFLUENCE_SCORES:
                schema.read_table(folder, name)
        scores = pd.read_csv(folder / schema.INFLUENCE_SCORES).to_numpy(np.float64)
    except Exception as error:
        return f"the tables cannot be read: {error}"
    return "" if np.isfinite(scores).all() else "the matrix holds no finite numbers alone"


def store_case(random: Random, scratch: Scratch) -> Case:
    """Damaged kept features: the scores are what they were, or a sentence says why not."""
    folder = scratch.folder / "results"
    features = folder / schema.FEATURES
    shutil.copytree(scratch.pristine.results / schema.FEATURES, features)
    path = features / "features.sqlite"
    kind = random.random()
    if kind < 0.4:
        fault = damage_bytes(random, path)
    elif kind < 0.9:
        fault = _change_rows(random, path)
    elif kind < 0.97:
        fault = replace_place(random, random.choice((path, features)), scratch.canary)
    else:
        (features / "features.machine1.sqlite").write_bytes(random.randbytes(5000))
        fault = "another machine's store is no store"
    case = compute_case(scratch, fault, at_fault=("features",))
    expected = pd.read_csv(scratch.pristine.results / schema.INFLUENCE_SCORES).to_numpy()

    def check() -> str:
        if wrong := tables_fault(folder):
            return wrong
        scores = pd.read_csv(folder / schema.INFLUENCE_SCORES).to_numpy()
        close = np.allclose(scores, expected, rtol=1e-2, atol=1e-4 * np.abs(expected).max())
        return "" if close else "other scores than before, unannounced"

    return Case(case.command, case.arguments, fault, case.outputs, case.at_fault, check=check)


_STATEMENTS = (
    "DROP TABLE images",
    "ALTER TABLE images DROP COLUMN value",
    "ALTER TABLE images DROP COLUMN checksum",
    "ALTER TABLE images RENAME COLUMN place TO other",
    "ALTER TABLE images RENAME TO features",
    "ALTER TABLE images ADD COLUMN more TEXT",
    "CREATE TABLE features (a)",
    "CREATE VIEW more AS SELECT * FROM images",
    "CREATE TRIGGER t BEFORE INSERT ON images BEGIN SELECT RAISE(ABORT, 'no'); END",
    "DELETE FROM images",
    "PRAGMA user_version = 99",
    "PRAGMA journal_mode = DELETE",
)
_COLUMNS = ("key", "path", "size", "changed", "place", "hashes", "value", "checksum")
_VALUES: tuple[object, ...] = (
    *(None, 0, -1, 2**62, 1.5, "", "text", "\0", b"", b"short", bytes(8192), b"\xff" * 8192),
)


def _change_rows(random: Random, path: Path) -> str:
    with sqlite3.connect(path) as database:
        if random.random() < 0.4:
            statement = random.choice(_STATEMENTS)
            database.execute(statement)
        else:
            column, value = random.choice(_COLUMNS), random.choice(_VALUES)
            some = random.choice(("", " WHERE path LIKE '%cat%'"))
            statement = f"UPDATE OR IGNORE images SET {column} = ?{some}"
            try:
                database.execute(statement, (value,))
            except sqlite3.IntegrityError:
                database.execute("UPDATE images SET value = x'00'")
            statement = f"{statement} ({str(value)[:20]!r})"
    database.close()
    return statement
