"""One writer at a time in a folder: a lock that the system releases when its owner dies. No torch.

The owner stands in the lock's file, which goes with the lock. A killed owner leaves it behind, and
whoever comes next takes it over. filelock, which torch brings, would empty the file before it asks
for the lock, and the second could not say who holds it.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shlex
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tracin.errors import TracInError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".tracin.lock"

_OWNER_BYTES, _COMMAND_SHOWN = 8192, 400
"""Of the file, and characters of the command: a longer one is cut off."""

_OWNER_WRITES_WITHIN = 1.0
"""Seconds after which a held lock that names no owner is believed."""

_NAMELESS = "another process"

_LOCKED_BYTE = 1 << 30
"""Windows lets nobody read what is locked: a byte far behind the owner's name is."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
"""What a file system without locks answers, such as some clusters' shared disks."""

_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


@contextmanager
def locked(folder: Path, otherwise: str) -> Iterator[None]:
    """Hold ``folder`` as its only writer; it is made where it is not there.

    Args:
        folder: the folder.
        otherwise: what the user can do beside waiting, as ``name another folder with --flag``.

    Raises:
        TracInError: another process holds it, and the sentence says which; or nothing can be
            written there.
    """
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _taken(path, otherwise)
    except OSError as error:
        raise TracInError(
            f"Cannot write to {folder} ({error}). Make room there, or {otherwise}."
        ) from error
    _held.add(descriptor)
    try:
        yield
    finally:
        _held.discard(descriptor)
        _release(path, descriptor)


def owner_of(folder: Path) -> str:
    """Who writes in ``folder`` now, in words; "" for nobody, and where that cannot be told."""
    try:
        descriptor = _opened(folder / LOCK, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return "" if _is_free(descriptor) else _owner(descriptor) or _NAMELESS
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _taken(path: Path, otherwise: str) -> int:
    """The descriptor of the lock's file, locked."""
    deadline = time.monotonic() + _OWNER_WRITES_WITHIN
    while True:
        descriptor, owner = _opened(path, os.O_RDWR | os.O_CREAT), ""
        try:
            if _is_free(descriptor):
                if _is(path, descriptor):  # else its owner took it away between our two steps
                    _write_owner(descriptor)
                    return descriptor
            else:
                owner = _owner(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if owner or time.monotonic() > deadline:
            raise TracInError(
                f"{path.parent} is in use by {owner or _NAMELESS}. Wait until it has ended, or "
                f"{otherwise}."
            )
        time.sleep(0.02)  # whoever holds it is about to say who it is


def _opened(path: Path, flags: int) -> int:
    # Neither a link nor a second name: what is written there would change another file.
    # Nor does a pipe of that name make us wait for its other end.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o666)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EEXIST, "this is not our file: remove it", str(path))
    return descriptor


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _is_free(descriptor: int) -> bool:
    """Lock the file unless another process has; return whether it is ours now."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(
            f"The file system cannot lock files ({error.strerror}): see to it that no other "
            "process writes into the same folder.",
            file=sys.stderr,
        )
    return True


def _write_owner(descriptor: int) -> None:
    owner = {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv)[:_COMMAND_SHOWN],
    }
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(owner).encode())


def _owner(descriptor: int) -> str:
    """Who holds the lock, in words; "" where the file does not tell."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        owner = json.loads(os.read(descriptor, _OWNER_BYTES))
        since = datetime.fromisoformat(owner["since"]).astimezone()
        text = (
            f"process {int(owner['pid'])} on {owner['host']} since {since:%Y-%m-%d %H:%M} "
            f"({owner['command']})"
        )
        # What a file says must not steer the terminal.
        return "".join(letter if letter.isprintable() else "�" for letter in text)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return ""


def _release(path: Path, descriptor: int) -> None:
    # Windows deletes no open file; elsewhere it must go before another can lock it.
    if sys.platform == "win32":
        os.close(descriptor)
    with suppress(OSError):
        if sys.platform == "win32" or _is(path, descriptor):
            path.unlink()
    if sys.platform != "win32":
        os.close(descriptor)


def _let_go() -> None:
    """In a fork: a reading process that outlives its parent for a moment must not hold the lock."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
