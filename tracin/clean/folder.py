"""A cleaning plan → a cleaned data folder; the original is only ever read.

Files are hard links where the file system can make them, and copies elsewhere. What is already
there is left alone, so that applying twice changes nothing and the next run finishes a killed one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tracin.clean.plan import CleaningPlan
from tracin.errors import TracInError
from tracin.temporary import replacing

LOG = "cleaning_log.csv"
LOG_COLUMNS = ("path", "action", "new_path", "note")
STAMP = "cleaned_from.json"
"""What tells a folder of ours from a foreign one, and which data folder it was made from."""


@dataclass(frozen=True)
class FileCounts:
    """Number of files by what was done to each in the cleaned folder."""

    linked: int
    copied: int
    unchanged: int
    """Files that were there already."""
    removed: int
    """Files of an earlier run that no longer belong there."""


def check_target(data_dir: Path, cleaned_dir: Path) -> None:
    """Refuse ``cleaned_dir`` unless it is new, empty, or was made from ``data_dir`` before.

    Raises:
        TracInError: it holds something else, or the two folders overlap.
    """
    original, target = data_dir.resolve(), cleaned_dir.resolve()
    if target.is_relative_to(original) or original.is_relative_to(target):
        raise TracInError(
            f"{cleaned_dir} and the data folder {data_dir} overlap. Name a folder elsewhere with "
            "--cleaned_dir: the original is never touched."
        )
    if not cleaned_dir.exists():
        return
    if not cleaned_dir.is_dir():
        raise TracInError(f"{cleaned_dir} is a file. Name a folder with --cleaned_dir.")
    if not any(cleaned_dir.iterdir()):
        return
    try:
        made_from = json.loads((cleaned_dir / STAMP).read_text(encoding="utf-8"))["data_dir"]
    except (OSError, ValueError, KeyError, TypeError):
        raise TracInError(
            f"{cleaned_dir} holds files that --apply did not put there. Name a new or empty folder "
            "with --cleaned_dir."
        ) from None
    if Path(made_from) != original:
        raise TracInError(
            f"{cleaned_dir} was made from {made_from}, not from {data_dir}. Name another folder "
            "with --cleaned_dir."
        )


def carry_out(plan: CleaningPlan, cleaned_dir: Path) -> FileCounts:
    """Make ``cleaned_dir`` what ``plan`` says; return how many files that took.

    Raises:
        TracInError: see ``check_target``; or a file that is not ours is in the way, or the
            folder cannot be written to.
    """
    check_target(plan.data_dir, cleaned_dir)
    wanted = {step.new_path: step for step in plan.steps if step.new_path}
    former = _former_files(cleaned_dir)
    try:
        cleaned_dir.mkdir(parents=True, exist_ok=True)
        for abandoned in cleaned_dir.rglob(".*.part"):  # of a run that was killed
            abandoned.unlink()
        _write_stamp(plan.data_dir, cleaned_dir)
        # In this order a run killed anywhere knows its files: what goes is in the earlier log,
        # what comes is in the new one.
        stale = [name for name in former if name not in wanted]
        removed = sum(_remove(cleaned_dir, name) for name in stale)
        _write_log(plan, cleaned_dir)
        done = Counter(
            _put_file(plan.data_dir / step.path, cleaned_dir / new_path, new_path in former)
            for new_path, step in wanted.items()
        )
    except OSError as error:
        raise TracInError(
            f"Cannot write to {cleaned_dir} ({error}). Make room there, or name another folder "
            "with --cleaned_dir. The original is unchanged."
        ) from error
    return FileCounts(done["linked"], done["copied"], done["unchanged"], removed)


def _former_files(cleaned_dir: Path) -> frozenset[str]:
    """Paths of the files that an earlier run put there, according to its log."""
    try:
        log = pd.read_csv(cleaned_dir / LOG, dtype=str, keep_default_na=False, encoding="utf-8")
        return frozenset(log["new_path"]) - {""}
    except (OSError, ValueError, KeyError):
        return frozenset()


def _write_stamp(data_dir: Path, cleaned_dir: Path) -> None:
    with replacing(cleaned_dir / STAMP) as temporary:
        text = json.dumps({"data_dir": str(data_dir.resolve())}, ensure_ascii=False, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def _write_log(plan: CleaningPlan, cleaned_dir: Path) -> None:
    rows = [(step.path, step.action, step.new_path, step.note) for step in plan.steps]
    with replacing(cleaned_dir / LOG) as temporary:
        frame = pd.DataFrame(rows, columns=list(LOG_COLUMNS))
        frame.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def _remove(cleaned_dir: Path, name: str) -> bool:
    path = cleaned_dir / name
    if ".." in Path(name).parts or not path.is_file():
        return False
    path.unlink()
    return True


def _put_file(source: Path, target: Path, is_ours: bool) -> str:
    """Make ``target`` equal to ``source``; return ``linked``, ``copied`` or ``unchanged``."""
    if target.exists():
        if _is_same_file(source, target):
            return "unchanged"
        if not is_ours:
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
        return "copied"
    return "linked"


def _is_same_file(source: Path, target: Path) -> bool:
    if source.samefile(target):
        return True
    original, copy = source.stat(), target.stat()
    return (original.st_size, original.st_mtime_ns) == (copy.st_size, copy.st_mtime_ns)
