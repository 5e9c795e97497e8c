"""Two commands on the same folders, the first of which may wait at one of its accesses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.contents import Contents, contents, difference
from tests.faults.injected import PAUSE
from tests.faults.trial import wrong_end
from tests.faults.world import ANALYZE, PATIENCE, Command, World, accesses
from tests.forked import Child, Ended

Statuses = tuple[int, int]


@dataclass(frozen=True)
class Pair:
    """Two commands, and what may come of them: what comes of one after the other, or of one."""

    first: Command
    second: Command
    left: dict[Statuses, list[Contents]]
    """What may stand in their folders, by how they ended."""
    said: tuple[set[str], set[str]]
    """What each may answer, where it is a question."""
    accesses: int
    """So many has the first in these folders, reading and writing."""


def make_pair(world: World, first: Command, second: Command) -> Pair:
    """Run both alone, and one after the other in both orders."""
    reset(world, first, second)
    left: dict[Statuses, list[Contents]] = {(1, 1): [_left(first, second)], (0, 0): []}
    said: tuple[set[str], set[str]] = (set(), set())
    seen = 0
    for earlier, later in ((0, 1), (1, 0)):
        both = (first, second)
        reset(world, *both)
        ended, met = world.run(both[earlier], PAUSE)
        seen = seen or sum(each.counted for each in met)
        assert ended.status == 0, ended.errors
        said[earlier].add(ended.output)
        left[(0, 1) if earlier == 0 else (1, 0)] = [_left(first, second)]
        ended, _ = world.run(both[later])
        if ended.status == 0:
            said[later].add(ended.output)
            left[0, 0].append(_left(first, second))
    return Pair(first, second, left, said, seen)


def reset(world: World, first: Command, second: Command) -> None:
    """Put what stood in the folders there."""
    for command in (second, first):
        world.reset(command)


def _left(first: Command, second: Command) -> Contents:
    folders = dict.fromkeys((first.output, second.output))
    return {
        f"{folder.name}/{name}": told
        for folder in folders
        for name, told in contents(folder).items()
    }


def try_pause(world: World, pair: Pair, at: int) -> list[str]:
    """Let the first wait at an access while the second runs; return what is wrong, in words."""
    reset(world, pair.first, pair.second)
    child, report = world.start(pair.first, PAUSE, at)
    _wait(child, Path(f"{report}.paused"))
    second = world.run(pair.second)[0]
    Path(f"{report}.go").touch()
    ends = child.end(PATIENCE), second
    met = [each for each in accesses(report) if each.counted]
    where = f"waiting at {at} ({met[at].event} {Path(met[at].path).name})" if at < len(met) else ""
    return [*_wrong(pair, ends, where)]


def try_at_once(world: World, pair: Pair) -> list[str]:
    """Let both run at the same time; return what is wrong, in words."""
    reset(world, pair.first, pair.second)
    children = [world.start(command)[0] for command in (pair.first, pair.second)]
    first, second = (child.end(PATIENCE) for child in children)
    return [*_wrong(pair, (first, second), "at once")]


def _wait(child: Child, paused: Path) -> None:
    while child.poll() is None and not paused.exists():
        time.sleep(0.005)


def _wrong(pair: Pair, ends: tuple[Ended, Ended], where: str) -> Iterator[str]:
    commands = (pair.first, pair.second)
    where = f"{' and '.join(each.name for each in commands)}, {where}: "
    for command, ended, said in zip(commands, ends, pair.said, strict=True):
        for fault in wrong_end(ended, "", command):
            yield where + fault
        if ended.status == 0 and command.module == ANALYZE and ended.output not in said:
            yield where + f"an answer of neither: {ended.output}"
    statuses = ends[0].status, ends[1].status
    left, allowed = _left(*commands), pair.left.get(statuses, [])
    if left not in allowed:
        differences = " or ".join(difference(left, whole) for whole in allowed)
        yield where + f"ended with {statuses}, and what is left is of neither: {differences}"
