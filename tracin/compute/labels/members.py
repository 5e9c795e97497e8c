"""The training images class by class: each class's come to one process, some at a time.

What is asked of a whole class is then computed by one process, in the order of the table, whoever
holds the images; and the classes divide among the processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tracin.machine.held_rows import HeldRows, Int64Array

MEMBERS_PER_STEP = 512
"""Images of a class that come at a time. Over more than some hundred terms threads would share out
a sum, and its last bits would depend on their number."""


@dataclass(frozen=True)
class ClassMembers:
    """The training images by their given labels. Every process calls what follows, in step."""

    held: HeldRows
    labels: Int64Array
    """(n_train,): of all training images."""
    wanted: Sequence[int]
    """The classes that are asked about."""

    def groups(self) -> Iterator[tuple[int, ...]]:
        """The wanted classes, one for each process at a time."""
        step = self.held.processes.count
        for start in range(0, len(self.wanted), step):
            yield tuple(self.wanted[start : start + step])

    def mine(self, group: Sequence[int]) -> int:
        """The class of the group that is this process's to compute; −1 where there is none."""
        rank = self.held.processes.rank
        return group[rank] if rank < len(group) else -1

    def of(
        self, group: Sequence[int], values: Callable[[Tensor], Tensor]
    ) -> Iterator[tuple[Int64Array, Tensor]]:
        """This process's class of the group, some at a time: (rows of the table, their values).

        Args:
            group: classes, one for each process.
            values: of held rows, by their places (m,) among these: (m, w), float32.
        """
        members = [np.flatnonzero(self.labels == label) for label in group]
        rank = self.held.processes.rank
        for start in range(0, max(map(len, members)), MEMBERS_PER_STEP):
            steps = [rows[start : start + MEMBERS_PER_STEP] for rows in members]
            brought = self._brought(steps, values)
            if rank < len(group) and len(steps[rank]):
                yield steps[rank], brought

    def _brought(self, steps: Sequence[Int64Array], values: Callable[[Tensor], Tensor]) -> Tensor:
        """(m, w): the values of the rows of this process's step, whoever holds them."""
        processes = self.held.processes
        if processes.count == 1:
            return values(torch.from_numpy(steps[0]))
        none = np.empty(0, dtype=np.int64)
        everyones = [*steps, *[none] * (processes.count - len(steps))]
        sent = [values(self.held.places(rows)[1]) for rows in everyones]
        mine = everyones[processes.rank]
        holder = torch.from_numpy(self.held.holder(mine))
        sizes = torch.bincount(holder, minlength=processes.count).tolist()
        brought = sent[0].cpu().new_empty(len(mine), *sent[0].shape[1:])
        for source, part in enumerate(processes.deal([each.cpu() for each in sent], sizes)):
            brought[holder == source] = part
        return brought.to(sent[0].device)
