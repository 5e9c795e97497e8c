"""Backbone + images → pooled features: the one expensive step, one frozen pass per image."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from tracin.compute.features.backbone import Forward, Pending
from tracin.compute.features.file_states import FileState, file_states
from tracin.compute.features.pace import Pace
from tracin.compute.features.shares import (
    Features,
    dealt,
    owners,
    rows_of_others,
    without_unreadable,
)
from tracin.compute.features.store import FeatureStore, feature_key
from tracin.decoding import PixelBatch, PixelDataset, PreparedImages, collate
from tracin.errors import TracInError
from tracin.images import ImageTable, Preprocessing
from tracin.machine.held_rows import HeldRows, Int64Array
from tracin.machine.processes import Counter, Processes
from tracin.machine.reading import Reader, Reading, in_order
from tracin.results.run_info import SkippedImage


@dataclass(frozen=True)
class PassSettings:
    """How images come to the forward pass. Only ``preprocessing`` changes the numbers."""

    batch_size: int = 32
    num_workers: int = 0
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    skip_unreadable: bool = False
    processes: Processes = field(default_factory=lambda: Processes(torch.device("cpu")))
    """Those that share the images among them."""
    pace: Pace | None = None
    """Is told of every batch."""
    quiet: bool = False
    """No progress bar."""


@dataclass(frozen=True)
class PooledFeatures:
    """The backbone's output for the images of a table that could be read."""

    values: Tensor
    """(m, width), float32, on the CPU: of those that this process holds."""
    hashes: Tensor
    """(m, 2, ``HASH_BYTES``), uint8: of each file, and of the picture in it."""
    held: HeldRows
    """Which of the readable images these are."""
    rows: Tensor
    """(n,), int64: the row in the table of each image that could be read."""
    skipped: tuple[SkippedImage, ...]
    kept: int
    """Images whose feature was found in the store; the others went through the backbone."""


def pooled_features(
    forward: Forward,
    table: ImageTable,
    settings: PassSettings,
    store: FeatureStore | None = None,
    *,
    divide: bool = False,
) -> PooledFeatures:
    """The pooled features of the table's images, in its order.

    Shows a progress bar on stderr where that is a terminal. Of several processes each passes its
    part of the images, without repetition.

    Args:
        forward: the backbone of a checkpoint.
        table: the images.
        settings: how to read and share them.
        store: where features are kept from run to run; None: nowhere.
        divide: each process keeps a part of the features; else all keep the whole.

    Raises:
        TracInError: an image cannot be read (unless ``skip_unreadable``), or none can.
        ValueError: the forward pass normalises in another way than the settings say.
    """
    if forward.normalization != settings.preprocessing.normalization:
        raise ValueError(f"{forward.normalization} is not that of {settings.preprocessing}")
    processes = settings.processes
    held = HeldRows(len(table), processes) if divide else HeldRows.alone(len(table))
    own = Features.of(held.rows, forward.width)
    lent = Features.of(rows_of_others(held) if store else held.rows[:0], forward.width)
    key = feature_key(forward.weights, settings.preprocessing, forward.precision) if store else ""
    found = np.zeros(len(table), dtype=bool)
    for part in (own, lent):
        if store and len(part.rows):
            states = file_states(table.take(part.rows))
            found[part.rows] = store.load(key, states, part.values, part.hashes)
    owner = owners(found, held, processes)
    mine = dealt(np.flatnonzero(owner < 0), held, processes)
    away = Features.of(np.setdiff1d(mine, held.rows), forward.width)
    task = _Task(forward, table, settings, mine, int((owner >= 0).sum()))
    keep = partial(store.save, key) if store else None
    unreadable = dict(sorted(_fill(task, (own, away), keep)))
    readable = ~np.isin(np.arange(len(table)), [*unreadable])
    if not readable.any():
        raise TracInError(f"None of the {len(table)} {table.split} images can be read.")
    brought = (owner == processes.rank) | (np.isin(np.arange(len(table)), mine) & readable)
    if divide:
        own.take_in([part.only(brought) for part in (away, lent)], held)
    elif not all(part.all() for part in processes.exchange(found)):
        for values in (own.values, own.hashes):
            processes.share_rows(values, np.flatnonzero(brought))
    held, own = without_unreadable(own, held, readable)
    return PooledFeatures(
        values=own.values,
        hashes=own.hashes,
        held=held,
        rows=torch.from_numpy(np.flatnonzero(readable)),
        skipped=tuple(SkippedImage(table.paths[row], why) for row, why in unreadable.items()),
        kept=task.kept,
    )


