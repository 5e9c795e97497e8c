"""The one judge of all cases: how a command may end, whatever it was given."""

from __future__ import annotations

import faulthandler
import os
import re
import resource
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from threading import Event, Thread

from tests.fuzz.case import Case, Scratch
from tests.fuzz.pristine import COMMANDS
from tests.fuzz.watch import Said, Writes, differences, heard, outside, snapshot
from tracin.analyze.gate import BelowTheBarError

MOST_SENTENCES, MOST_LINES, MOST_CHARACTERS = 3, 12, 600
"""Of a message, and in a line of it; the scratch folder's path, which a test makes long, does not
count. A line is a row that is wrong."""

MOST_SECONDS, HANGS_AFTER = 60, 180
"""Of the processor for one case; of a process that runs, after which it ends with a traceback."""

MOST_GROWTH = 1 << 20
"""kB by which one case may raise the peak of the process's memory."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_NO_NUMBER = re.compile(r"(?<![\w./-])[+−-]?(nan|inf|infinity)(?![\w/-]|\.\w)", re.IGNORECASE)
_RAW = re.compile(r"Traceback \(most|\w+Warning:|weights_only|warnings\.warn|site-packages")
"""What libraries say in their own words."""
_NOTICE = ("Warning: ", "Note: ")
"""How a line of ours may begin that stands before the message."""
_END_OF_SENTENCE = re.compile(r"[.!?](?=\s+[A-Z\"'(]|\s*$)")
_PICTURE = re.compile(
    r"data:[\w/+-]+;base64,[\w+/=]+|<script\b.*?</script>|<style\b.*?</style>|<[^>]*>", re.DOTALL
)

WRITES = Writes()
_STDERR = os.fdopen(os.dup(2), "w")
"""Where a hang is told, whatever stands in the place of standard error then."""


@dataclass(frozen=True)
class Verdict:
    """How a case ended."""

    case: Case
    status: int | None
    """The exit status; None after an exception."""
    faults: tuple[str, ...]
    """What must not be; () for none."""
    seconds: float
    said: Said
    too_long: bool = False
    astray: bool = False


def judge(case: Case, scratch: Scratch) -> Verdict:
    """Call the command of ``case`` in this process and say what was wrong with how it ended."""
    roots = (scratch.folder, scratch.pristine.root)
    before = {path: about for root in roots for path, about in snapshot(root, case.outputs).items()}
    peak, started, used = _peak(), time.perf_counter(), time.process_time()
    made = {path: about for root in case.outputs for path, about in _below(root).items()}
    status, said, error, paths = _call(case, scratch)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    after = {path: about for root in roots for path, about in snapshot(root, case.outputs).items()}
    astray = differences(before, after) + outside(paths, case.outputs, scratch.cwd)
    long = _too_long(case, status, said, scratch)
    faults = [
        *([error] if error else []),
        *(f"touched {path}" for path in astray[:3]),
        *([long] if long else []),
        *_faults_of_words(case, status, said),
    ]
    if status == 0:
        now = {path: about for root in case.outputs for path, about in _below(root).items()}
        faults += _faults_of_outputs(case, differences(made, now))
    if used > MOST_SECONDS:
        faults.append(f"took {used:.0f} s")
    if (growth := _peak() - peak) > MOST_GROWTH:
        faults.append(f"took {growth >> 10} MB of memory")
    return Verdict(case, status, tuple(faults), seconds, said, bool(long), bool(astray))


def _end_a_hang(ended: Event) -> None:
    """End the process where the case does not; seconds in which the machine slept do not count."""
    for _ in range(HANGS_AFTER):
        if ended.wait(1):
            return
    faulthandler.dump_traceback(file=_STDERR)
    os._exit(1)


def _call(case: Case, scratch: Scratch) -> tuple[int | None, Said, str, list[str]]:
    """(exit status, what was said, the traceback of what escaped, the paths written to)."""
    name, main = COMMANDS[case.command]
    words = [os.fspath(word) if isinstance(word, Path) else str(word) for word in case.arguments]
    kept, folder = sys.argv, Path.cwd()
    status, error = None, ""
    sys.argv = [name, *words]
    os.chdir(scratch.cwd)
    ended = Event()
    Thread(target=_end_a_hang, args=(ended,), daemon=True).start()
    try:
        with heard() as said, WRITES.watched() as paths:
            try:
                status = main(words)
            except SystemExit as stop:
                status = stop.code if isinstance(stop.code, int) else 1
            except BaseException:
                error = traceback.format_exc(limit=-6)
    finally:
        ended.set()
        os.chdir(folder)
        sys.argv = kept
    return status, said, error, paths


def _peak() -> int:
    """kB of memory that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _too_long(case: Case, status: int | None, said: Said, scratch: Scratch) -> str:
    if status != 1:
        return ""
    text = _parted(said.err, COMMANDS[case.command][0])[1]
    text = text.replace(str(scratch.folder), "").replace(str(scratch.pristine.root), "")
    sentences = len(_END_OF_SENTENCE.findall(text.strip()))
    lines = text.splitlines()
    longest = max(map(len, lines), default=0)
    if sentences > MOST_SENTENCES or longest > MOST_CHARACTERS or len(lines) > MOST_LINES:
        return (
            f"a message of {sentences} sentences, {len(lines)} lines, {longest} characters in one"
        )
    return ""


def _parted(err: str, name: str) -> tuple[str, str]:
    """(notices before it, the message)."""
    notices, mark, message = f"\n{err}".partition(f"\n{name}: ")
    return notices.strip("\n"), mark[1:] + message


def _faults_of_words(case: Case, status: int | None, said: Said) -> Iterator[str]:
    name = COMMANDS[case.command][0]
    both = said.out + said.err
    gate = {"--fail_under", "--max_leaks"} & set(map(str, case.arguments))
    if status not in (0, 1, 2, None) and not (status == BelowTheBarError.status and gate):
        yield f"exit {status}"
    if found := _RAW.search(both):
        yield f"a library's words: {found[0]!r}"
    if found := _CONTROL.search(both):
        yield f"a control character: {found[0]!r}"
    if status == 1:
        own, message = _parted(said.err, name)
        if not message or any(not line.startswith(_NOTICE) for line in own.splitlines()):
            yield "not exactly one message"
        if case.at_fault and not any(word in said.err for word in case.at_fault):
            yield f"the message names none of {case.at_fault}"
    if status == 2 and not said.err.startswith("usage:"):
        yield "exit 2 without the usage"
    if status == 0:
        if not case.called_nan and (found := _NO_NUMBER.search(both)):
            yield f"says {found[0]!r}"
        if case.must_fail:
            yield "a fault went unnoticed"


def _below(root: Path) -> dict[str, object]:
    # Not Path.is_dir, which raises where a name is too long.
    return snapshot(root) if os.path.isdir(root) else {}  # noqa: PTH112


def _faults_of_outputs(case: Case, written: Iterable[str]) -> Iterator[str]:
    for path in [] if case.called_nan else map(Path, written):
        if path.suffix not in (".csv", ".json", ".html") or not path.is_file():
            continue
        text = path.read_text("utf-8", "backslashreplace")
        if path.suffix == ".html":
            text = unescape(_PICTURE.sub(" ", text))
        if found := _NO_NUMBER.search(text):
            at = text[max(0, found.start() - 40) : found.end() + 20]
            yield f"{path.name} holds {found[0]!r}: …{at}…"
    if case.check is not None and (wrong := case.check()):
        yield wrong
