"""When a training is over."""

from __future__ import annotations

from dataclasses import replace

from tracin.training.epochs import is_over
from tracin.training.outputs import EpochRow
from tracin.training.settings import Recipe


def test_stops_when_the_second_stage_brings_nothing_better() -> None:
    recipe = Recipe(head_epochs=2, epochs=10, patience=3)
    rows = [EpochRow(n + 1, "all", 0.1, 1.0, 0.5, 1.0, 0.5, best=n == 0) for n in range(5)]
    assert is_over(rows, recipe)
    assert not is_over(rows[:4], recipe)
    without = [replace(row, val_loss=None, val_accuracy=None, best=False) for row in rows]
    assert not is_over(without, recipe)
