"""Backbone + images → pooled features: the one expensive step, one frozen pass per image."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from tracin.compute.backbone import prepare_forward
from tracin.compute.checkpoint import FEATURE_WIDTH
from tracin.compute.data import (
    Crop,
    ImageTable,
    PixelBatch,
    PixelDataset,
    collate,
)
from tracin.compute.feature_store import FeatureStore, feature_key, file_states
from tracin.errors import TracInError
from tracin.run_info import SkippedImage


@dataclass(frozen=True)
class PassSettings:
    """How the forward pass is run. Only ``precision`` and ``crop`` change the numbers."""

    device: torch.device
    batch_size: int = 32
    num_workers: int = 0
    precision: str = "float32"
    """"float32", or "bfloat16" for the backbone alone."""
    crop: Crop = field(default_factory=Crop)
    skip_unreadable: bool = False
    quiet: bool = False
    """No progress bar."""


@dataclass(frozen=True)
class PooledFeatures:
    """The backbone's output for the images of a table that could be read."""

    values: Tensor
    """(n, 2048), float32, on the CPU"""
    rows: Tensor
    """(n,), int64: each feature's row in the table"""
    skipped: tuple[SkippedImage, ...]
    kept: int
    """Images whose feature was found in the store; the others went through the backbone."""


def pooled_features(
    backbone: nn.Module,
    table: ImageTable,
    settings: PassSettings,
    store: FeatureStore | None = None,
) -> PooledFeatures:
    """The pooled features of the table's images, in its order.

    Shows a progress bar on stderr where that is a terminal.

    Args:
        backbone: of a checkpoint.
        table: the images.
        settings: how to run the forward pass.
        store: where features are kept from run to run; None: nowhere.

    Raises:
        TracInError: an image cannot be read (unless ``skip_unreadable``), or none can.
    """
    values = torch.empty(len(table), FEATURE_WIDTH)
    readable = np.zeros(len(table), dtype=bool)
    # The state before reading: a file that changes meanwhile is not taken for the new one later.
    states = file_states(table) if store else []
    key = feature_key(backbone, settings.crop, settings.precision) if store else ""
    if store:
        readable |= store.load(key, states, values)
    kept = int(readable.sum())
    missing = np.flatnonzero(~readable).tolist()
    skipped: list[tuple[int, str]] = []
    forward = prepare_forward(backbone, settings.device, settings.precision) if missing else None
    with tqdm(
        total=len(table),
        initial=kept,
        desc=f"Reading {table.split}",
        unit="img",
        disable=True if settings.quiet else None,
    ) as bar:
        for batch in _pixel_batches(table, missing, settings):
            _check_readable(batch.unreadable, table, settings)
            skipped += batch.unreadable
            if batch.rows and forward:
                features = forward(batch.pixels)
                values[batch.rows] = features
                readable[batch.rows] = True
                if store:
                    store.save(key, [states[row] for row in batch.rows], features)
            bar.update(len(batch.rows) + len(batch.unreadable))
    if not readable.any():
        raise TracInError(f"None of the {len(table)} {table.split} images can be read.")
    rows = torch.from_numpy(np.flatnonzero(readable))
    return PooledFeatures(
        values if readable.all() else values[rows],
        rows,
        tuple(SkippedImage(table.paths[row], reason) for row, reason in sorted(skipped)),
        kept,
    )


def _pixel_batches(
    table: ImageTable, rows: Sequence[int], settings: PassSettings
) -> Iterable[PixelBatch]:
    if not rows:
        return ()
    workers = min(settings.num_workers, -(-len(rows) // settings.batch_size))
    return DataLoader(
        PixelDataset(table, rows, settings.crop),
        batch_size=settings.batch_size,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=settings.device.type == "cuda",
        worker_init_fn=_leave_interrupts_to_the_parent if workers else None,
    )


def _leave_interrupts_to_the_parent(_worker: int) -> None:
    """Ctrl-C reaches every process of the group; only the parent shall answer, once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _check_readable(
    unreadable: Sequence[tuple[int, str]], table: ImageTable, settings: PassSettings
) -> None:
    if unreadable and not settings.skip_unreadable:
        row, reason = unreadable[0]
        raise TracInError(
            f"{table.data_dir / table.paths[row]} cannot be read ({reason}). Repair or delete it, "
            "or leave such images out with --on_error skip."
        )
