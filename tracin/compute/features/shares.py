"""Which process passes which images, and where their features then lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tracin.hashing import HASH_BYTES
from tracin.machine.held_rows import HeldRows, Int64Array
from tracin.machine.processes import Processes

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Features:
    """Room for the features of some rows of a table."""

    rows: Int64Array
    """(m,): the rows, ascending."""
    values: Tensor
    """(m, width), float32."""
    hashes: Tensor
    """(m, 2, ``HASH_BYTES``), uint8."""

    @classmethod
    def of(cls, rows: Int64Array, width: int) -> Features:
        """Room for ``rows`` (m,), not yet filled."""
        hashes = torch.empty(len(rows), 2, HASH_BYTES, dtype=torch.uint8)
        return cls(rows, torch.empty(len(rows), width), hashes)

    def put(self, rows: Int64Array, values: Tensor, hashes: Tensor) -> None:
        """Fill those of the ``rows`` (b,), with ``values`` and ``hashes`` (b, …), that are here."""
        here = np.flatnonzero(np.isin(rows, self.rows))
        places = torch.from_numpy(np.searchsorted(self.rows, rows[here]))
        self.values[places], self.hashes[places] = values[here], hashes[here]

    def only(self, chosen: BoolArray) -> Features:
        """The rows that are ``chosen``, (n,) for every row of the table."""
        kept = torch.from_numpy(chosen[self.rows])
        if kept.all():
            return self
        return Features(self.rows[kept.numpy()], self.values[kept], self.hashes[kept])

    def take_in(self, brought: Sequence[Features], held: HeldRows) -> None:
        """Fill these, the held rows, with what all processes bring."""
        for part in brought:
            held.take_in(self.values, part.values, part.rows)
            held.take_in(self.hashes, part.hashes, part.rows)


def rows_of_others(held: HeldRows) -> Int64Array:
    """The rows (m,) that this process looks for in the store of its machine for other machines.

    Each row is looked for by one process of every machine, since each machine keeps its own.
    """
    processes = held.processes
    if processes.machines == 1:
        return held.rows[:0]
    every = np.arange(held.total)
    looked = every[held.holder(every) % processes.on_machine == processes.local_rank]
    return np.setdiff1d(looked, held.rows)


def owners(found: BoolArray, held: HeldRows, processes: Processes) -> Int64Array:
    """(n,): the process that found each image's feature, −1 where none did.

    The one that holds the image, where it did; else the first.

    Args:
        found: (n,), what this process found.
        held: who holds the images.
        processes: all of them.
    """
    everyone = np.stack(processes.exchange(found))
    every = np.arange(len(found))
    holder = held.holder(every)
    first = np.where(everyone[holder, every], holder, everyone.argmax(axis=0))
    return np.where(everyone.any(axis=0), first, -1)


def dealt(missing: Int64Array, held: HeldRows, processes: Processes) -> Int64Array:
    """(m,), ascending: those of the ``missing`` rows that this process passes.

    As many in every process, and as far as that allows those that it holds.
    """
    by_holder = missing[np.argsort(held.holder(missing), kind="stable")]
    return np.sort(np.array_split(by_holder, processes.count)[processes.rank])


def without_unreadable(
    own: Features, held: HeldRows, readable: BoolArray
) -> tuple[HeldRows, Features]:
    """What this process holds once the rows that cannot be read have left the table.

    The table is dealt out anew, so that it is dealt as one that never had them.

    Args:
        own: the features of the held rows.
        held: which these are.
        readable: (n,)
    """
    if readable.all():
        return held, own
    now = HeldRows(int(readable.sum()), held.processes, held.block)
    number = np.cumsum(readable) - 1
    some = own.only(readable)
    moved = Features.of(now.rows, own.values.shape[1])
    moved.take_in([Features(number[some.rows], some.values, some.hashes)], now)
    return now, moved
