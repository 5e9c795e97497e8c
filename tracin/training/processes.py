"""One process, or several that torchrun started, each with its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from tracin.compute.device import choose_device


@dataclass(frozen=True)
class Processes:
    """This process among those of the training."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """This process's part of a list that all hold."""
        return slice(self.rank, None, self.count)

    def sum(self, values: Tensor) -> Tensor:
        """``values`` summed over the processes."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Go on when every process has come here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """The processes of this training: those of torchrun, else this one alone.

    Args:
        device: "auto", "cpu", "cuda" or "mps"; under torchrun each process takes a GPU of its own.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device)
    if count == 1:
        yield Processes(chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(chosen, distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()
