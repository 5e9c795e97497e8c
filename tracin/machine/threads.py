"""Matrix products whose last bits do not depend on how many threads there are.

Threads that share a product may add its terms in another order than one thread does: where the
product is small and its sums are long they share out the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

FEW_COLUMNS = 1024
"""Up to so many columns one thread makes a product: above, threads share out its columns."""


@contextmanager
def one_thread() -> Iterator[int]:
    """Let torch compute with one thread in the block; yield how many it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def product(left: Tensor, right: Tensor) -> Tensor:
    """``left`` (n, k) times ``right`` (k, m)."""
    if left.device.type != "cpu" or right.shape[1] > FEW_COLUMNS:
        return left @ right
    with one_thread():
        return left @ right


def one_thread_each(work: Callable[[T], None], items: Iterable[T], device: torch.device) -> None:
    """Call ``work`` on every item, as many at a time as there are threads, each with one of them.

    On a GPU one item comes after the other.
    """
    if device.type != "cpu":
        for item in items:
            work(item)
        return
    with (
        one_thread() as threads,
        # A new thread counts for itself.
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        for _ in pool.map(work, items):
            pass
