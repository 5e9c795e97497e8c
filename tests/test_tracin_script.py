"""TracIn_Resnet50.py as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import TracIn_Resnet50
from tests.real_data import write_image_tree
from tracin import __version__
from tracin.compute.model.head import ACTIVATIONS
from tracin.results import schema
from tracin.results.run_info import read_run_info

ROOT = Path(__file__).parent.parent
SCRIPT = str(ROOT / "TracIn_Resnet50.py")


@pytest.fixture
def arguments(checkpoint_path: Path, image_tree: Path, tmp_path: Path) -> list[str]:
    return [
        *("--model_path", str(checkpoint_path), "--data_dir", str(image_tree)),
        *("--output_dir", str(tmp_path / "results"), "--resize_size", "40", "--crop_size", "32"),
    ]


def test_a_run_reports_what_it_did(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TracIn_Resnet50.main([*arguments, "--train_subset", "20", "--test_subset", "10"]) == 0
    output = capsys.readouterr()
    assert "Influence of 20 training images on 10 test images." in output.out
    assert re.search(r"scores +−[\d.×⁻⁰-⁹]+ to \+[\d.×⁻⁰-⁹]+ \(above zero: helped\)", output.out)
    for name in schema.files_of_run(matrix=True):
        assert str(tmp_path / "results" / name) in output.out
    last = output.out.rstrip().splitlines()[-1]
    assert last == f"Next: python analyze_results.py --results_dir {tmp_path / 'results'}"
    assert "\r" not in output.err  # no progress bar where stderr is no terminal
    info = read_run_info(tmp_path / "results")
    assert info.command[:2] == ("TracIn_Resnet50.py", "--model_path")


@pytest.mark.parametrize(
    ("program", "folder", "expected"),
    [
        ("TracIn_Resnet50.py", "results", "python analyze_results.py"),
        ("/venv/bin/tracin", "results", "tracin-analyze"),
        ("TracIn_Resnet50.py", "my 1st", "python analyze_results.py --results_dir 'my 1st'"),
    ],
)
def test_the_next_command_can_be_pasted(
    program: str, folder: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    assert TracIn_Resnet50._next_command(Path(folder)) == expected


def test_defaults_are_the_products() -> None:
    arguments = TracIn_Resnet50.build_parser().parse_args([])
    assert arguments.model_path == [Path("models/Resnet50_animals10_val_0_9796_0_5963.pth")]
    assert arguments.data_dir == Path("data/processed")
    assert arguments.output_dir == Path("results")
    assert (arguments.train_subset, arguments.test_subset) == (None, None)
    assert (arguments.batch_size, arguments.seed) == (32, 0)
    assert (arguments.resize_size, arguments.crop_size) == (None, None)  # 256, 224 if not stored
    assert (arguments.device, arguments.precision) == ("auto", "float32")


def test_every_activation_is_offered() -> None:
    for name in ACTIVATIONS:
        parsed = TracIn_Resnet50.build_parser().parse_args(["--head_activation", name])
        assert parsed.head_activation == name


def test_errors_are_one_sentence_on_stderr(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert TracIn_Resnet50.main([*arguments, "--data_dir", "nowhere"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("TracIn_Resnet50.py: There is no folder nowhere/train")


@pytest.mark.parametrize(
    "flags",
    [
        ["--train_subset", "0"],
        ["--batch_size", "-1"],
        ["--num_workers", "-1"],
        ["--learning_rate", "0"],
        ["--learning_rate", "nan"],
        ["--label_smoothing", "1"],
        ["--precision", "float16"],
        ["--seed", "-1"],
        ["--demo", "--dry_run"],
        ["--demo", "--data_dir", "mine"],
        ["--unknown"],
    ],
)
def test_usage_errors_exit_2(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        TracIn_Resnet50.main(flags)
    assert caught.value.code == 2
    assert flags[0] in capsys.readouterr().err


def test_the_demo_is_for_one_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as caught:
        TracIn_Resnet50.main(["--demo"])
    assert caught.value.code == 2
    assert "run it without torchrun" in capsys.readouterr().err


def test_help_and_version_start_at_once() -> None:
    start = time.perf_counter()
    output = subprocess.run(
        [sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True
    )
    assert output.stdout.index("examples:") < output.stdout.index("options:")
    assert output.stdout.count("  python TracIn_Resnet50.py ") == 3
    code = "import sys, TracIn_Resnet50; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    output = subprocess.run(
        [sys.executable, SCRIPT, "--version"], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == f"tracin {__version__}"
    assert time.perf_counter() - start < 30  # three interpreter starts, without torch


@pytest.mark.parametrize("workers", ["0", "1"])
def test_ctrl_c_ends_with_one_line(arguments: list[str], tmp_path: Path, workers: str) -> None:
    write_image_tree(tmp_path / "data", train_per_class=60, test_per_class=2, size=64)
    flags = ["--data_dir", str(tmp_path / "data"), "--num_workers", workers]
    process = subprocess.Popen(
        [sys.executable, SCRIPT, *arguments, *flags, "--resize_size", "256", "--crop_size", "224"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Plan: ")
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to the whole group
    start = time.perf_counter()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == "Interrupted. Run the same command again to go on."
    assert time.perf_counter() - start < 20
    assert not (tmp_path / "results" / schema.RUN_INFO).exists()
