"""Corrected lists → files in a folder of their own; lists that a person changed there stay."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tracin.clean.folder import LOG
from tracin.clean.lists import ListPlan, corrected_lists
from tracin.clean.target import OTHERWISE, STAMP, check_target, read_stamp, write_stamp
from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.hashing import file_sha256
from tracin.places import file_below
from tracin.results.cells import write_csv
from tracin.temporary import remove_abandoned, replacing

LIST_LOG_COLUMNS = ("path", "action", "label", "new_label", "note")


def write_lists(plan: ListPlan, cleaned_dir: Path) -> None:
    """Write the corrected lists and the log into ``cleaned_dir``.

    Raises:
        TracInError: see ``check_target``; or a list there was changed since, or the folder cannot
            be written to.
    """
    check_target(plan.data_dir, cleaned_dir, plan.layout)  # before a lock is put there
    try:
        with locked(cleaned_dir, OTHERWISE):
            check_target(plan.data_dir, cleaned_dir, plan.layout)
            _write(plan, cleaned_dir)
    except OSError as error:
        raise TracInError(
            f"Cannot write to {cleaned_dir} ({error}). Make room there, or {OTHERWISE}. The "
            "original lists are unchanged."
        ) from error


def _write(plan: ListPlan, cleaned_dir: Path) -> None:
    texts = corrected_lists(plan)
    remove_abandoned(cleaned_dir, {STAMP, LOG, *texts}.__contains__)
    known = _written_before(cleaned_dir, texts)
    for name, text in texts.items():
        _refuse_changed(cleaned_dir / name, known[name], text)
    hashes = {name: _sha256(text) for name, text in texts.items()}
    # Before the lists: whenever it is killed, what stands there is known to be ours.
    either = {name: " ".join([*known[name], hashes[name]]) for name in texts}
    write_stamp(plan.data_dir, cleaned_dir, plan.layout, either)
    for name, text in texts.items():
        with replacing(cleaned_dir / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    write_stamp(plan.data_dir, cleaned_dir, plan.layout, hashes)
    rows = [(step.path, step.action, step.label, step.new_label, step.note) for step in plan.steps]
    with replacing(cleaned_dir / LOG) as temporary:
        write_csv(pd.DataFrame(rows, columns=list(LIST_LOG_COLUMNS)), temporary)


def _written_before(cleaned_dir: Path, texts: Mapping[str, str]) -> dict[str, list[str]]:
    """The SHA-256 of what earlier runs wrote there, by file name: of the last that ended, and of
    those that were killed since.
    """
    stamp = read_stamp(cleaned_dir) if os.path.lexists(cleaned_dir / STAMP) else {}
    return {name: stamp.get(name, "").split() for name in texts}


def _refuse_changed(path: Path, known: list[str], text: str) -> None:
    if not os.path.lexists(path):
        return
    own = file_below(path.parent, path.name)
    if own is None or file_sha256(own) not in (*known, _sha256(text)):
        raise TracInError(
            f"{path} is not as --apply wrote it. Move it away and run the command again, or "
            f"{OTHERWISE}."
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
