"""Reading processes that die or have no shared memory: the same batches, and a line."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from tracin.machine import reading
from tracin.machine.reading import Reader, Reading, in_order


@dataclass(frozen=True)
class Items:
    """Key → key; item 7 does to a reading process what ``fault`` says."""

    fault: str = ""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, key: int) -> int:
        if key == 7 and get_worker_info() is not None:
            if self.fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "raises":
                raise OSError(24, "Too many open files")
        return key


@dataclass(frozen=True)
class Batch:
    values: Tensor


def collate(items: list[int]) -> Batch:
    return Batch(torch.tensor(items))


def no_room(_tensor: Tensor) -> Tensor:
    raise RuntimeError("unable to allocate shared memory(shm) for file </t>: No space left")


def values(reader: Reader[Batch]) -> list[list[int]]:
    return [batch.values.tolist() for batch in reader]


def reader(fault: str = "", batch_size: int = 3) -> Reader[Batch]:
    return Reader(Items(fault), in_order(20, batch_size), collate, Reading(2, batch_size, 8))


EXPECTED = [list(range(start, min(start + 3, 20))) for start in range(0, 20, 3)]


@pytest.fixture(autouse=True)
def _says_each_sentence_again() -> Iterator[None]:
    reading._say_once.cache_clear()
    yield


@pytest.mark.parametrize(
    ("fault", "fact"),
    [
        ("", ""),
        ("killed", "one of them died"),
        ("raises", "Too many open files"),
        ("no room", "is full"),
    ],
)
def test_every_batch_comes_once_in_order_and_again(
    fault: str,
    fact: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if fault == "no room":
        monkeypatch.setattr(Tensor, "share_memory_", no_room)
    before = signal.getsignal(signal.SIGCHLD)
    batches = reader(fault)
    assert values(batches) == values(batches) == EXPECTED
    errors = capfd.readouterr().err
    assert errors.count("\n") == bool(fact) and fact in errors
    assert signal.getsignal(signal.SIGCHLD) == before


@pytest.mark.parametrize("error", [EOFError(), ConnectionResetError(104, "reset by peer")])
def test_a_pipe_that_ended_is_told_as_a_process_that_died(error: Exception) -> None:
    assert "one of them died" in reading._failure(error)


@pytest.mark.parametrize(("megabytes", "workers"), [(64, 4), (15, 1), (1, 0), (1000, 15)])
def test_no_more_processes_than_shared_memory_has_room_for(
    megabytes: int,
    workers: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch_bytes = 32 * 3 * 224 * 224  # 4.8 MB, of which each process holds three: 14.5 MB
    free = SimpleNamespace(f_bavail=megabytes * 1_000_000, f_blocks=0, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda _path: free)
    assert reading._workers_that_fit(15, batch_bytes) == workers
    assert capsys.readouterr().err.count("\n") == (workers < 15)
