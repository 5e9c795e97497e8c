"""A command that is killed, interrupted or refused anywhere leaves whole files, and goes on."""

from __future__ import annotations

import random
import sys

import pytest

from tests.faults.cases import Commands
from tests.faults.injected import ERRORS, INTERRUPT, KILL
from tests.faults.pairs import make_pair, try_pause
from tests.faults.trial import make_case, try_fault
from tests.faults.world import World, make_world
from tests.forked import ForkServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="paths are told by /proc")

TRIED = {"apply": 5, "apply other decisions": 2, "prepare": 5, "compute": 2, "explain": 2}
TRIED |= {"what_if": 1, "training": 1, "apply to lists": 3, "apply other decisions to lists": 2}
PAUSED = {"apply and apply": 2, "prepare and prepare": 1, "explain and compute": 1}
KINDS = (KILL, *ERRORS, INTERRUPT)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> World:
    return make_world(tmp_path_factory.mktemp("faults"), fork_server)


@pytest.fixture(scope="module")
def commands(world: World) -> Commands:
    return Commands(world)


@pytest.mark.parametrize("name", TRIED)
def test_a_fault_at_any_write_leaves_whole_files_and_the_next_run_finishes(
    name: str, world: World, commands: Commands
) -> None:
    case = make_case(world, commands.alone[name]())
    chance = random.Random(name)
    wrong = []
    for number in range(TRIED[name]):
        wrong += try_fault(world, case, KINDS[number % len(KINDS)], chance.randrange(case.accesses))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", PAUSED)
def test_what_two_commands_leave_is_of_one_of_them(
    name: str, world: World, commands: Commands
) -> None:
    pair = make_pair(world, *commands.pairs[name]())
    chance = random.Random(name)
    wrong = []
    for _ in range(PAUSED[name]):
        wrong += try_pause(world, pair, chance.randrange(pair.accesses))
    assert not wrong, "\n".join(wrong)
