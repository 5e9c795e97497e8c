"""Standard output and standard error that do not take all: closed, full, or ASCII. No torch."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tracin.errors import TracInError
from tracin.machine.refusals import reason


@contextmanager
def speaking() -> Iterator[None]:
    """Let what is printed in the block reach the user, or end it with a sentence.

    A letter that the terminal cannot show becomes a question mark: an arrow or a class name must
    not end a run. What standard error does not take is lost, since nobody is left to tell.

    Raises:
        TracInError: standard output was closed, or what it leads to is full.
    """
    before = sys.stdout, sys.stderr
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    sys.stderr = _Guarded(sys.stderr or _nowhere(), lambda _error: None)
    if sys.stdout is None:  # closed before we began, as some programs start others
        print("Standard output is closed: what is said there is lost.", file=sys.stderr)
    sys.stdout = _Guarded(sys.stdout or _nowhere(), _complain)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _complain(error: OSError) -> None:
    if isinstance(error, BrokenPipeError):
        fact = "its reader closed it before all was said"
    else:
        fact = f"what it leads to takes no more ({reason(error)})"
    raise TracInError(f"Standard output cannot be written: {fact}.") from error


def _let_go(stream: TextIO) -> None:
    """Lead a stream that failed to nowhere: Python writes what is left in it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _Guarded(io.TextIOBase):
    """A stream whose failure is answered; the rest of it is as it was."""

    def __init__(self, stream: TextIO, answer: Callable[[OSError], None]) -> None:
        self._stream, self._answer = stream, answer

    def write(self, text: str) -> int:
        return self._try(lambda: self._stream.write(text)) or 0

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except OSError as error:
            _let_go(self._stream)
            self._answer(error)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding
