"""The command: Ctrl-C, and going on after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.prepare.raw_photos import piece, table
from tracin.prepare.__main__ import main

REPOSITORY = Path(__file__).parents[2]


def test_what_is_left_out_is_named_by_reason(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        (raw / "cane" / f"{number}.txt").touch()
    (raw / "drago").mkdir()
    assert main([str(raw), str(tmp_path / "out"), "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "left out  4 files" in said
    assert "drago (a class folder without images)\n" in said
    assert "cane/0.txt and 2 more (not an image: its name ends in .txt)\n" in said


def started(raw: Path, output: Path) -> subprocess.Popen[str]:
    """A preparation with two processes that convert images, in the midst of it."""
    for number in range(400):
        piece(number).save(raw / "cane" / f"more_{number}.bmp")
    command = [sys.executable, "-m", "tracin.prepare", str(raw), str(output), "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(output.glob(".unfinished/images/*/*.jpg")):
        assert process.poll() is None
        time.sleep(0.01)
    return process


def test_ctrl_c_ends_all_processes_with_one_line(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = started(raw, output)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.strip() == "Interrupted. Run the same command again to continue where it stopped."
    assert main([str(raw), str(output), "--workers", "2"]) == 0
    assert len(table(output)) == 500


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_was_killed(
    kill: signal.Signals, raw: Path, tmp_path: Path
) -> None:
    process = started(raw, tmp_path / "out")
    process.send_signal(kill)
    # All of them hold the pipe of its errors: it ends with the last.
    process.communicate(timeout=20)
    assert process.returncode == -kill
