"""Files and folders on their way to their final names, and who takes away what a kill left of them.

Whoever writes a temporary file holds it locked, and the system releases that lock when the process
ends, however it ends. So one that can be locked is abandoned; and only names that we give are
looked at. On Windows an open file cannot be deleted, which serves as the lock.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

LONGEST_NAME = 255
"""Bytes that common file systems allow."""

_UNFINISHED = ".unfinished-"
_HOLDER = "unfinished"
_FOLDER = re.compile(rf"{_UNFINISHED}([0-9a-f]{{16}}|\d+@.*)")
"""Earlier versions wrote the process's number and the machine's name there."""
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]+\.part", re.DOTALL)
"""Before the mark stands the name; earlier versions marked with the process's number."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to ``path`` when the block ends."""
    temporary = path.with_name(f".{stem(path.name)}.{secrets.token_hex(8)}.part")
    with ExitStack() as held:
        held.callback(os.close, _create_held(temporary))
        try:
            yield temporary
            if sys.platform == "win32":  # which renames no open file, and deletes none
                held.close()
            temporary.replace(path)
        finally:
            if sys.platform == "win32":
                held.close()
            temporary.unlink(missing_ok=True)


def meant_for(name: str) -> str | None:
    """The file that ``name`` is a temporary name of, as ``stem`` writes it; None of any other."""
    found = _TEMPORARY.fullmatch(name)
    return found[1] if found else None


def stem(name: str) -> str:
    """What stands for ``name`` in a temporary name: itself, or its hash where it is long."""
    if len(os.fsencode(name)) > LONGEST_NAME - 32:
        return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return name


def remove_abandoned(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Delete what killed processes left in ``folder``, where ``is_ours`` of its stem is true."""
    for path in _entries(folder):
        meant = meant_for(path.name)
        if meant is not None and is_ours(meant):
            _remove_unless_held(path)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Give a new folder in ``parent`` to work in; it is deleted when the block ends.

    Those of killed processes are deleted first.
    """
    for path in _entries(parent):
        if _FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            if _remove_unless_held(_holder(path)):
                shutil.rmtree(path, ignore_errors=True)
        elif meant_for(path.name) == _HOLDER:
            _remove_unless_held(path)
    folder = parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
    holder = _holder(folder)  # before the folder: one without is nobody's
    descriptor = _create_held(holder)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if sys.platform == "win32":
            os.close(descriptor)
            holder.unlink(missing_ok=True)
        else:
            holder.unlink(missing_ok=True)  # while it is held: afterwards it is anybody's
            os.close(descriptor)


def _holder(folder: Path) -> Path:
    """The file that whoever works in ``folder`` holds."""
    return folder.with_name(f".{_HOLDER}.{folder.name.removeprefix(_UNFINISHED)}.part")


def _entries(folder: Path) -> list[Path]:
    try:
        return [Path(entry) for entry in os.scandir(folder) if entry.name.startswith(".")]
    except OSError:
        return []  # not there; or whoever writes there next says what is wrong


def _create_held(path: Path) -> int:
    """The descriptor of the new file ``path``, which is held as long as it is open."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if sys.platform == "win32":
            return descriptor
        with suppress(OSError):  # a file system without locks: then nobody deletes what is left
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is(path, descriptor):
            return descriptor
        os.close(descriptor)  # taken for abandoned between the two steps


def _remove_unless_held(path: Path) -> bool:
    """Delete the file ``path`` unless a living process holds it; return whether it is gone."""
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return not path.exists()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # a link or another user's: not ours
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is(path, descriptor):
            path.unlink()
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