@dataclass(frozen=True)
class _Task:
    """What this process passes through the network."""

    forward: Forward
    table: ImageTable
    settings: PassSettings
    rows: Int64Array
    """(m,) of the table, ascending."""
    kept: int
    """Images of the table that need no pass, in any process."""


def _fill(
    task: _Task,
    rooms: Sequence[Features],
    keep: Callable[[Sequence[FileState], Tensor, Tensor], None] | None,
) -> list[tuple[int, str]]:
    """Pass the images; return (row, reason) of those that no process can read.

    Args:
        task: which images.
        rooms: where each has its place in one.
        keep: keeps the features of files from run to run.
    """
    table, settings = task.table, task.settings
    # The state before reading: a file that changes meanwhile is not taken for the new one later.
    states = file_states(table.take(task.rows)) if keep else []
    skipped: list[tuple[int, str]] = []
    with _Bar(table, task.kept, settings) as bar:
        batches = _pixel_batches(table, task.rows.tolist(), settings, task.forward)
        for batch, features in _passes(task.forward, batches):
            _check_readable(batch.unreadable, table, settings)
            skipped += batch.unreadable
            if batch.rows:
                rows = np.array(batch.rows)
                for room in rooms:
                    room.put(rows, features, batch.hashes)
                if keep:
                    present = [states[at] for at in np.searchsorted(task.rows, rows)]
                    keep(present, features, batch.hashes)
            bar.add(len(batch.rows) + len(batch.unreadable))
        bar.wait_for_others()
        # While the bar is there: the first process serves the others' count.
        everyones = settings.processes.exchange(skipped)
    return [*itertools.chain.from_iterable(everyones)]


def _passes(forward: Forward, batches: Iterable[PixelBatch]) -> Iterator[tuple[PixelBatch, Tensor]]:
    """The batches with their features; a GPU works on several before the first is waited for."""
    waiting: deque[tuple[PixelBatch, Pending]] = deque()
    for batch in batches:
        waiting.append((batch, forward.start(batch.pixels)))
        if len(waiting) > forward.in_flight:
            done, features = waiting.popleft()
            yield done, features.result()
    for done, features in waiting:
        yield done, features.result()


class _Bar:
    """The one progress bar of all processes: the first shows it, and waits for the others."""

    def __init__(self, table: ImageTable, kept: int, settings: PassSettings) -> None:
        self._processes, self._pace = settings.processes, settings.pace
        self._counter, self._total = Counter(settings.processes), 0
        self._bar = tqdm(
            total=len(table),
            initial=kept,
            desc=f"Passing {table.split} images through the network",
            unit="img",
            disable=True if settings.quiet or not settings.processes.first else None,
        )

    def add(self, images: int) -> None:
        total = self._counter.add(images)
        self._bar.update(total - self._total)
        if self._pace:
            self._pace.add(total - self._total)
        self._total = total

    def wait_for_others(self) -> None:
        """Show their progress until all have done their part."""
        self._processes.wait(lambda: self.add(0))
        self.add(0)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _pixel_batches(
    table: ImageTable, rows: Sequence[int], settings: PassSettings, forward: Forward
) -> Iterable[PixelBatch]:
    if not rows:
        return ()
    crop = settings.preprocessing.crop
    prepared = table.inputs and PreparedImages(table.inputs, rows)
    return Reader(
        prepared or PixelDataset(table, rows, crop),
        in_order(len(rows), settings.batch_size),
        collate,
        Reading(
            settings.num_workers,
            min(settings.batch_size, len(rows)),
            crop.crop_size,
            bytes_per_value=4 if prepared else 1,
            pin_memory=forward.device.type == "cuda",
        ),
    )


def _check_readable(
    unreadable: Sequence[tuple[int, str]], table: ImageTable, settings: PassSettings
) -> None:
    if unreadable and not settings.skip_unreadable:
        row, reason = unreadable[0]
        raise TracInError(
            f"{table.data_dir / table.paths[row]} cannot be read ({reason}). Repair or delete it, "
            "or leave such images out with --on_error skip."
        )
