"""A command that something befalls, and what must hold of it afterwards."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.contents import Contents, contents, difference, is_final
from tests.faults.injected import INTERRUPT, KILL, Access
from tests.faults.world import ANALYZE, COMPUTE, Command, World
from tests.forked import Ended

OTHERS = {"notes.part": "mine", ".notes.txt.0123456789abcdef.part": "mine", "sub/.keep": "mine"}
"""Files of others, which look as if they were ours."""

FULL = "full disk"
"""A disk with so many bytes left."""


@dataclass(frozen=True)
class Case:
    """A command, and what it does and leaves when nothing befalls it."""

    command: Command
    expected: Contents
    whole: Mapping[str, Collection[str]]
    """What tells the content of each file that stands at its name for a time, whole."""
    accesses: int
    """So many writes below its folder."""


def make_case(world: World, command: Command) -> Case:
    """Run a command undisturbed; check that it touches nothing outside its folder."""
    world.reset(command)
    whole = {name: {told} for name, told in contents(command.output).items()}
    ended, seen = world.run(command)
    assert ended.status == 0, ended.errors
    outside = [each for each in seen if not each.counted and not _may_be_touched(each)]
    assert not outside, outside[:5]
    for each in seen:
        for path, told in each.whole.items():
            name = Path(path).relative_to(command.output.resolve()).as_posix()
            whole.setdefault(name, set()).add(told)
    return Case(command, contents(command.output), whole, sum(each.counted for each in seen))


def _may_be_touched(access: Access) -> bool:
    """Whether it is a cache of a library's own, or where nothing is kept."""
    own = "/matplotlib" in access.path or "/torchinductor_" in access.path
    return own or access.path.startswith("/dev/")


def try_fault(world: World, case: Case, kind: str, at: int) -> list[str]:
    """Let something befall the command, then run it again; return what is wrong, in words.

    Args:
        world: the command's.
        case: the command.
        kind: as of ``Fault``, or ``FULL``.
        at: as of ``Fault``; of ``FULL``: bytes left.
    """
    command = case.command
    world.reset(command)
    others = OTHERS if command.former is not None else {}
    _put(command.output, others)
    inputs = _inputs(world)
    if kind == FULL:
        with world.filled_disk(at):
            ended, seen = world.run(command)
    else:
        ended, seen = world.run(command, kind, at)
    wrong = [*wrong_end(ended, kind, command), *_wrong_files(world, case, ended, others)]
    _remove(command.output, others)
    wrong += _wrong_next(world, case)
    if _inputs(world) != inputs:
        wrong.append("something outside was changed")
    return [f"{command.name}, {kind} at {at}{_last(seen)}: {each}" for each in wrong]


def wrong_end(ended: Ended, kind: str, command: Command) -> Iterator[str]:
    """What is wrong with how it ended, in words."""
    if "Traceback" in ended.errors or "Exception ignored" in ended.errors:
        yield f"a traceback: {ended.errors[-600:]}"
    last = (ended.errors.splitlines() or [""])[-1]
    if kind in (KILL, INTERRUPT):
        promised = -signal.SIGKILL if kind == KILL else 130
        if ended.status != promised or last.startswith("Interrupted") != (kind == INTERRUPT):
            yield f"ended with {ended.status}, {last!r}"
    elif ended.status not in (0, 1):
        yield f"ended with {ended.status}, {last!r}"
    elif ended.status == 1 and not last.startswith(f"{_name(command)}: "):
        yield f"no sentence: {last!r}"


def _name(command: Command) -> str:
    """What the command calls itself."""
    ending = ".py" if command.module in (COMPUTE, ANALYZE) else ""
    return command.module.removesuffix(".__main__") + ending


def _wrong_files(
    world: World, case: Case, ended: Ended, others: Mapping[str, str]
) -> Iterator[str]:
    """What is wrong with what the command left."""
    folder = case.command.output
    left = contents(folder)
    for name, told in left.items():
        if is_final(name) and name not in others and told not in case.whole.get(name, ()):
            yield f"{name} is none of those that a run puts there whole"
    if ended.status == 0 and any(left.get(name) != told for name, told in case.expected.items()):
        yield f"ended with 0, and {difference(left, case.expected)}"
    for name, text in others.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield f"{name} of another is gone or changed"


def _wrong_next(world: World, case: Case) -> Iterator[str]:
    """What is wrong with the next run of the same command, and with what it leaves."""
    command = case.command
    ended, _ = world.run(command)
    if ended.status != 0:
        yield f"the next run ended with {ended.status}: {ended.errors.strip()[-300:]}"
    after = contents(command.output)
    # --what_if counts its answers: one that was in place already is not given for the first time.
    if after != case.expected and after != _left_by_two(world, command):
        yield f"after the next run {difference(after, case.expected)}"


def _left_by_two(world: World, command: Command) -> Contents:
    world.reset(command)
    for _ in range(2):
        world.run(command)
    return contents(command.output)


def _put(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _remove(folder: Path, files: Mapping[str, str]) -> None:
    for name in files:
        (folder / name).unlink(missing_ok=True)
    for parent in {(folder / name).parent for name in files} - {folder}:
        parent.rmdir()


def _inputs(world: World) -> list[tuple[str, int, int]]:
    """What tells whether the inputs are as they were."""
    roots = (world.data, world.folder / "raw")
    paths = [path for root in roots for path in root.rglob("*")]
    paths += [*world.folder.glob("*.pth"), *world.folder.glob("*.csv")]
    told = [(path, path.stat()) for path in sorted(paths) if path.is_file()]
    return [(str(path), about.st_mtime_ns, about.st_size) for path, about in told]


def _last(seen: list[Access]) -> str:
    counted = [each for each in seen if each.counted]
    return f" ({counted[-1].event} {Path(counted[-1].path).name})" if counted else ""
