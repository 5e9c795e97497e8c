"""Backbone + images → pooled features: the one expensive step, one frozen pass per image."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from tracin.compute.checkpoint import FEATURE_WIDTH
from tracin.compute.data import (
    Crop,
    ImageTable,
    PixelBatch,
    PixelDataset,
    collate,
    normalize,
)
from tracin.errors import TracInError
from tracin.results import SkippedImage


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


@dataclass(frozen=True)
class PooledFeatures:
    """The backbone's output for the images of a table that could be read."""

    values: Tensor
    """(n, 2048), float32, on the CPU"""
    rows: Tensor
    """(n,), int64: each feature's row in the table"""
    skipped: tuple[SkippedImage, ...]


def pooled_features(
    backbone: nn.Module, table: ImageTable, settings: PassSettings
) -> PooledFeatures:
    """The pooled features of the table's images, in its order.

    Shows a progress bar on stderr where that is a terminal.

    Raises:
        TracInError: an image cannot be read (unless ``skip_unreadable``), or none can.
    """
    values = torch.empty(len(table), FEATURE_WIDTH)
    readable = torch.zeros(len(table), dtype=torch.bool)
    skipped: list[tuple[int, str]] = []
    backbone = _prepared(backbone, settings)
    with tqdm(total=len(table), desc=f"Reading {table.split}", unit="img", disable=None) as bar:
        for batch in _pixel_batches(table, range(len(table)), settings):
            _check_readable(batch.unreadable, table, settings)
            skipped += batch.unreadable
            if batch.rows:
                values[batch.rows] = _forward(backbone, batch.pixels, settings).cpu()
                readable[batch.rows] = True
            bar.update(len(batch.rows) + len(batch.unreadable))
    rows = readable.nonzero().squeeze(1)
    if len(rows) == 0:
        raise TracInError(f"None of the {len(table)} {table.split} images can be read.")
    return PooledFeatures(
        values if readable.all() else values[rows],
        rows,
        tuple(SkippedImage(table.paths[row], reason) for row, reason in sorted(skipped)),
    )


def _prepared(backbone: nn.Module, settings: PassSettings) -> nn.Module:
    dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
    channels_last: nn.Module = backbone.to(memory_format=torch.channels_last)
    return channels_last.to(settings.device, dtype)


def _forward(backbone: nn.Module, pixels: Tensor, settings: PassSettings) -> Tensor:
    """Pooled features (n, 2048), float32, on the device."""
    dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
    with torch.inference_mode():
        images = normalize(pixels.to(settings.device, non_blocking=True))
        features: Tensor = backbone(images.to(dtype, memory_format=torch.channels_last))
        return features.float()


def _pixel_batches(
    table: ImageTable, rows: Sequence[int], settings: PassSettings
) -> Iterator[PixelBatch]:
    workers = min(settings.num_workers, -(-len(rows) // settings.batch_size))
    return iter(
        DataLoader(
            PixelDataset(table, rows, settings.crop),
            batch_size=settings.batch_size,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=settings.device.type == "cuda",
            worker_init_fn=_leave_interrupts_to_the_parent if workers else None,
        )
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
