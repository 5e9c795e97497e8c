"""Which rows lie where, of processes that are not there: what needs no exchange."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tracin.machine.held_rows import HeldRows
from tracin.machine.processes import Processes


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("total", [1, 4, 13, 40])
def test_every_row_lies_in_one_process_in_whole_blocks(total: int, count: int) -> None:
    device = torch.device("cpu")
    shares = [HeldRows(total, Processes(device, rank, count), 4) for rank in range(count)]
    assert sorted(np.concatenate([share.rows for share in shares])) == list(range(total))
    for rank, share in enumerate(shares):
        assert (share.holder(share.rows) == rank).all()
        for block in share.blocks():
            first = share.rows[block][0]
            assert first % 4 == 0
            expected = range(first, min(first + 4, total))
            assert share.rows[block].tolist() == list(expected)
        here, places = share.places(np.arange(total)[::-1])
        assert share.rows[places.numpy()].tolist() == (total - 1 - here).tolist()


def test_one_process_has_all() -> None:
    held, values = HeldRows.alone(5), torch.arange(10.0).view(5, 2)
    assert held.of_all(values) is values
    assert torch.equal(held.bring(values, np.array([4, 0])), values[[4, 0]])
    filled = torch.zeros(5, 2)
    held.take_in(filled, values[1:3], np.array([1, 2]))
    assert filled.tolist() == [[0, 0], [2, 3], [4, 5], [0, 0], [0, 0]]
