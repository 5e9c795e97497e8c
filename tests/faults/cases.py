"""The commands that are tried, alone and in pairs, each with what stood in its folder before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from tests.faults.world import (
    Command,
    World,
    analyze,
    clean,
    clean_lists,
    compute,
    prepare,
    training,
)

TEST_IMAGE = "cat_00000.jpg"


class Commands:
    """Every command in a world; what must stand before one is made when it is asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.alone: dict[str, Callable[[], Command]] = {
            "compute": lambda: compute(world),
            "compute over another run": lambda: compute(world, "--top_k", "3", former=self._asked),
            "analyze": lambda: analyze(world, "analyze", self._run),
            "analyze again": lambda: analyze(world, "analyze", self._asked, "--top_k", "3"),
            "explain": lambda: analyze(world, "explain", self._run, "--explain", TEST_IMAGE),
            "what_if": lambda: analyze(world, "what_if", self._run, "--what_if", "1"),
            "apply": lambda: clean(world, "a"),
            "apply other decisions": lambda: clean(world, "b", self._cleaned),
            "apply to lists": lambda: clean_lists(world, "a"),
            "apply other decisions to lists": lambda: clean_lists(world, "b", self._corrected),
            "prepare": lambda: prepare(world),
            "training": lambda: training(world),
            "training in the place of another": lambda: training(
                world, "--restart", "--seed", "1", former=self._trained
            ),
        }
        other_run, run = self._other_run, self.alone
        self.pairs: dict[str, Callable[[], tuple[Command, Command]]] = {
            "compute and compute": lambda: (other_run(), compute(world, former=self._run)),
            "compute and analyze": lambda: (other_run(), run["analyze"]()),
            "compute and explain": lambda: (other_run(), run["explain"]()),
            "compute and what_if": lambda: (other_run(), run["what_if"]()),
            "compute and apply": lambda: (other_run(), self._apply_to_run()),
            "apply and compute": lambda: (self._apply_to_run(), other_run()),
            "explain and compute": lambda: (run["explain"](), other_run()),
            "what_if and what_if": lambda: (run["what_if"](), run["what_if"]()),
            "analyze and analyze": lambda: (
                run["analyze"](),
                analyze(world, "analyze", self._run, "--top_k", "3"),
            ),
            "apply and apply": lambda: (clean(world, "a"), clean(world, "b")),
            "prepare and prepare": lambda: (prepare(world), prepare(world, "--seed", "1")),
            "training and training": lambda: (training(world), training(world, "--seed", "1")),
        }

    def keep(self, names: Collection[str]) -> None:
        """Forget all but these, alone and in pairs."""
        self.alone = {name: make for name, make in self.alone.items() if name in names}
        self.pairs = {name: make for name, make in self.pairs.items() if name in names}

    def _other_run(self) -> Command:
        return compute(self._world, "--top_k", "3", former=self._run)

    def _apply_to_run(self) -> Command:
        """``--apply`` that finds the images by the results' run.json."""
        command = clean(self._world, "a")
        at = command.arguments.index("--data_dir")
        return replace(command, arguments=command.arguments[:at] + command.arguments[at + 2 :])

    @cached_property
    def _run(self) -> Path:
        return self._world.keep_former("run", compute(self._world))

    @cached_property
    def _asked(self) -> Path:
        """A run that was analysed, and asked about."""
        world = self._world
        questions = ((), ("--explain", TEST_IMAGE), ("--what_if", "1"))
        asked = [analyze(world, "analyze", self._run, *question) for question in questions]
        return world.keep_former("asked", compute(world), *asked)

    @cached_property
    def _cleaned(self) -> Path:
        return self._world.keep_former("cleaned", clean(self._world, "a"))

    @cached_property
    def _corrected(self) -> Path:
        return self._world.keep_former("corrected", clean_lists(self._world, "a"))

    @cached_property
    def _trained(self) -> Path:
        return self._world.keep_former("trained", training(self._world))
