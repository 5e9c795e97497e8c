"""Processes that read images, and how the reading goes on where they cannot.

They hand their batches over in shared memory, of which a container may have too little, and the
system may kill them. Then this process reads by itself: the same batches, more slowly.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

T = TypeVar("T")
SHARED_MEMORY = "/dev/shm"
"""Where Linux shows it as a disk."""

_BATCHES_OF_A_PROCESS = 3
"""Two that wait, as DataLoader has it, and one in the hands of the reader."""

_TOO_SMALL = re.compile(r"shared memory|shm|bus error|no space left", re.IGNORECASE)
_KILLED = re.compile(r"exited unexpectedly|killed by signal")
_MORE = "A container gets more with docker run --shm-size 2g."


class Batches(Sized, Protocol):
    """Lists of keys, one list for each batch; may be others each time."""

    def __iter__(self) -> Iterator[Sequence[Any]]: ...


@dataclass(frozen=True)
class Reading:
    """How images are read."""

    workers: int
    """Processes; 0: this one."""
    batch_size: int
    """Images, at most."""
    crop_size: int
    """Pixels: width and height of an image."""
    bytes_per_value: int = 1
    pin_memory: bool = False
    """For a GPU."""

    @property
    def batch_bytes(self) -> int:
        """Size of a full batch of three colours."""
        return 3 * self.bytes_per_value * self.batch_size * self.crop_size**2


def in_order(items: int, batch_size: int) -> list[range]:
    """The numbers of ``items`` in their order, ``batch_size`` at a time."""
    return [range(start, min(start + batch_size, items)) for start in range(0, items, batch_size)]


class Reader(Generic[T]):
    """The batches of a data set in order; can be iterated again and again.

    Args:
        items: key → item.
        batches: the keys of each batch.
        collate: items → batch, whose attributes are shared where they are tensors.
        reading: how.
    """

    def __init__(
        self, items: Any, batches: Batches, collate: Callable[[Any], T], reading: Reading
    ) -> None:
        self._items, self._batches, self._collate = items, batches, collate
        self._loader: DataLoader[T] | None = None
        if workers := _workers_that_fit(min(reading.workers, len(batches)), reading.batch_bytes):
            self._loader = DataLoader(
                items,
                batch_sampler=batches,  # type: ignore[arg-type]  # it need not be a list
                num_workers=workers,
                collate_fn=_Shared(collate),
                pin_memory=reading.pin_memory,
                persistent_workers=True,
                worker_init_fn=_leave_interrupts_to_the_parent,
            )

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[T]:
        done = 0
        if self._loader is not None:
            try:
                for batch in _started(self._loader):
                    yield batch
                    done += 1
                return
            # Whatever it was: if it lies in the images, it will be raised once more below.
            except Exception as error:
                self._loader = None
                _say_once(_failure(error))
        for keys in islice(self._batches, done, None):
            yield self._collate([self._items[key] for key in keys])


@dataclass(frozen=True)
class _Shared(Generic[T]):
    """Puts a batch into shared memory where it is made.

    By itself that happens in a thread of the process, which loses a batch for which there is no
    room: the run would wait for it for ever.
    """

    collate: Callable[[Any], T]

    def __call__(self, items: Any) -> T:
        batch = self.collate(items)
        for value in vars(batch).values():
            if isinstance(value, Tensor):
                value.share_memory_()
        return batch


def _started(loader: DataLoader[T]) -> Iterator[T]:
    """The loader's batches, of processes whose death is noticed where a batch is asked for.

    PyTorch answers the signal of a dead process by raising in whatever is being done just then.
    """
    answers_signals = hasattr(signal, "SIGCHLD") and (
        threading.current_thread() is threading.main_thread()
    )
    before = signal.getsignal(signal.SIGCHLD) if answers_signals else None
    try:
        return iter(loader)
    finally:
        if answers_signals:
            signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)


def _leave_interrupts_to_the_parent(_worker: int) -> None:
    """Ctrl-C reaches every process of the group; only the parent shall answer, once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _workers_that_fit(workers: int, batch_bytes: int) -> int:
    """As many of ``workers`` as shared memory has room for."""
    try:
        disk = os.statvfs(SHARED_MEMORY)
    except (AttributeError, OSError):  # not on Linux
        return workers
    fit = disk.f_bavail * disk.f_frsize // (_BATCHES_OF_A_PROCESS * max(1, batch_bytes))
    if fit < workers:
        megabytes = disk.f_blocks * disk.f_frsize / 1e6
        _say_once(
            f"Shared memory ({SHARED_MEMORY}, {megabytes:,.0f} MB) is too small for the processes "
            "that were to read images: "
            + (f"there will be {fit} instead. " if fit else "this one reads them itself. ")
            + _MORE
        )
    return min(workers, fit)


def _failure(error: Exception) -> str:
    if _TOO_SMALL.search(str(error)):
        fact, advice = f"shared memory ({SHARED_MEMORY}) is full", f" {_MORE}"
    # A pipe ends where the process that died had not yet handed over what it announced.
    elif isinstance(error, EOFError | ConnectionError) or _KILLED.search(str(error)):
        fact, advice = "one of them died, perhaps because memory ran out", ""
    else:  # what happened there stands below where it happened
        fact, advice = (str(error).strip() or type(error).__name__).splitlines()[-1], ""
    return (
        f"The processes that read images cannot go on: {fact}. This one reads the rest itself, "
        f"as with --num_workers 0.{advice}"
    )


@cache
def _say_once(sentence: str) -> None:
    with tqdm.external_write_mode(file=sys.stderr):
        print(sentence, file=sys.stderr)
