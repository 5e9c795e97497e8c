"""A command that something befalls, and what must hold of it afterwards."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.contents import Contents, contents, is_final
from tests.faults.injected import INTERRUPT, KILL, Access
from tests.faults.world import Command, World
from tests.forked import Ended

OTHERS = {"notes.part": "mine", ".notes.txt.0123456789abcdef.part": "mine", "sub/.keep": "mine"}
"""Files of others, which look as if they were ours."""


@dataclass(frozen=True)
class Case:
    """A command, what stood before it, and what it leaves when nothing befalls it."""

    command: Command
    former: Contents
    expected: Contents
    again: Contents
    """What the same command leaves after itself: --what_if counts its answers."""
    whole: Mapping[str, Collection[str]]
    """What tells the content of each file that stands at its name for a time, whole."""
    accesses: int
    """So many writes below its folder."""


def make_case(world: World, command: Command) -> Case:
    """Run a command undisturbed, twice; check that it touches nothing outside its folder."""
    world.reset(command)
    former = contents(command.output)
    ended, seen = world.run(command)
    assert ended.status == 0, ended.errors
    outside = [each for each in seen if not each.counted and not _may_be_touched(each)]
    assert not outside
    expected = contents(command.output)
    ended, _ = world.run(command)
    assert ended.status == 0, ended.errors
    whole = {name: {content} for name, content in former.items()}
    for each in seen:
        for path, content in each.whole.items():
            name = Path(path).relative_to(command.output.resolve()).as_posix()
            whole.setdefault(name, set()).add(content)
    counted = sum(each.counted for each in seen)
    return Case(command, former, expected, contents(command.output), whole, counted)


def _may_be_touched(access: Access) -> bool:
    """Whether it is a cache of a library's own, or where nothing is kept."""
    return "/matplotlib" in access.path or access.path.startswith("/dev/")


def try_fault(world: World, case: Case, kind: str, at: int) -> list[str]:
    """Let something befall the command, then run it again; return what is wrong, in words."""
    command = case.command
    world.reset(command)
    others = OTHERS if command.shared and command.output.is_dir() else {}
    _put(command.output, others)
    inputs = _inputs(world)
    ended, seen = world.run(command, kind, at)
    where = f"{command.name}, {kind} at {at}{_last(seen)}"
    left = contents(command.output)
    wrong = [*wrong_ends(ended, kind, command), *_of_the_files(left, case)]
    if ended.status == 0 and not _is_complete(left, case):
        wrong.append("ended with 0, incomplete")
    for name, text in others.items():
        path = command.output / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            wrong.append(f"{name} of another is gone or changed")
        path.unlink(missing_ok=True)
    ended, _ = world.run(command)
    if ended.status != 0:
        wrong.append(f"the next run: {ended.status} {ended.errors.strip()[-300:]}")
    _remove_empty(command.output, others)
    after = contents(command.output)
    if after not in (case.expected, case.again):
        wrong.append(f"after the next run: {_difference(after, case.expected)}")
    if _inputs(world) != inputs:
        wrong.append("something outside was changed")
    return [f"{where}: {each}" for each in wrong]


def wrong_ends(ended: Ended, kind: str, command: Command) -> Iterator[str]:
    """What is wrong with how it ended."""
    if "Traceback" in ended.errors or "Exception ignored" in ended.errors:
        yield f"a traceback: {ended.errors[-600:]}"
    last = (ended.errors.splitlines() or [""])[-1]
    if kind == KILL:
        if ended.status != -signal.SIGKILL:
            yield f"status {ended.status}"
    elif kind == INTERRUPT:
        if ended.status != 130 or not last.startswith("Interrupted"):
            yield f"status {ended.status}, {last!r}"
    elif ended.status == 1:
        if not last.startswith((f"{Path(command.module).name}", "tracin.")) or ": " not in last:
            yield f"no sentence: {last!r}"
    elif ended.status != 0:
        yield f"status {ended.status}, {last!r}"


def _of_the_files(left: Contents, case: Case) -> Iterator[str]:
    """What is wrong with the files that have a final name."""
    for name, content in left.items():
        if is_final(name) and name not in OTHERS and content not in case.whole.get(name, ()):
            yield f"{name} is none of those that a run puts there whole"


def _is_complete(left: Contents, case: Case) -> bool:
    return any(
        all(left.get(name) == told for name, told in whole.items())
        for whole in (case.expected, case.again)
    )


def _difference(found: Contents, wanted: Contents) -> str:
    names = [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)]
    return ", ".join(
        f"{name} {'differs' if name in found and name in wanted else 'is too much' if name in found else 'is missing'}"
        for name in sorted(names)[:6]
    )


def _put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _remove_empty(folder: Path, files: dict[str, str]) -> None:
    for name in files:
        if (parent := (folder / name).parent) != folder:
            parent.rmdir()


def _inputs(world: World) -> list[tuple[str, int, int]]:
    """What tells whether the inputs are as they were."""
    paths = [*world.data.rglob("*"), *(world.folder / "raw").rglob("*"), *world.folder.iterdir()]
    kept = [path for path in paths if path.suffix in (".jpg", ".png", ".csv", ".pth")]
    return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(kept)]


def _last(seen: list[Access]) -> str:
    counted = [each for each in seen if each.counted]
    return f" ({counted[-1].event} {Path(counted[-1].path).name})" if counted else ""
