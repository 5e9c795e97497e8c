"""A cleaning plan → a cleaned data folder; the original is only ever read.

Files are hard links where the file system can make them, and copies elsewhere. What is already
there is left alone, so that applying twice changes nothing and the next run finishes a killed one.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tracin.clean.plan import CleaningPlan
from tracin.clean.target import OTHERWISE, STAMP, check_target, write_stamp
from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.hashing import file_sha256
from tracin.places import check_folders, file_below, link_on_the_way
from tracin.results.cells import as_it_was, write_csv
from tracin.temporary import remove_abandoned, replacing, stem

LOG = "cleaning_log.csv"
LOG_COLUMNS = ("path", "action", "new_path", "note", "written")


@dataclass(frozen=True)
class FileCounts:
    """Number of files by what was done to each in the cleaned folder."""

    linked: int
    copied: int
    unchanged: int
    """Files that were there already."""
    removed: int
    """Files of an earlier run that no longer belong there."""
    stayed: tuple[str, ...] = ()
    """Such files that were changed since, so that they are no longer ours to delete."""


def carry_out(plan: CleaningPlan, cleaned_dir: Path) -> FileCounts:
    """Make ``cleaned_dir`` what ``plan`` says; return how many files that took.

    Raises:
        TracInError: see ``check_target``; or a file that is not ours is in the way, or the
            folder cannot be written to.
    """
    check_target(plan.data_dir, cleaned_dir)  # before a lock is put into a folder of others
    try:
        with locked(cleaned_dir, OTHERWISE):
            check_target(plan.data_dir, cleaned_dir)  # as it is, now that nobody else writes there
            return _fill(plan, cleaned_dir)
    except OSError as error:
        raise TracInError(
            f"Cannot write to {cleaned_dir} ({error}). Make room there, or {OTHERWISE}. The "
            "original is unchanged."
        ) from error


def _fill(plan: CleaningPlan, cleaned_dir: Path) -> FileCounts:
    """Make ``cleaned_dir``, which nobody else writes to, what ``plan`` says."""
    wanted = {step.new_path: step for step in plan.steps if step.new_path}
    check_folders(cleaned_dir, (cleaned_dir / name for name in wanted))
    former = _Former.read(plan.data_dir, cleaned_dir)
    _remove_abandoned(cleaned_dir, {*wanted, *former.rows})
    write_stamp(plan.data_dir, cleaned_dir)
    # In this order a run killed anywhere knows its files: what goes is in the earlier log, what
    # comes is in the new one.
    stale = [name for name in former.rows if name not in wanted]
    removed = sum(former.remove(name) for name in stale)
    stayed = tuple(name for name in stale if file_below(cleaned_dir, name) is not None)
    _write_log(plan, cleaned_dir, former.written)
    done: Counter[str] = Counter()
    written: dict[str, str] = {}
    for name, step in wanted.items():
        kind, written[name] = _put_file(plan.data_dir / step.path, name, former)
        done[kind] += 1
    _write_log(plan, cleaned_dir, written)
    return FileCounts(done["linked"], done["copied"], done["unchanged"], removed, stayed)


@dataclass(frozen=True)
class _Former:
    """The files that an earlier run put there, according to its log."""

    data_dir: Path
    cleaned_dir: Path
    rows: dict[str, str]
    """Path in the cleaned folder → path in the data folder."""
    written: dict[str, str]
    """Path in the cleaned folder → what was written there, as ``_state`` says it."""

    @classmethod
    def read(cls, data_dir: Path, cleaned_dir: Path) -> _Former:
        """What the log says; nothing where there is none, or it is damaged."""
        path = file_below(cleaned_dir, LOG)
        if path is None:
            return cls(data_dir, cleaned_dir, {}, {})
        try:
            log = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            names = log["new_path"].map(as_it_was)
            rows = dict(zip(names, log["path"].map(as_it_was), strict=True))
            written = dict(zip(names, log.get("written", log["note"]), strict=True))
        except (OSError, ValueError, KeyError):
            rows, written = {}, {}
        rows.pop("", None)
        return cls(data_dir, cleaned_dir, rows, written)

    def is_ours(self, name: str) -> bool:
        """Whether the file is as we wrote it, or its content still stands in the original."""
        path = file_below(self.cleaned_dir, name)
        if path is None or name not in self.rows:
            return False
        source = file_below(self.data_dir, self.rows[name], links=True)
        if source is not None and (source.samefile(path) or filecmp.cmp(source, path, False)):
            return True
        return self.written[name] in (_state(path), _state(path, copied=True))

    def remove(self, name: str) -> bool:
        """Delete the file if it is ours; return whether it was."""
        if not self.is_ours(name):
            return False
        (self.cleaned_dir / name).unlink()
        return True


_STATE = re.compile("[0-9]+ ([0-9a-f]{64}|[0-9]+ [0-9]+)")


def _state(path: Path, copied: bool = False) -> str:
    """What tells whether a file is as it was written: of a copy its hash, of a link its place."""
    about = path.stat()
    told = file_sha256(path) if copied else f"{about.st_mtime_ns} {about.st_ino}"
    return f"{about.st_size} {told}"


def _remove_abandoned(cleaned_dir: Path, names: Iterable[str]) -> None:
    """Delete what a killed run left on its way to these ``names``, the stamp and the log."""
    stems = {cleaned_dir: {STAMP, LOG}}
    for name in names:
        path = cleaned_dir / name
        stems.setdefault(path.parent, set()).add(stem(path.name))
    for folder, ours in stems.items():
        inside = folder.is_relative_to(cleaned_dir) and ".." not in folder.parts
        if inside and link_on_the_way(cleaned_dir, folder) is None:
            remove_abandoned(folder, ours.__contains__)


def _write_log(plan: CleaningPlan, cleaned_dir: Path, written: Mapping[str, str]) -> None:
    rows = [
        (step.path, step.action, step.new_path, step.note, written.get(step.new_path, ""))
        for step in plan.steps
    ]
    with replacing(cleaned_dir / LOG) as temporary:
        write_csv(pd.DataFrame(rows, columns=list(LOG_COLUMNS)), temporary)


def _put_file(source: Path, name: str, former: _Former) -> tuple[str, str]:
    """Make the file ``name`` equal to ``source``.

    Return ``linked``, ``copied`` or ``unchanged``, and what is written of it in the log.
    """
    target = former.cleaned_dir / name
    if os.path.lexists(target):
        if not target.is_symlink() and target.is_file() and _is_same_file(source, target):
            known = former.written.get(name, "")
            if _STATE.fullmatch(known) is None:  # a damaged log is not carried on
                known = _state(target, copied=not source.samefile(target))
            return "unchanged", known
        if not former.is_ours(name):
            raise TracInError(
                f"{target} is in the way: --apply did not put it there. Move it away and run the "
                "command again. The original is unchanged."
            )
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)  # resolved: never a link to a link
    except OSError:  # another file system, or one without hard links
        with replacing(target) as temporary:
            shutil.copy2(source, temporary)
        return "copied", _state(target, copied=True)
    return "linked", _state(target)


def _is_same_file(source: Path, target: Path) -> bool:
    if source.samefile(target):
        return True
    original, copy = source.stat(), target.stat()
    return (original.st_size, original.st_mtime_ns) == (copy.st_size, copy.st_mtime_ns)
