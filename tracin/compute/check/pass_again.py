"""A sample of the training images is shown to the model once more, in other ways."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from tracin.compute.check.normalized import Renormalized, normalization_of_inputs
from tracin.compute.check.shown import (
    Search,
    find_better_way,
    neighbours,
    other_normalizations,
    usual_ways,
)
from tracin.compute.features.backbone import Forward
from tracin.compute.model.checkpoint import Checkpoint
from tracin.decoding import PixelDataset, PreparedImages, collate
from tracin.errors import TracInError
from tracin.flags import CROP_SIZE
from tracin.images import ImageTable, Normalization, Preprocessing, draw_subset
from tracin.machine.held_rows import Int64Array

SAMPLE = 100
"""Training images: enough to tell 10 % from 30 %, and a pass of them takes seconds."""

BATCH = 16
"""Of them in memory at a time."""

ENOUGH_TO_GIVE_UP = 32
HOPE = 0.1
"""After so many images a way is given up where it is not right on this share more than now."""


def search_other_ways(
    checkpoint: Checkpoint,
    table: ImageTable,
    named: Int64Array,
    used: Preprocessing,
    as_stored: Preprocessing | None,
    device: torch.device,
) -> Search:
    """Show some training images in other ways, until the model is clearly better.

    Args:
        checkpoint: the last one.
        table: the training images.
        named: (n_train,), the class that it names for each.
        used: how they were shown.
        as_stored: how the checkpoint says that they were shown in training, where that differs.
        device: where the passes run.
    """
    sample = draw_subset(table, SAMPLE, seed=0)
    known = None
    if sample.inputs is not None:
        known = normalization_of_inputs(sample.inputs, len(sample))
        if known is None:  # nobody knows another way
            return Search(len(sample), 0, tried=0, best=None)
    rows = np.flatnonzero(np.isin(table.paths, sample.paths))
    right_now = int((named[rows] == sample.labels).sum())
    if known is None:
        ways, near = usual_ways(used, _own_side(sample), as_stored), neighbours
    else:
        used, near = replace(used, normalization=known), other_normalizations
        ways = [way for way in other_normalizations(used) if way != used]
    with tqdm(total=len(ways), desc="Looking for the reason", unit="way", disable=None) as bar:
        hope = right_now / len(sample) + HOPE
        count = _counter(checkpoint, sample, known, hope, device)

        def count_right(way: Preprocessing) -> int:
            right = count(way)
            bar.update(min(1, len(ways) - bar.n))
            return right

        found = find_better_way(
            ways,
            count_right,
            images=len(sample),
            right_now=right_now,
            floor=float(np.bincount(sample.labels).max() / len(sample)),
            neighbours=near,
        )
    return replace(found, prepared=known is not None)


def _counter(
    checkpoint: Checkpoint,
    sample: ImageTable,
    known: Normalization | None,
    hope: float,
    device: torch.device,
) -> Callable[[Preprocessing], int]:
    """A function that shows the sample and counts the images that are named rightly.

    Where the images come prepared, ``known`` is how they were normalised.

    It gives a way up, and counts no further, where the first images are right on no more than the
    share ``hope``.
    """
    order = torch.randperm(len(sample), generator=torch.Generator().manual_seed(0))

    def count_right(way: Preprocessing) -> int:
        every = range(len(sample))
        images: PixelDataset | PreparedImages = PixelDataset(sample, every, way.crop)
        if sample.inputs is not None and known is not None:
            again = Renormalized(sample.inputs, known, way.normalization)
            images = PreparedImages(again, every)
        # Not fused: that takes longer than these few passes.
        forward = Forward(checkpoint.backbone, device, "float32", way.normalization, fuse=False)
        right = 0
        for start in range(0, len(sample), BATCH):
            if start >= ENOUGH_TO_GIVE_UP and right <= hope * start:
                break
            rows = order[start : start + BATCH]
            batch = collate([images[row] for row in rows.tolist()])
            if not batch.rows:
                continue
            features = forward(batch.pixels).to(device)
            if features.shape[1] != forward.width:  # a network that takes images of one size
                return 0
            with torch.inference_mode():
                named = last(hidden(features)).argmax(dim=1).cpu().numpy()
            right += int((named == sample.labels[batch.rows]).sum())
        return right

    def count_if_room(way: Preprocessing) -> int:
        try:
            return count_right(way)
        except (TracInError, MemoryError):  # images of this size do not fit: no way for this run
            return 0

    hidden, last = checkpoint.hidden.to(device), checkpoint.last.to(device)
    return count_if_room


def _own_side(sample: ImageTable) -> int:
    """The shorter side that most images have."""
    sides = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of big pictures
        for path in sample.paths:
            with suppress(Exception), Image.open(sample.data_dir / path) as file:
                sides.append(min(file.size))
    return statistics.mode(sides) if sides else CROP_SIZE
