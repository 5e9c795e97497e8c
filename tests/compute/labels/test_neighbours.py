"""Neighbours and duplicates against brute force, on features and on real pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from tests.real_data import write_image_tree
from tracin.compute.labels import lookalikes, near_pairs
from tracin.compute.labels.lookalikes import Pictures, duplicates_table, neighbours_table
from tracin.compute.labels.neighbours import nearest_of_class
from tracin.decoding import PixelDataset, collate
from tracin.images import Crop, ImageTable, find_images
from tracin.prepare.run import PrepareConfig, prepare
from tracin.results import schema


def test_nearest_of_class_equals_brute_force() -> None:
    features = torch.randn(40, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(40) % 3
    images, classes = [0, 7, 11], [0, 2, 2]
    found = nearest_of_class(features, labels, images, classes, k=3)
    for image, label in zip(images, classes, strict=True):
        similarity = functional.cosine_similarity(features[image], features)
        rows = [row for row in range(40) if labels[row] == label and row != image]
        expected = sorted(rows, key=lambda row: -similarity[row].item())[:3]
        mine = found.image == image
        assert found.neighbour[mine].tolist() == expected
        assert found.rank[mine].tolist() == [1, 2, 3]
        torch.testing.assert_close(found.similarity[mine], similarity[expected])


def test_fewer_neighbours_than_asked_for() -> None:
    found = nearest_of_class(torch.randn(3, 8), torch.tensor([0, 0, 1]), [0, 2], [0, 1], k=3)
    assert found.neighbour.tolist() == [1]
    assert nearest_of_class(torch.randn(3, 8), torch.zeros(3), [], [], k=3).image.tolist() == []


CROP = Crop(64, 56)


def passed(table: ImageTable, features: Tensor) -> Pictures:
    """The images of the table with these features, hashed as the passes do."""
    images = PixelDataset(table, range(len(table)), CROP)
    batch = collate([images[row] for row in range(len(table))])
    return Pictures(table, features, batch.hashes)


def test_equal_pictures_are_found_whatever_the_model_and_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their pixels, in files of other forms and under other labels; features do not matter."""
    write_image_tree(tmp_path, train_per_class=2, test_per_class=1, size=64)
    picture = Image.open(tmp_path / "train/cat/cat_00000.jpg")
    picture.save(tmp_path / "train/dog/same.png")
    picture.save(tmp_path / "train/horse/same.bmp")
    picture.save(tmp_path / "test/cow/same.png")
    monkeypatch.setattr(near_pairs, "MAX_COMPARISONS", 10)
    train, test = find_images(tmp_path)
    generator = torch.Generator().manual_seed(0)
    table = duplicates_table(
        passed(train, torch.randn(len(train), 8, generator=generator)),
        passed(test, torch.randn(len(test), 8, generator=generator)),
        CROP,
        print,
    )
    assert table["identical_pixels"].all()
    assert list(zip(table["kind"], table["path_a"], table["path_b"], strict=True)) == [
        (schema.TRAIN_TEST, "train/cat/cat_00000.jpg", "test/cow/same.png"),
        (schema.TRAIN_TRAIN, "train/cat/cat_00000.jpg", "train/dog/same.png"),
        (schema.TRAIN_TRAIN, "train/cat/cat_00000.jpg", "train/horse/same.bmp"),
    ]


def test_what_prepare_found_is_not_forgotten(tmp_path: Path) -> None:
    """Alike to the eye and not to the model: prepare's table names the pair."""
    raw = tmp_path / "raw"
    write_image_tree(raw, train_per_class=12, test_per_class=1, size=96)
    photo = Image.open(raw / "train/cat/cat_00003.jpg")
    photo.resize((80, 80)).save(raw / "train/dog/smaller.jpg", quality=60)
    prepare(PrepareConfig(raw / "train", tmp_path / "data", workers=1), lambda _: None)
    train, test = find_images(tmp_path / "data")
    apart = torch.eye(len(train) + len(test))
    sides = passed(train, apart[: len(train)]), passed(test, apart[len(train) :])
    table = duplicates_table(*sides, CROP, print)
    (pair,) = zip(table["path_a"], table["path_b"], strict=True)
    assert {Path(path).name for path in pair} == {"cat_00003.jpg", "smaller.jpg"}
    assert not table["identical_pixels"].any()

    (tmp_path / "data/split.csv").write_text("image,part\nx.jpg,1\n")  # somebody else's
    assert len(duplicates_table(*sides, CROP, print)) == 0


