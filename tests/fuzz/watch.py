"""What a command does to files that are not its business, and what it says."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

HASHED = 1 << 16
"""Bytes up to which a file's content is compared, beside its size and times."""

_NOT_OURS = ("/dev/", "/proc/", "/__pycache__/", "/matplotlib/", "/torchinductor")
"""Parts of paths that the libraries below write to."""

_QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python shows to no user."""


def snapshot(folder: Path, besides: Sequence[Path] = ()) -> dict[str, object]:
    """What tells a changed entry below ``folder`` from an unchanged one, by path."""
    found: dict[str, object] = {}
    waiting = [os.fspath(folder)]
    left_out = {os.fspath(path) for path in besides}
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.path in left_out:
                    continue
                about = entry.stat(follow_symlinks=False)
                facts: list[object] = [stat.S_IFMT(about.st_mode), about.st_ino]
                if stat.S_ISREG(about.st_mode):
                    facts += [about.st_size, about.st_mtime_ns]
                    if about.st_size <= HASHED:
                        facts.append(_digest(entry.path))
                found[entry.path] = tuple(facts)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return found


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  a name may be no UTF-8
        return hashlib.blake2b(file.read(), digest_size=16).digest()


def differences(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """The paths that came, went or changed."""
    return sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )


class Writes:
    """The paths that are opened for writing, renamed, linked or deleted while it is active."""

    _EVENTS: ClassVar[dict[str, tuple[tuple[int, int | None], ...]]] = {
        "os.remove": ((0, 1),),
        "os.rename": ((0, 2), (1, 3)),
        "os.mkdir": ((0, 2),),
        "os.rmdir": ((0, 1),),
        "os.link": ((1, 3),),
        "os.symlink": ((1, 2),),
        "os.truncate": ((0, None),),
        "os.chmod": ((0, 2),),
        "shutil.rmtree": ((0, None),),
    }
    """Event → the places of (a path, the descriptor of the folder that it is relative to)."""

    def __init__(self) -> None:
        self._seen: list[str] | None = None
        sys.addaudithook(self._hook)  # for good: there is no way to take one away

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._seen is None:
            return
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and not isinstance(path, int):
                self._seen.append(os.fsdecode(path))
        elif event in self._EVENTS:
            for place, folder in self._EVENTS[event]:
                below = folder is not None and arguments[folder] != -1
                # Relative to an open folder: inside a tree whose top was noted when it was deleted.
                if not below and not isinstance(arguments[place], int):
                    self._seen.append(os.fsdecode(arguments[place]))

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Give the list that fills while the block runs."""
        seen: list[str] = []
        self._seen = seen
        try:
            yield seen
        finally:
            self._seen = None


def outside(paths: Sequence[str], allowed: Sequence[Path], cwd: Path) -> list[str]:
    """Those of ``paths`` that are below none of ``allowed``, links followed."""
    roots = [os.path.realpath(path) for path in allowed]
    astray = set()
    for path in paths:
        # The last part is what is written, be it a link; its folder is where.
        absolute = os.path.join(cwd, path)  # noqa: PTH118
        folder, name = os.path.split(absolute)
        real = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
        ours = any(real == root or real.startswith(root + os.sep) for root in roots)
        if not ours and not any(part in f"{real}/" for part in _NOT_OURS):
            astray.add(real)
    return sorted(astray)


@dataclass
class Said:
    """What reached standard output and standard error, whoever wrote it."""

    out: str = ""
    err: str = ""


@contextmanager
def heard() -> Iterator[Said]:
    """Give what is said in the block, that of C libraries included, filled when it ends."""
    said = Said()
    streams, saved = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(
                os.fdopen(os.dup(number), "wb"), "utf-8", "backslashreplace", write_through=True
            )
            for number in (1, 2)
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                for kind in _QUIET:
                    warnings.simplefilter("ignore", kind)
                yield said
        finally:
            sys.stdout.close()
            sys.stderr.close()
            sys.stdout, sys.stderr = streams
            for number, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, number)
                os.close(copy)
            said.out, said.err = (_content(file) for file in (out, err))


def _content(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode("utf-8", "backslashreplace")
    return text
