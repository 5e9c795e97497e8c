"""Replacing files whole: a killed run never leaves a half file under a final name.

Also keeps the files of one run together, and records which pictures belong to them.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracin.json_file import read_as
from tracin.results.schema import ANALYSIS_FILES, COMPUTE_FILES, EXPLANATION_FILES, RUN_INFO

_STAGING = ".unfinished-"


@contextmanager
def staged(results_dir: Path) -> Iterator[Path]:
    """Give a folder for one run's files; they replace the former run's when the block ends.

    The former files go before the first new one comes, so that a kill at any moment leaves either
    one whole run or an incomplete one, never files of two runs side by side. When the block raises,
    the former run stays as it was.
    """
    results_dir.mkdir(parents=True, exist_ok=True)
    for record in (ANALYSIS_FILES, EXPLANATION_FILES):
        recorded_analysis(results_dir, record)  # a damaged one is told before the run, not after
    _remove_abandoned(results_dir)
    folder = results_dir / f"{_STAGING}{os.getpid()}@{platform.node()}"
    folder.mkdir()
    try:
        yield folder
        new_files = sorted(path.name for path in folder.iterdir())
        for name in (RUN_INFO, *COMPUTE_FILES):
            (results_dir / name).unlink(missing_ok=True)
        remove_analysis(results_dir)
        remove_analysis(results_dir, EXPLANATION_FILES)
        for name in sorted(new_files, key=lambda name: name == RUN_INFO):
            (folder / name).replace(results_dir / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(results_dir: Path) -> None:
    """Delete the staging folders of processes that were killed."""
    for folder in results_dir.glob(f"{_STAGING}*"):
        process, _, machine = folder.name.removeprefix(_STAGING).partition("@")
        if machine != platform.node():
            continue  # whether a process of another machine lives cannot be told
        try:
            if int(process) != os.getpid():  # else: of an earlier process with our number
                os.kill(int(process), 0)
                continue
        except PermissionError:
            continue  # another user's process, still running
        except (ProcessLookupError, ValueError):
            pass
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to ``path`` when the block ends."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def record_analysis(results_dir: Path, paths: Iterable[Path], record: str = ANALYSIS_FILES) -> None:
    """Record what the analysis will write, before it does, so that a kill loses no track of it."""
    relative = sorted(path.relative_to(results_dir).as_posix() for path in paths)
    with replacing(results_dir / record) as temporary:
        temporary.write_text(json.dumps(relative, indent=0, ensure_ascii=False), encoding="utf-8")


def recorded_analysis(results_dir: Path, record: str = ANALYSIS_FILES) -> list[Path]:
    """The paths that ``record_analysis`` recorded last.

    Raises:
        TracInError: the record is damaged.
    """
    path = results_dir / record
    if not path.exists():
        return []
    remedy = "Remove it and what the last analysis drew, which it lists."
    return [results_dir / name for name in read_as(tuple[str, ...], path, remedy)]


def remove_analysis(results_dir: Path, record: str = ANALYSIS_FILES) -> None:
    """Delete the files that a former analysis wrote, and the folders that this leaves empty."""
    root = results_dir.resolve()
    for path in recorded_analysis(results_dir, record):
        if not path.parent.resolve().is_relative_to(root):
            continue
        path.unlink(missing_ok=True)
        for parent in path.relative_to(results_dir).parents[:-1]:
            with suppress(OSError):
                (results_dir / parent).rmdir()
    (results_dir / record).unlink(missing_ok=True)
