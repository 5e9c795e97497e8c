"""Which rows of a long table lie in this process: what is kept of many images divides among all.

Whole blocks of rows are dealt out in turn, so that all processes have some of every part of the
table. The size of a block hangs on nothing but the table, and all that is computed of rows is
computed block by block: so no number depends on how many processes there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tracin.machine.processes import Processes

Int64Array = npt.NDArray[np.int64]

ROWS_PER_BLOCK = 512
"""Few enough to be dealt out evenly, and enough for nearly the best speed of a matrix product."""

INTEGERS = {1: torch.uint8, 4: torch.int32, 8: torch.int64}
"""Those of so many bytes."""

ROWS_ON_THE_WAY = 8192
"""Rows that are sent at a time: bounds the memory for what is not yet in its place."""


@dataclass(frozen=True)
class HeldRows:
    """The rows that this process holds of a table of ``total`` rows.

    A tensor of "held rows" has them in the order of the table, its first dimension as long as
    ``rows``. What returns something for every process is called by every process.
    """

    total: int
    processes: Processes
    block: int = ROWS_PER_BLOCK
    """Rows of a block, but of the last."""

    @classmethod
    def alone(cls, total: int, block: int = ROWS_PER_BLOCK) -> HeldRows:
        """All rows: those of a process that needs no other."""
        return cls(total, Processes(torch.device("cpu")), block)

    @cached_property
    def rows(self) -> Int64Array:
        """(m,): the numbers in the table, ascending."""
        every = np.arange(self.total)
        mine: Int64Array = every[self.holder(every) == self.processes.rank]
        return mine

    def holder(self, rows: Int64Array) -> Int64Array:
        """(n,): the number of the process that holds each of these rows of the table."""
        holder: Int64Array = rows // self.block % self.processes.count
        return holder

    def blocks(self) -> Iterator[slice]:
        """Where each block stands in the held rows."""
        for start in range(0, len(self.rows), self.block):
            yield slice(start, min(start + self.block, len(self.rows)))

    def places(self, rows: Int64Array) -> tuple[Tensor, Tensor]:
        """(which of these rows of the table are held here, where they stand in the held rows).

        Args:
            rows: (n,) numbers in the table.

        Returns:
            (h,) positions in ``rows``, and (h,) positions in the held rows; int64.
        """
        here = np.flatnonzero(self.holder(rows) == self.processes.rank)
        return torch.from_numpy(here), torch.from_numpy(np.searchsorted(self.rows, rows[here]))

    def of_all(self, values: Tensor) -> Tensor:
        """(total, …): ``values`` (m, …) of the held rows from all processes, in every process.

        For what is small of an image, such as a number.
        """
        if self.processes.count == 1:
            return values
        return self._together(self.total, torch.from_numpy(self.rows), values)

    def bring(self, values: Tensor, rows: Int64Array) -> Tensor:
        """(n, …): ``values`` (m, …) of the held rows for ``rows`` (n,), in every process.

        For few rows.
        """
        here, places = self.places(rows)
        chosen = values[places.to(values.device)]
        return chosen if self.processes.count == 1 else self._together(len(rows), here, chosen)

    def _together(self, n: int, places: Tensor, values: Tensor) -> Tensor:
        """(n, …): what each process has for its ``places``, which are no other's.

        The bits are added as integers, to zeros: so they stay what they are.
        """
        bits = values.cpu().contiguous().view(INTEGERS[values.element_size()])
        table = bits.new_zeros(n, *bits.shape[1:])
        table[places] = bits
        return self.processes.sum(table).view(values.dtype).to(values.device)

    def take_in(self, held: Tensor, brought: Tensor, rows: Int64Array) -> None:
        """Fill ``held`` (m, …) with what all processes bring, each row from one of them.

        Args:
            held: of the held rows, on the CPU.
            brought: (b, …), what this process brings, on the CPU.
            rows: (b,), the numbers of these in the table, ascending.
        """
        everyones = self.processes.exchange(rows)
        for start in range(0, self.total, ROWS_ON_THE_WAY):
            stop = start + ROWS_ON_THE_WAY
            steps = [slice(*np.searchsorted(each, [start, stop])) for each in everyones]
            mine = steps[self.processes.rank]
            holder = torch.from_numpy(self.holder(rows[mine]))
            parts = [brought[mine][holder == each] for each in range(self.processes.count)]
            coming = [
                self.places(each[step])[1] for each, step in zip(everyones, steps, strict=True)
            ]
            received = self.processes.deal(parts, [len(each) for each in coming])
            for places, values in zip(coming, received, strict=True):
                held[places] = values
