"""One process, or several that torchrun started, on one machine or many.

What they exchange lies in main memory and goes through gloo; NCCL serves the tensors of a GPU, such
as the gradients of a training.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, distributed

from tracin.errors import TracInError
from tracin.flags import Device
from tracin.machine.cores import core_count
from tracin.machine.device import choose_device
from tracin.wording import count

T = TypeVar("T")

PATIENCE = timedelta(days=1)
"""How long a process waits for a slower one; a dead one is noticed at once, by its connection."""

CONNECT_PATIENCE = timedelta(minutes=5)
"""How long a process tries to reach another that listens already."""

MEANWHILE_SECONDS = 0.1
"""From one call to the next of what a waiting process does: often enough for a progress bar."""


@dataclass(frozen=True)
class Processes:
    """This process among those of the run."""

    device: torch.device
    rank: int = 0
    count: int = 1
    machine: int = 0
    """Number of this machine among those of the run."""
    machines: int = 1
    on_machine: int = 1
    """Processes of the run on this machine."""
    local_rank: int = 0
    """Number of this process among those on this machine."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """Where this process's part stands in a list that all hold: every ``count``-th item."""
        return slice(self.rank, None, self.count)

    def sum(self, values: Tensor) -> Tensor:
        """Add up ``values`` over the processes, in place; return them."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def wait(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until every process has come here; call ``meanwhile`` again and again till then.

        Raises:
            RuntimeError: another process ended instead.
        """
        if self.count > 1:
            work = distributed.all_reduce(torch.zeros(()), async_op=True)
            while not work.is_completed():
                meanwhile()
                time.sleep(MEANWHILE_SECONDS)
            work.wait()

    def exchange(self, value: T) -> list[T]:
        """Send ``value`` to every process; return that of each, in their order."""
        if self.count == 1:
            return [value]
        values: list[T] = [value] * self.count
        distributed.all_gather_object(values, value)
        return values

    def gather(self, value: T) -> list[T]:
        """Send ``value`` to the first process; return there that of each, elsewhere nothing."""
        if self.count == 1:
            return [value]
        values: list[T] | None = [value] * self.count if self.first else None
        distributed.gather_object(value, values)
        return values or []

    def of_first(self, value: T | None) -> T:
        """The first process's ``value``, in every process: what one alone can know or decide."""
        values = [value]
        if self.count > 1:
            distributed.broadcast_object_list(values, 0)
        return cast(T, values[0])

    def largest(self, value: float) -> float:
        """The largest ``value`` of all processes."""
        return max(self.exchange(value))

    def deal(self, parts: Sequence[Tensor], sizes: Sequence[int]) -> list[Tensor]:
        """Send a part to each process; return what each sends to this one.

        Args:
            parts: (m, …) each, on the CPU, one for each process, of one shape but for m.
            sizes: m of what each process sends to this one.
        """
        if self.count == 1:
            return [*parts]
        sent = torch.cat([*parts])
        received = sent.new_empty(sum(sizes), *sent.shape[1:])
        distributed.all_to_all_single(received, sent, [*sizes], [len(part) for part in parts])
        return [*received.split([*sizes])]

    def share_rows(self, values: Tensor, rows: npt.NDArray[np.int64]) -> None:
        """Give every process the rows of ``values`` that each of them brings.

        Args:
            values: (n, …), on the CPU; rows that others bring are filled.
            rows: the rows that this process brings; no two bring the same.
        """
        for source, brought in enumerate(self.exchange(rows)):
            if self.count > 1 and len(brought):
                index = torch.from_numpy(brought)
                part = values[index]
                distributed.broadcast(part, source)
                values[index] = part

    def send(self, values: Tensor) -> distributed.Work | None:
        """Start sending ``values`` to the first process; wait for the work's end."""
        return distributed.isend(values, 0)

    def receive(self, values: Tensor, source: int) -> Tensor:
        """Wait for what process ``source`` sends, of the form of ``values``; fill and return it."""
        distributed.recv(values, source)
        return values


class Counter:
    """A number that all processes add to, such as the images of one progress bar."""

    def __init__(self, processes: Processes) -> None:
        self._alone = 0
        self._store: Any = None
        if processes.count > 1:
            # The first listens on a free port of its machine and tells the others which.
            if processes.first:
                self._store = _store(0, listen=True)
            port: int = processes.exchange(getattr(self._store, "port", 0))[0]
            if not processes.first:
                self._store = _store(port, listen=False)

    def add(self, amount: int) -> int:
        """Add ``amount``; return the total."""
        self._alone += amount
        return self._alone if self._store is None else int(self._store.add("total", amount))


def _store(port: int, *, listen: bool) -> Any:
    return distributed.TCPStore(  # type: ignore[attr-defined]  # documented, yet not in __all__
        os.environ["MASTER_ADDR"], port, None, listen, CONNECT_PATIENCE, wait_for_workers=False
    )


@contextmanager
def joined_processes(device: Device, *, share_gpus: bool = False) -> Iterator[Processes]:
    """Join the processes that torchrun started; yield this one among them, or this one alone.

    Args:
        device: "auto", "cpu", "cuda" or "mps"; under torchrun each process takes a GPU of its own.
        share_gpus: where there are more processes than GPUs, several may take one. What they
            exchange must then lie in main memory: NCCL refuses two on one GPU.

    Raises:
        TracInError: the device is not there, or another process ended.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device)
    if world_size == 1:
        yield Processes(chosen)
        return
    on_machine = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if chosen.type == "cuda":
        gpus = torch.cuda.device_count()
        if on_machine > gpus and not share_gpus:
            raise TracInError(
                f"torchrun started {count(on_machine, 'process')} here, and this machine has "
                f"{count(gpus, 'GPU')}. Lower --nproc_per_node, or add "
                "--device cpu."
            )
        chosen = torch.device("cuda", local_rank % gpus)
        torch.cuda.set_device(chosen)
    elif os.environ.get("OMP_NUM_THREADS") == "1":  # what torchrun sets where the user does not
        torch.set_num_threads(max(1, core_count() // on_machine))
    backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" and not share_gpus else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Processes(
            chosen,
            rank=distributed.get_rank(),
            count=world_size,
            machine=int(os.environ.get("GROUP_RANK", "0")),
            machines=int(os.environ.get("GROUP_WORLD_SIZE", "1")),
            on_machine=on_machine,
            local_rank=local_rank,
        )
    except (distributed.DistError, RuntimeError) as error:
        if not _lost_peer(error):
            raise
        raise TracInError(
            "Another process of this run ended; its own message says why. What was kept so far "
            "will serve the next run."
        ) from error
    finally:
        distributed.destroy_process_group()


def _lost_peer(error: Exception) -> bool:
    """Whether a connection broke: gloo has no error class of its own."""
    text = str(error)
    return isinstance(error, distributed.DistError) or any(
        sign in text for sign in ("Connection closed", "Connection reset", "gloo", "NCCL")
    )
