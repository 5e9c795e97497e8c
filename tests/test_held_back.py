"""The draw of the test images."""

from __future__ import annotations

import numpy as np

from tracin.held_back import draw_test


def test_split_is_seeded_and_each_class_is_on_both_sides() -> None:
    classes = ["a"] * 50 + ["b"] * 2 + ["c"]
    groups = [[at] for at in range(53)]
    in_test = draw_test(classes, groups, 0.2, seed=1)
    assert [int(in_test[part].sum()) for part in (slice(50), slice(50, 52), slice(52, 53))] == [
        10,
        1,
        0,
    ]
    assert np.array_equal(in_test, draw_test(classes, groups, 0.2, seed=1))
    assert not np.array_equal(in_test, draw_test(classes, groups, 0.2, seed=2))


def test_two_groups_larger_than_the_share_are_still_parted() -> None:
    in_test = draw_test(["a"] * 5, [[0, 1, 2], [3, 4]], 0.2, seed=0)
    assert in_test.tolist() == [False, False, False, True, True]
