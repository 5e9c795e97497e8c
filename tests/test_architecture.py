"""The house keeps its plan: who may import whom, which wings load without torch, and no circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WINGS = ("compute", "analyze", "prepare", "training", "clean")
ABOVE = ("what_if", "demo", "in_python")
"""They may use the wings, and nothing may use them but the scripts and the front door."""

FRONT_DOOR = ""
"""``tracin/__init__.py``: hands out two functions of ``in_python``."""

ROOMS = {
    "compute": ("config", "model", "features", "scores", "labels", "check"),
    "analyze": ("read", "figures", "words", "pictures", "report"),
}
"""The rooms of a wing in the order in which the data passes them: each uses itself and those before
it. The wing's other modules put the rooms together, and no room uses them."""

SIDE_BY_SIDE = {("report", "pictures")}
"""Two ends of the same way: neither uses the other."""

WITHOUT_TORCH = ("analyze", "clean", "prepare", "results")


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted((ROOT / "tracin").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path, known: Mapping[str, Path] = MODULES) -> Iterator[str]:
    """The modules of the package that a file imports, also inside functions and for types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module in known:
            inside = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in known else node.module for name in inside)


GRAPH = {name: set(imports(path)) for name, path in MODULES.items()}


def room(module: str, depth: int) -> str:
    """``compute`` of ``tracin.compute.model.checkpoint`` at depth 1, ``model`` at depth 2."""
    return (*module.split("."), "", "")[depth]


def arrows(chosen: Callable[[str, str], bool]) -> set[tuple[str, str]]:
    """The imports (module, imported module) between two wings that ``chosen`` is true for."""
    return {
        (name, used)
        for name, uses in GRAPH.items()
        for used in uses
        if chosen(room(name, 1), room(used, 1))
    }


def test_the_graph_is_the_trees() -> None:
    """A parser that finds nothing would pass every other test here."""
    assert len(GRAPH) > 80
    assert "tracin.compute.run" in set(imports(ROOT / "TracIn_Resnet50.py"))
    assert "tracin.results.schema" in GRAPH["tracin.compute.tables"]
    assert "tracin.images" in GRAPH["tracin.compute.features.pooled"]


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_uses_the_ground_and_itself_alone(wing: str) -> None:
    others = {*WINGS, *ABOVE} - {wing}
    assert not arrows(lambda here, there: here == wing and there in others)


def test_the_ground_stands_on_itself() -> None:
    built = {*WINGS, *ABOVE, FRONT_DOOR}
    assert not arrows(lambda here, there: here not in built and there in built)
    assert GRAPH["tracin"] == {"tracin.in_python.front", "tracin.version"}


def test_nothing_in_the_package_uses_what_stands_above() -> None:
    assert not arrows(lambda here, there: there in ABOVE and here not in (there, FRONT_DOOR))


@pytest.mark.parametrize("wing", ROOMS)
def test_the_rooms_of_a_wing_follow_the_data(wing: str) -> None:
    rooms = ROOMS[wing]
    inside = [name for name in GRAPH if room(name, 1) == wing and room(name, 2) in rooms]
    assert {room(name, 2) for name in inside} == set(rooms)
    astray = set()
    for name in inside:
        here = room(name, 2)
        before = {*rooms[: rooms.index(here) + 1]}
        before -= {other for each, other in SIDE_BY_SIDE if each == here}
        astray |= {
            (name, used)
            for used in GRAPH[name]
            if room(used, 1) == wing and room(used, 2) and room(used, 2) not in before
        }
    assert not astray


def test_there_is_no_circle() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("wing", WITHOUT_TORCH)
def test_a_wing_loads_without_torch(wing: str) -> None:
    names = [name for name in MODULES if room(name, 1) == wing and "__main__" not in name]
    program = (
        "import importlib, sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'torchvision'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
