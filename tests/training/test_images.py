"""Which images are trained on, in which order, how varied; shared by the processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tracin.images import Crop, find_images
from tracin.machine.processes import Processes
from tracin.training.images import EpochBatches, TrainingImages, split_rows
from tracin.training.settings import Recipe


def test_validation_split_is_stratified_and_disjoint() -> None:
    labels = np.repeat([0, 1, 2, 3], [50, 20, 2, 1])
    train_rows, kept_back = split_rows(labels, 0.1, seed=3)
    assert np.bincount(labels[kept_back], minlength=4).tolist() == [5, 2, 1, 0]
    assert sorted([*train_rows, *kept_back]) == list(range(73))
    assert len(split_rows(labels, 0.0, seed=3)[1]) == 0
    assert np.array_equal(kept_back, split_rows(labels, 0.1, seed=3)[1])
    assert not np.array_equal(kept_back, split_rows(labels, 0.1, seed=4)[1])


def test_images_depend_on_seed_epoch_and_row_alone(photos: Path) -> None:
    table, _ = find_images(photos)
    images = TrainingImages(table, Recipe(crop=Crop(36, 32)))
    first, _, _ = images[(0, 3)]
    images[(0, 4)]
    again, label, _ = images[(0, 3)]
    later, _, _ = images[(1, 3)]
    assert first is not None and again is not None and later is not None
    assert torch.equal(first, again) and not torch.equal(first, later)
    assert label == table.labels[3]


def test_processes_share_each_batch_without_overlap() -> None:
    recipe, cpu = Recipe(batch_size=8), torch.device("cpu")
    alone = EpochBatches(np.arange(50), recipe, Processes(cpu))
    shares = [EpochBatches(np.arange(50), recipe, Processes(cpu, rank, 2)) for rank in (0, 1)]
    for whole, left, right in zip(alone, *shares, strict=True):
        assert len(left) == len(right) == 4
        assert sorted(whole) == sorted(left + right)
