"""Every command, killed, interrupted and refused at its writes, and two at once: ``make faults``.

Prints a table and what is wrong; the exit status is 1 where anything is.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.cases import Commands
from tests.faults.injected import INTERRUPT, KILL, LIMIT
from tests.faults.pairs import make_pair, try_at_once, try_pause
from tests.faults.trial import FULL, Case, make_case, try_fault
from tests.faults.world import World, make_world
from tests.forked import ForkServer

KINDS = {KILL: 10, INTERRUPT: 4, "ENOSPC": 4, "EDQUOT": 3, "EIO": 3, LIMIT: 3}
"""So often of each command."""
FULL_DISKS, WAITS, AT_ONCE = 3, 5, 10

ROOM_TO_SPEAK = 1000
"""Bytes of the file that takes what a command says: a limit holds for it, too."""

Row = tuple[object, ...]


def try_alone(world: World, commands: Commands, chance: random.Random) -> Iterator[Row]:
    """Try each command with every kind of fault; give a row of the table for each."""
    yield "command", "writes", *KINDS, "faults found"
    for name, make in commands.alone.items():
        case = make_case(world, make())
        wrong = [
            each
            for kind, times in KINDS.items()
            for at in _places(case, kind, times, chance)
            for each in try_fault(world, case, kind, at)
        ]
        yield name, case.accesses, *KINDS.values(), _told(wrong)


def _places(case: Case, kind: str, times: int, chance: random.Random) -> list[int]:
    """At which writes, spread over all of them; of ``LIMIT``: below its largest file."""
    if kind == LIMIT:
        sizes = [path.stat().st_size for path in case.command.output.rglob("*") if path.is_file()]
        return [chance.randrange(ROOM_TO_SPEAK, max(sizes)) for _ in range(times)]
    return [int((number + chance.random()) * case.accesses / times) for number in range(times)]


def try_full_disks(world: World, commands: Commands, chance: random.Random) -> Iterator[Row]:
    """Try each command on a disk that becomes full; give a row of the table for each."""
    yield "command", "full disks", "faults found"
    for name, make in commands.alone.items():
        case = make_case(world, make())
        files = [path for path in case.command.output.rglob("*") if path.is_file()]
        room = sum(path.stat().st_size for path in files)
        wrong = [
            each
            for _ in range(FULL_DISKS)
            for each in try_fault(world, case, FULL, chance.randrange(room))
        ]
        yield name, FULL_DISKS, _told(wrong)


def try_pairs(world: World, commands: Commands, chance: random.Random) -> Iterator[Row]:
    """Try two commands on the same folders; give a row of the table for each two."""
    yield "two commands", "accesses", "the first waits", "at once", "faults found"
    for name, make in commands.pairs.items():
        pair = make_pair(world, *make())
        wrong = []
        for _ in range(WAITS):
            wrong += try_pause(world, pair, chance.randrange(pair.accesses))
        for _ in range(AT_ONCE):
            wrong += try_at_once(world, pair)
        yield name, pair.accesses, WAITS, AT_ONCE, _told(wrong)


def _told(wrong: Sequence[str]) -> int:
    for each in wrong:
        print(f"FAULT {each}", flush=True)
    return len(wrong)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """Give a folder on a disk of its own; None, and a line that says why, where there is none."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Full disks are left out: a small one cannot be mounted here ({error}).")
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def main() -> int:
    """Try all; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", default=["alone", "pairs", "full"])
    parser.add_argument("--only", nargs="+", help="names in the table's first column")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    found = 0
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        server = held.enter_context(ForkServer(folder))
        world = make_world(folder / "world", server)
        tries: dict[str, Callable[[World, Commands, random.Random], Iterator[Row]]]
        tries = {"alone": try_alone, "pairs": try_pairs, "full": try_full_disks}
        for part in arguments.parts:
            if part == "full":
                world.small_disk = held.enter_context(small_disk(folder / "small"))
                if world.small_disk is None:
                    continue
            commands = Commands(world)
            if arguments.only:
                commands.keep(arguments.only)
            for row in tries[part](world, commands, chance):
                print("| " + " | ".join(map(str, row)) + " |", flush=True)
                found += row[-1] if isinstance(row[-1], int) else 0
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