def test_duplicates_are_confirmed_by_pixels(tmp_path: Path) -> None:
    """Equal features alone make no duplicate; a copy does, and a re-saved JPEG too."""
    write_image_tree(tmp_path, train_per_class=2, test_per_class=1, size=64)
    original = tmp_path / "train/cat/cat_00000.jpg"
    Image.open(original).save(tmp_path / "train/dog/resaved.jpg", quality=80)
    (tmp_path / "test/cat/copy.jpg").write_bytes(original.read_bytes())
    train, test = find_images(tmp_path)
    table = duplicates_table(
        passed(train, torch.ones(len(train), 8)),
        passed(test, torch.ones(len(test), 8)),
        CROP,
        print,
    )
    assert tuple(table.columns) == schema.DUPLICATES_COLUMNS
    rows = {(row.path_a, row.path_b): row for row in table.itertuples()}
    copy = rows["train/cat/cat_00000.jpg", "test/cat/copy.jpg"]
    assert (copy.kind, copy.class_a, copy.class_b) == (schema.TRAIN_TEST, "cat", "cat")
    assert copy.identical_pixels
    resaved = rows["train/cat/cat_00000.jpg", "train/dog/resaved.jpg"]
    assert (resaved.kind, resaved.class_b, resaved.identical_pixels) == (
        schema.TRAIN_TRAIN,
        "dog",
        False,
    )
    assert len(rows) == 2  # of equal pictures only the first is compared with others

    (tmp_path / "test/cat/copy.jpg").unlink()
    train, test = find_images(tmp_path)
    none = duplicates_table(
        passed(train, torch.eye(len(train))),
        passed(test, torch.zeros(len(test), len(train))),
        CROP,
        print,
    )
    assert len(none) == 0
    schema.write_table(tmp_path, schema.DUPLICATES, none)
    assert len(schema.read_table(tmp_path, schema.DUPLICATES)) == 0


def test_neighbours_table(image_tree: Path, tmp_path: Path) -> None:
    train, _ = find_images(image_tree)
    features = torch.randn(len(train), 8, generator=torch.Generator().manual_seed(0))
    table = neighbours_table(train, features, suspects=[8, 0], suggested=[4, 2])
    assert len(table) == 12
    given = table[(table["train_path"] == train.paths[8]) & (table["kind"] == schema.GIVEN)]
    assert given["neighbour_path"].str.startswith("train/cat/").all()
    other = table[(table["train_path"] == train.paths[8]) & (table["kind"] == schema.SUGGESTED)]
    assert other["neighbour_path"].str.startswith("train/dog/").all()
    assert np.all(np.diff(given["similarity"]) <= 0)
    schema.write_table(tmp_path, schema.NEIGHBOURS, table)
    assert len(schema.read_table(tmp_path, schema.NEIGHBOURS)) == 12
    empty = neighbours_table(train, features, suspects=[], suggested=[])
    schema.write_table(tmp_path, schema.NEIGHBOURS, empty)
    assert len(schema.read_table(tmp_path, schema.NEIGHBOURS)) == 0


def test_a_pair_found_twice_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By us and by prepare, which may know the two in the other order."""
    write_image_tree(tmp_path, train_per_class=2, test_per_class=1, size=64)
    original = tmp_path / "train/cat/cat_00000.jpg"
    Image.open(original).save(tmp_path / "train/dog/resaved.jpg", quality=80)
    pair = ("train/cat/cat_00000.jpg", "train/dog/resaved.jpg")
    monkeypatch.setattr(lookalikes, "prepared_pairs", lambda _folder: [pair[::-1]])
    train, test = find_images(tmp_path)
    apart = torch.eye(len(train) + len(test))
    apart[train.paths.index(pair[1])] = apart[train.paths.index(pair[0])]
    sides = passed(train, apart[: len(train)]), passed(test, apart[len(train) :])
    table = duplicates_table(*sides, CROP, print)
    assert list(zip(table["path_a"], table["path_b"], strict=True)) == [pair]


def test_a_list_that_was_cut_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image_tree(tmp_path, train_per_class=2, test_per_class=1, size=64)
    train, test = find_images(tmp_path)
    sides = passed(train, torch.ones(len(train), 8)), passed(test, torch.eye(8)[: len(test)])
    duplicates_table(*sides, CROP, print)
    assert capsys.readouterr().out == ""
    for module in (near_pairs, lookalikes):
        monkeypatch.setattr(module, "MAX_CANDIDATES", 3)
    duplicates_table(*sides, CROP, print)
    assert "only the 3 most alike pairs" in capsys.readouterr().out
