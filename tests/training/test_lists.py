"""A training on a list is that on the folders of the same images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.image_lists import lists, rows_of, write_list
from tests.training.short import config, quiet
from tracin.errors import TracInError
from tracin.images import find_images, find_training_images
from tracin.layout import Layout
from tracin.training.run import differs_from_earlier, train


def test_a_list_trains_the_weights_of_its_folders(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    rows = rows_of(photos, "train")
    path = write_list(tmp_path / "l.csv", rows)
    asked = replace(config(photos, tmp_path / "out"), layout=lists(path))
    result = train(asked, quiet)
    assert len(result.checkpoints) == 3
    for checkpoint in result.checkpoints:
        assert checkpoint.read_bytes() == (trained / checkpoint.name).read_bytes()
    assert not differs_from_earlier(asked)
    write_list(path, [(rows[0][0], "dog"), *rows[1:]])  # the same files under another label
    assert differs_from_earlier(asked)
    with pytest.raises(TracInError, match="other images"):
        train(asked, quiet)


def test_what_is_held_back_is_not_trained_on(photos: Path) -> None:
    asked = replace(config(photos / "train", photos), layout=Layout(test_share=0.2, seed=0))
    train_table, test_table = find_images(asked.data_dir, asked.layout)
    assert (len(train_table), len(test_table)) == (40, 10)
    assert find_training_images(asked.data_dir, asked.layout).paths == train_table.paths
    with pytest.raises(TracInError, match=r"is inside .*train, which is read"):
        train(replace(asked, output_dir=photos / "train/models"), quiet)
