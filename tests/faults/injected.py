"""A command that something befalls at one of its accesses to the disk.

It runs in a process of its own, a fork: an audit hook is there for good. What the hook raises ends
the access that it was told of, as the system's own refusal would.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from tests.faults.contents import told
from tracin.compute import record
from tracin.what_if import answers, head

FAULT = "TRACIN_FAULT"
"""The variable of the environment that holds a ``Fault``."""

KILL, INTERRUPT, PAUSE, LIMIT = "kill", "interrupt", "pause", "limit"
ERRORS = ("ENOSPC", "EDQUOT", "EIO")

_TAKE_ROOM = ("open", "os.mkdir", "os.link", "os.symlink", "sqlite3.connect")
"""Writes that a full disk goes on refusing."""
_TAKE_AWAY = ("os.remove", "os.rmdir", "shutil.rmtree", "os.truncate", "os.utime", "os.chmod")
_MOVE = ("os.rename", "os.link", "os.symlink", "shutil.move", "shutil.copyfile")
"""Their second argument is what comes to be."""
_WRITES = {*_TAKE_ROOM, *_TAKE_AWAY, *_MOVE, "os.chown", "os.setxattr", "os.removexattr"}
_READS = {"open", "os.listdir", "os.scandir"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Fault:
    """What befalls a command, and where."""

    module: str
    """Whose ``main`` is called."""
    folders: tuple[str, ...]
    """Accesses below these count."""
    report: str
    """File for what was seen, an ``Access`` a line."""
    kind: str = ""
    """``KILL``, ``INTERRUPT``, ``PAUSE``, ``LIMIT`` or an error's name; "" for nothing."""
    at: int = -1
    """At which of the counted accesses, from 0; of ``LIMIT``: bytes that no file may exceed."""

    def as_environment(self) -> dict[str, str]:
        """The environment that tells a child of it."""
        return {FAULT: json.dumps(asdict(self))}


@dataclass(frozen=True)
class Access:
    """An access to the disk."""

    event: str
    path: str
    counted: bool
    whole: dict[str, str]
    """What tells the content of each file that came to its name with it."""


class Hook:
    """The audit hook; what it does itself it does not see."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._folders = tuple(os.path.realpath(folder) for folder in fault.folders)
        self._seen, self._full = 0, False
        self._busy, self._lock = threading.local(), threading.RLock()
        self._report = os.open(fault.report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _WRITES | _READS or getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            writes = _is_write(event, arguments)
            if writes or self._fault.kind == PAUSE:
                for path in _paths(event, arguments):
                    whole = {} if self._fault.kind else _arriving(event, arguments, Path(path))
                    self._meet(Access(event, path, path.startswith(self._folders), whole))
        finally:
            self._busy.now = False

    def _meet(self, access: Access) -> None:
        with self._lock:
            number = self._seen
            self._seen += access.counted
            os.write(self._report, json.dumps(asdict(access)).encode() + b"\n")
        if access.counted and number == self._fault.at:
            self._strike(access)
        elif access.counted and self._full and access.event in _TAKE_ROOM:
            raise _refusal(self._fault.kind, access.path)

    def _strike(self, access: Access) -> None:
        kind = self._fault.kind
        if kind == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        elif kind == INTERRUPT:
            os.kill(os.getpid(), signal.SIGINT)
        elif kind == PAUSE:
            Path(f"{self._fault.report}.paused").touch()
            while not Path(f"{self._fault.report}.go").exists():
                time.sleep(0.005)
        elif kind in ERRORS:
            # Where a link is refused a copy is made, which a faulty disk refuses as well.
            self._full = kind != "EIO" or access.event == "os.link"
            raise _refusal(kind, access.path)


def _refusal(kind: str, path: str) -> OSError:
    number = getattr(errno, kind)
    return OSError(number, os.strerror(number), path)


def _is_write(event: str, arguments: tuple[Any, ...]) -> bool:
    return event in _WRITES and (event != "open" or bool((arguments[2] or 0) & _WRITING))


def _paths(event: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    """The absolute path of what an access changes."""
    moves = event in _MOVE
    name = arguments[1 if moves else 0]
    # A name may be relative to an open folder, which stands behind the names; -1: to none.
    behind = [each for each in arguments[2 if moves else 1 :] if type(each) is int and each > 2]
    folder = behind[-1] if behind and event in ("os.remove", "os.rmdir", "os.rename") else None
    if isinstance(name, int):
        yield os.path.realpath(f"/proc/self/fd/{name}")
    elif name is not None:
        where = "" if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
        path = Path(where, os.fsdecode(name)).absolute()
        yield str(Path(os.path.realpath(path.parent), path.name))


def _arriving(event: str, arguments: tuple[Any, ...], path: Path) -> dict[str, str]:
    if event not in ("os.rename", "os.link"):
        return {}
    source = Path(os.fsdecode(arguments[0]))
    files = [each for each in source.rglob("*") if each.is_file()] if source.is_dir() else [source]
    return {
        str(path / each.relative_to(source)): told(each, (path / each.relative_to(source)).name)
        for each in files
    }


def _stop_clocks() -> None:
    """Let all take place at one time of day, so that equal runs write equal files; and let
    --what_if train for a moment, not a minute.
    """

    class Clock(datetime):
        @classmethod
        def now(cls, _zone: tzinfo | None = None) -> Self:
            return cls(2026, 1, 1, tzinfo=UTC)

    for module in (answers, record):
        vars(module)["datetime"] = Clock
    vars(record)["time"] = SimpleNamespace(perf_counter=float)
    head.EPOCHS = head.FEWEST_STEPS = 1


def main(arguments: Sequence[str]) -> int:
    """The exit status of the command that the environment names."""
    fault = Fault(**json.loads(os.environ[FAULT]))
    fault = Fault(**{**asdict(fault), "folders": tuple(fault.folders)})
    run = importlib.import_module(fault.module).main
    _stop_clocks()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [fault.module, *arguments]
    if fault.kind == LIMIT:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.at, resource.RLIM_INFINITY))
    else:
        sys.addaudithook(Hook(fault))
    return int(run(arguments))
