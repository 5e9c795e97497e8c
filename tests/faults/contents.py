"""What stands in a folder, but for what is of a moment, so that two runs can be compared."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from pathlib import Path

from tests.test_killed_runs import OF_A_MOMENT
from tracin.compute.features.store import STORE_FILE
from tracin.folder_lock import LOCK
from tracin.results import schema

Contents = dict[str, str]
"""What tells the content of each file by its name; "" of a folder, whose name ends with ``/``."""


def contents(folder: Path) -> Contents:
    """All that stands in ``folder``; nothing where it is not there."""
    return {
        path.relative_to(folder).as_posix() + "/" * path.is_dir(): told(path, path.name)
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm"))  # SQLite's, beside a store that was not closed
    }


def is_final(name: str) -> bool:
    """Whether ``name`` is the final one of a file: none that is on its way, and no lock."""
    parts = name.split("/")
    on_its_way = any(part.startswith(".unfinished") for part in parts)
    return not (on_its_way or name.endswith(("/", ".part")) or parts[-1] in (LOCK, STORE_FILE))


def difference(found: Contents, wanted: Contents) -> str:
    """Which entries differ, in words; the first of them."""
    kinds = {
        "too much": sorted({*found} - {*wanted}),
        "missing": sorted({*wanted} - {*found}),
        "different": sorted(name for name in {*found} & {*wanted} if found[name] != wanted[name]),
    }
    return "; ".join(f"{kind}: {', '.join(names[:6])}" for kind, names in kinds.items() if names)


def told(path: Path, name: str) -> str:
    """What tells the content of ``path``, which has or will have this ``name``."""
    if path.is_dir():
        return ""
    if name == STORE_FILE:
        return _kept(path)
    content = path.read_bytes()
    if name == schema.RUN_INFO:
        run = json.loads(content)
        return repr({name: value for name, value in run.items() if name not in OF_A_MOMENT})
    if name == schema.WHAT_IF_ANSWERS:  # each names the run that it is about
        rows = csv.DictReader(content.decode().splitlines())
        return repr([{key: row[key] for key in row if key not in OF_A_MOMENT} for row in rows])
    if name == schema.EXPLANATION_FILES:
        files = (each for each in json.loads(content) if each["path"] != schema.WHAT_IF_ANSWERS)
        return repr([*files])
    return hashlib.sha256(content).hexdigest()


def _kept(path: Path) -> str:
    """But for where a file is on the disk: a link to it made elsewhere changes that."""
    database = sqlite3.connect(path)
    try:
        rows = database.execute(
            "SELECT key, path, size, changed, hashes, value FROM images ORDER BY key, path"
        ).fetchall()
        return hashlib.sha256(repr(rows).encode()).hexdigest()
    except sqlite3.OperationalError as error:  # killed before the table was there
        return str(error)
    finally:
        database.close()
