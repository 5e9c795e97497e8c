"""What happens where packages are not installed: help, a sentence, or the job all the same."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import TracIn_Resnet50
from tests.real_data import write_image_tree
from tracin import flags
from tracin.results import schema

ROOT = Path(__file__).parent.parent
OF_THE_CARD = ("torch", "torchvision", "numpy", "pandas", "matplotlib", "seaborn", "tqdm", "PIL")
OPTIONAL = ("orjson", "safetensors", "sklearn", "scipy", "captum", "cleanlab", "selenium")
SCORE, ANALYZE = (str(ROOT / name) for name in ("TracIn_Resnet50.py", "analyze_results.py"))
COMMANDS = (
    (SCORE,),
    (ANALYZE,),
    ("-m", "tracin.prepare"),
    ("-m", "tracin.training"),
)

BLOCKER = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_what_is_there(name, path=None, target=None):
    return None if name.partition(".")[0] in {blocked!r} else find(name, path, target)

PathFinder.find_spec = find_what_is_there
"""


def call(
    command: tuple[str, ...], *, blocked: tuple[str, ...], folder: Path
) -> subprocess.CompletedProcess[str]:
    """The command in a Python that does not have the ``blocked`` packages."""
    (folder / "blocked").mkdir(exist_ok=True)
    (folder / "blocked/sitecustomize.py").write_text(BLOCKER.format(blocked=blocked))
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'blocked'}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: Path(command[-1]).name)
def test_help_needs_no_library(command: tuple[str, ...], tmp_path: Path) -> None:
    done = call((*command, "--help"), blocked=(*OF_THE_CARD, *OPTIONAL, "jinja2"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--version" in done.stdout


@pytest.mark.parametrize(
    ("command", "package", "name"),
    [
        ((SCORE,), "torch", "torch"),
        ((SCORE,), "PIL", "pillow"),
        ((SCORE,), "numpy", "numpy"),
        ((ANALYZE,), "pandas", "pandas"),
        ((ANALYZE,), "numpy", "numpy"),
        ((ANALYZE,), "matplotlib", "matplotlib"),
        ((ANALYZE,), "jinja2", "jinja2"),
        (("-m", "tracin.prepare", "raw", "out"), "PIL", "pillow"),
        (("-m", "tracin.training"), "torchvision", "torchvision"),
    ],
)
def test_a_missing_library_is_one_line(
    command: tuple[str, ...], package: str, name: str, tmp_path: Path
) -> None:
    done = call(command, blocked=(package,), folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        rf"\S+: {name} is not installed\. Install what the tool needs with: "
        rf"pip install -r {re.escape(shlex.quote(str(flags.REQUIREMENTS)))}\n",
        done.stderr,
    )


def test_the_command_that_installs_can_be_pasted_where_one_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act() -> None:
        raise ModuleNotFoundError("No module named 'PIL'", name="PIL")

    monkeypatch.chdir(ROOT)
    assert flags.run_command("tool", act, interrupted="") == 1
    assert capsys.readouterr().err == (
        "tool: pillow is not installed. Install what the tool needs with: "
        "pip install -r requirements.txt\n"
    )
    monkeypatch.setattr(flags, "REQUIREMENTS", ROOT / "nowhere.txt")  # as pip installs the package
    assert flags.run_command("tool", act, interrupted="") == 1
    assert capsys.readouterr().err.endswith("with: pip install pillow\n")


@pytest.mark.parametrize("module", ["torch._C", "typing_extensions", "tracin.nowhere"])
def test_a_fault_is_not_taken_for_a_missing_library(module: str) -> None:
    def act() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    with pytest.raises(ModuleNotFoundError, match=module):
        flags.run_command("tool", act, interrupted="")


def test_every_requirement_is_known_by_name() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {re.split("[>=<]", line)[0] for line in lines if not line.startswith("#")}
    assert required == set(flags.PACKAGES.values())


def test_the_cards_packages_do_the_main_job(
    checkpoint_path: Path, image_tree: Path, tmp_path: Path
) -> None:
    """Byte-equal scores and all pictures without what only makes things faster."""
    arguments = (
        *("--model_path", str(checkpoint_path), "--data_dir", str(image_tree)),
        *("--train_subset", "20", "--test_subset", "10"),
        *("--resize_size", "40", "--crop_size", "32", "--output_dir"),
    )
    card, whole = tmp_path / "card", tmp_path / "whole"
    done = call((SCORE, *arguments, str(card)), blocked=OPTIONAL, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert TracIn_Resnet50.main([*arguments, str(whole)]) == 0
    scores = [(folder / schema.INFLUENCE_SCORES).read_bytes() for folder in (card, whole)]
    assert scores[0] == scores[1]
    command = (ANALYZE, "--results_dir", str(card))
    done = call(command, blocked=OPTIONAL, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (card / schema.DASHBOARD).exists()
    assert (card / schema.REPORT).exists()


def test_demo_and_safetensors_name_what_they_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    write_image_tree(data, train_per_class=1, test_per_class=1, size=32)
    monkeypatch.chdir(tmp_path)
    # In this process: each new one takes seconds to import torch.
    for name in ("sklearn", "sklearn.datasets", "safetensors", "safetensors.torch"):
        monkeypatch.setitem(sys.modules, name, None)
    assert TracIn_Resnet50.main(["--demo"]) == 1
    assert "pip install scikit-learn" in capsys.readouterr().err
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"\0" * 64)
    flags = ["--model_path", str(weights), "--data_dir", str(data)]
    assert TracIn_Resnet50.main([*flags, "--output_dir", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "safetensors is not installed" in error
