"""Backbone + images → pooled features: the one expensive step, one frozen pass per image."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from tracin.compute.features.backbone import Forward, Pending
from tracin.compute.features.file_states import file_states
from tracin.compute.features.pace import Pace
from tracin.compute.features.store import FeatureStore, feature_key
from tracin.decoding import PixelBatch, PixelDataset, PreparedImages, collate
from tracin.errors import TracInError
from tracin.hashing import HASH_BYTES
from tracin.images import ImageTable, Preprocessing
from tracin.machine.processes import Counter, Processes
from tracin.machine.reading import Reader, Reading, in_order
from tracin.results.run_info import SkippedImage

Int64Array = npt.NDArray[np.int64]


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
    """(n, m), float32, on the CPU"""
    hashes: Tensor
    """(n, 2, ``HASH_BYTES``), uint8: of each file, and of the picture in it"""
    rows: Tensor
    """(n,), int64: each feature's row in the table"""
    skipped: tuple[SkippedImage, ...]
    kept: int
    """Images whose feature was found in the store; the others went through the backbone."""


def pooled_features(
    forward: Forward,
    table: ImageTable,
    settings: PassSettings,
    store: FeatureStore | None = None,
) -> PooledFeatures:
    """The pooled features of the table's images, in its order.

    Shows a progress bar on stderr where that is a terminal. Of several processes each passes its
    part of the images, without repetition, and all return the whole.

    Args:
        forward: the backbone of a checkpoint.
        table: the images.
        settings: how to read and share them.
        store: where features are kept from run to run; None: nowhere.

    Raises:
        TracInError: an image cannot be read (unless ``skip_unreadable``), or none can.
        ValueError: the forward pass normalises in another way than the settings say.
    """
    if forward.normalization != settings.preprocessing.normalization:
        raise ValueError(f"{forward.normalization} is not that of {settings.preprocessing}")
    processes = settings.processes
    values = torch.empty(len(table), forward.width)
    hashes = torch.empty(len(table), 2, HASH_BYTES, dtype=torch.uint8)
    # The state before reading: a file that changes meanwhile is not taken for the new one later.
    states = file_states(table) if store else []
    key = feature_key(forward.weights, settings.preprocessing, forward.precision) if store else ""
    found = np.zeros(len(table), dtype=bool)
    if store:
        found = store.load(key, states, values, hashes)
    owner = _owners(found, processes)
    kept = int((owner >= 0).sum())
    missing = np.flatnonzero(owner < 0)
    mine = missing[processes.share].tolist()
    skipped: list[tuple[int, str]] = []
    with _Bar(table, kept, settings) as bar:
        for batch, features in _passes(forward, _pixel_batches(table, mine, settings, forward)):
            _check_readable(batch.unreadable, table, settings)
            skipped += batch.unreadable
            if batch.rows:
                values[batch.rows], hashes[batch.rows] = features, batch.hashes
                if store:
                    store.save(key, [states[row] for row in batch.rows], features, batch.hashes)
            bar.add(len(batch.rows) + len(batch.unreadable))
        bar.wait_for_others()
    passed = np.setdiff1d(mine, [row for row, _ in skipped])
    if not all(part.all() for part in processes.exchange(found)):
        passed = np.union1d(passed, np.flatnonzero(owner == processes.rank))
    for shared in (values, hashes):
        processes.share_rows(shared, passed.astype(np.int64))
    everyone = itertools.chain.from_iterable(processes.exchange(skipped))
    return _result(table, (values, hashes), sorted(everyone), kept)


def _result(
    table: ImageTable,
    filled: tuple[Tensor, Tensor],
    skipped: Sequence[tuple[int, str]],
    kept: int,
) -> PooledFeatures:
    readable = np.ones(len(table), dtype=bool)
    readable[[row for row, _ in skipped]] = False
    if not readable.any():
        raise TracInError(f"None of the {len(table)} {table.split} images can be read.")
    rows = torch.from_numpy(np.flatnonzero(readable))
    values, hashes = filled if readable.all() else (part[rows] for part in filled)
    return PooledFeatures(
        values,
        hashes,
        rows,
        tuple(SkippedImage(table.paths[row], reason) for row, reason in skipped),
        kept,
    )


def _owners(found: npt.NDArray[np.bool_], processes: Processes) -> Int64Array:
    """(n,): the first process that found each image's feature, −1 where none did."""
    everyone = np.stack(processes.exchange(found))
    return np.where(everyone.any(axis=0), everyone.argmax(axis=0), -1)


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
