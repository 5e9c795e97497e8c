"""``pip install .``: the wheel alone, in a fresh environment away from the tree, does the job."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.analyze.world import make_world

ROOT = Path(__file__).parent.parent
WHAT_PIP_SEES = (
    *("TracIn_Resnet50.py", "analyze_results.py", "tracin"),
    *("pyproject.toml", "README.md", "requirements.txt", "tests"),
)
BUILD_SDIST = "from setuptools import build_meta; build_meta.build_sdist('dist')"
BIN = "Scripts" if os.name == "nt" else "bin"


def run(*command: object, folder: Path) -> str:
    """What the command printed, called in ``folder`` without a hint to the tree."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment in which only the wheel was installed.

    The libraries are this environment's, named by a .pth file: torch is gigabytes.
    """
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in WHAT_PIP_SEES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    # Through the sdist, which shows that it holds all that the wheel is built from.
    run(sys.executable, "-c", BUILD_SDIST, folder=tree)
    (sdist,) = (tree / "dist").iterdir()
    run(*pip, "wheel", *options, "-w", folder / "wheels", sdist, folder=folder)
    shutil.rmtree(tree)
    (wheel,) = (folder / "wheels").glob("*.whl")
    fresh = folder / "fresh"
    venv.create(fresh, with_pip=False)
    python = fresh / BIN / Path(sys.executable).name
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", purelib, folder=folder).strip())
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh / BIN


def test_it_is_the_wheel_that_is_imported(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "python", "-c", "import tracin; print(tracin.__file__)", folder=tmp_path)
    assert Path(said.strip()).is_relative_to(installed.parent)


def test_the_wheel_holds_the_product_alone(installed: Path) -> None:
    (wheel,) = (installed.parent.parent / "wheels").glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {path for path in (ROOT / "tracin").rglob("*") if path.is_file()}
    ours = {path.relative_to(ROOT).as_posix() for path in package if path.suffix != ".pyc"}
    assert names == ours | {"TracIn_Resnet50.py", "analyze_results.py"}
    assert "tracin/py.typed" in names


@pytest.mark.parametrize(
    ("command", "script"),
    [("tracin", "TracIn_Resnet50.py"), ("tracin-analyze", "analyze_results.py")],
)
def test_the_commands_are_the_scripts(
    installed: Path, tmp_path: Path, command: str, script: str
) -> None:
    by_script = run(sys.executable, ROOT / script, "--help", folder=tmp_path)
    by_command = run(installed / command, "--help", folder=tmp_path)
    flags = by_script.split("\noptions:")[1]
    assert flags == by_command.split("\noptions:")[1]
    assert "--version" in flags


def test_it_analyses(installed: Path, tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=40, n_test=8, names=("cat", "dog"))
    said = run(installed / "tracin-analyze", "--results_dir", world.results_dir, folder=tmp_path)
    assert "Health score" in said
    assert (world.results_dir / "analysis_dashboard.png").stat().st_size > 10_000
    assert "</html>" in (world.results_dir / "report.html").read_text(encoding="utf-8")
