"""Whatever cannot be opened, written or held in memory ends in one sentence that names it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tracin import flags
from tracin.machine.refusals import refusal


def ended(act: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command ends that does ``act``."""

    def command() -> None:
        act()

    assert flags.run_command("tool", command, interrupted="") == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("tool: ") and said.err.count("\n") == 1
    return said.err


def test_files_that_cannot_be_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file, loop = (tmp_path / name for name in ("folder", "file", "loop"))
    folder.mkdir()
    file.touch()
    loop.symlink_to(loop)
    (folder / "inside").touch()
    cases: list[tuple[Path, str, Callable[[], object]]] = [
        (folder, "is a folder", folder.read_bytes),
        (file / "x", "a file is in the way", (file / "x").read_bytes),
        (tmp_path / "none", "is not there", (tmp_path / "none").read_bytes),
        (file, "a file or a link is in the way", file.mkdir),
        (loop, "a link that leads back to itself", loop.read_bytes),
        (loop, "a link that leads back to itself", lambda: loop.resolve(strict=True)),
        (folder, "with other files in it", folder.rmdir),
        (folder, "is a folder", lambda: file.replace(folder)),
    ]
    for path, fact, act in cases:
        sentence = ended(act, capsys)
        assert fact in sentence and path.name in sentence, sentence
    long = ended((tmp_path / ("x" * 300)).read_bytes, capsys)
    assert "too long a name" in long and len(long) < 250


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, 9999])
def test_what_a_disk_refuses(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "results/run.json")

    assert "results/run.json cannot be " in ended(fail, capsys)


@pytest.mark.parametrize(
    "take",
    [lambda: np.empty(2**50), lambda: torch.empty(2**50), lambda: bytearray(2**60)],
    ids=["numpy", "torch", "python"],
)
def test_a_lack_of_memory_is_called_that(
    take: Callable[[], object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "The memory does not suffice." in ended(take, capsys)


def test_a_fault_of_ours_is_not_hidden() -> None:
    def fault() -> None:
        raise RuntimeError("shapes do not agree")

    assert refusal(ValueError("x")) is None
    with pytest.raises(RuntimeError, match="shapes"):
        flags.run_command("tool", fault, interrupted="")


def test_numbers_that_no_library_takes_are_refused_when_they_are_read() -> None:
    parser = flags.new_parser("")
    parser.add_argument("--seed", type=flags.seed)
    parser.add_argument("--count", type=flags.positive_int)
    torch.manual_seed(parser.parse_args(["--seed", str(2**63 - 1)]).seed)
    for given in (["--seed", str(2**63)], ["--count", str(2**31)], ["--count", "0"]):
        with pytest.raises(SystemExit) as end:
            parser.parse_args(given)
        assert end.value.code == 2
