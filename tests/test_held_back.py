"""The draw of the test images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.image_lists import lists, rows_of, write_list
from tests.real_data import CLASS_NAMES
from tracin.errors import TracInError
from tracin.held_back import draw_test
from tracin.image_folder import images_in_order
from tracin.images import find_images, find_training_images
from tracin.layout import Layout


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


def test_a_share_is_drawn_from_each_class_and_copies_stay_together(
    image_tree: Path, tmp_path: Path
) -> None:
    shutil.copytree(image_tree / "train", tmp_path / "d")
    original = tmp_path / "d/cat/cat_00000.jpg"
    for name in ("cat/copy.jpg", "dog/copy.jpg"):  # one of them under another label
        shutil.copy(original, tmp_path / "d" / name)
    tables = find_images(tmp_path / "d", Layout(test_share=0.3, seed=1))
    every = sorted(path for table in tables for path in table.paths)
    assert every == [path.removeprefix("d/") for path in images_in_order(tmp_path / "d")]
    alike = {"cat/cat_00000.jpg", "cat/copy.jpg", "dog/copy.jpg"}
    assert sorted(len(alike.intersection(table.paths)) for table in tables) == [0, 3]
    train, test = tables
    assert train.class_names == test.class_names == CLASS_NAMES
    others = [
        number
        for name, number in zip(CLASS_NAMES, np.bincount(test.labels), strict=True)
        if name not in ("cat", "dog")
    ]
    assert others == [2] * 8
    again = find_images(tmp_path / "d", Layout(test_share=0.3, seed=1))
    assert [table.paths for table in again] == [table.paths for table in tables]
    assert find_training_images(tmp_path / "d", Layout(test_share=0.3, seed=1)).paths == train.paths
    assert find_images(tmp_path / "d", Layout(test_share=0.3, seed=2))[1].paths != test.paths


def test_a_share_is_held_back_of_train_alone_or_of_a_list(image_tree: Path, tmp_path: Path) -> None:
    shutil.copytree(image_tree / "train", tmp_path / "d/train")
    train, test = find_images(tmp_path / "d", Layout(test_share=0.5))
    assert (len(train), len(test)) == (30, 30)
    assert all(path.startswith("train/") for path in (*train.paths, *test.paths))
    assert (train.split, test.split) == ("train", "test")
    path = write_list(tmp_path / "l.csv", rows_of(tmp_path / "d", "train"))
    listed = find_images(tmp_path / "d", lists(path, test_share=0.5))
    assert [table.paths for table in listed] == [train.paths, test.paths]


def test_no_share_is_drawn_where_there_are_test_images_or_none_to_spare(
    image_tree: Path, tmp_path: Path
) -> None:
    with pytest.raises(TracInError, match=r"/test is there\. Leave --test_share out"):
        find_images(image_tree, Layout(test_share=0.2))
    for name in ("a", "b"):
        shutil.copytree(image_tree / "train/cat", tmp_path / name)
        for path in (tmp_path / name).iterdir():
            shutil.copy(image_tree / "train/dog/dog_00000.jpg", path)
    with pytest.raises(TracInError, match=r"no class in .* has two different images"):
        find_images(tmp_path, Layout(test_share=0.2))
