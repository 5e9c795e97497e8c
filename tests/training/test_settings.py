"""What follows from a recipe."""

from __future__ import annotations

from tracin.training.settings import Recipe


def test_checkpoints_are_evenly_spaced_and_end_with_the_last_epoch() -> None:
    def epochs(total: int, count: int) -> tuple[int, ...]:
        return Recipe(head_epochs=0, epochs=total, checkpoints=count).checkpoint_epochs

    assert epochs(15, 5) == (3, 6, 9, 12, 15)
    assert epochs(5, 3) == (2, 3, 5)
    assert epochs(2, 5) == (1, 2)
