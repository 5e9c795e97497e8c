"""A run's files as its ``run.json`` lists them: size and hash of each, and the check of both.

A run's files belong together. One of another run, or one that was changed, has the same columns and
often the same number of rows; only its content tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tracin.errors import TracInError
from tracin.hashing import file_sha256
from tracin.results.schema import COMPUTE_FILES, RUN_INFO
from tracin.wording import first_few


@dataclass(frozen=True)
class FileRecord:
    """What a file was when its run wrote it."""

    size: int
    """Bytes."""
    sha256: str


Manifest = dict[str, FileRecord]
"""The record of each file of a run by its name; empty where an earlier version wrote none."""


def records_of(folder: Path, known: Manifest) -> dict[str, FileRecord]:
    """The record of each file in ``folder``; ``known`` ones were hashed while they were written."""
    names = sorted(path.name for path in folder.iterdir())
    return {name: known.get(name) or _record_of(folder / name) for name in names}


def _record_of(path: Path) -> FileRecord:
    return FileRecord(path.stat().st_size, file_sha256(path))


def check_files(
    folder: Path,
    manifest: Manifest,
    names: Iterable[str] = COMPUTE_FILES,
    *,
    hashed: Mapping[str, str] | None = None,
) -> None:
    """Check that those of ``names`` that are in ``folder`` are the files of the run.

    Args:
        folder: of the results.
        manifest: what ``run.json`` lists; nothing is checked against an empty one.
        names: what is about to be read.
        hashed: SHA-256 of files that are not read for it again.

    Raises:
        TracInError: a file is not what it was, or not of this run.
    """
    if not manifest:
        return
    present = [name for name in names if name != RUN_INFO and (folder / name).exists()]
    foreign = [
        folder / name
        for name in present
        if not _is_as_listed(folder / name, manifest.get(name), (hashed or {}).get(name))
    ]
    if foreign:
        be, they = ("is", "it was") if len(foreign) == 1 else ("are", "they were")
        raise TracInError(
            f"{first_few([str(path) for path in foreign])} {be} not what {folder / RUN_INFO} lists "
            f"for its run: {they} changed or damaged, or of another run. Put back what the run "
            "wrote, or run TracIn_Resnet50.py again."
        )


def _is_as_listed(path: Path, record: FileRecord | None, sha256: str | None) -> bool:
    try:
        if record is None or path.stat().st_size != record.size:
            return False
        return (sha256 or file_sha256(path)) == record.sha256
    except OSError as error:
        raise TracInError(
            f"{path} cannot be read ({error.strerror}). Make it readable, or run "
            "TracIn_Resnet50.py again."
        ) from error
