"""Image tables, subsets and pixels against torchvision's own ImageFolder and transforms."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision import transforms
from torchvision.datasets import ImageFolder

from tracin import images
from tracin.errors import TracInError
from tracin.flags import Interpolation
from tracin.image_folder import LeftOut
from tracin.images import (
    Crop,
    ImageTable,
    draw_subset,
    evaluation_pixels,
    find_images,
    find_training_images,
)


def save(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(load_sample_images().images[0][:40, :60]).convert(mode).save(path)


def test_tables_equal_image_folder(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/deep/er/1.png", "a/x.webp", "c/not_an_image.txt", "c/z.tiff"):
        if name.endswith(".txt"):
            (tmp_path / "train/c").mkdir(parents=True, exist_ok=True)
            (tmp_path / "train" / name).write_text("text")
        else:
            save(tmp_path / "train" / name)
    save(tmp_path / "test/c/t.png")
    train, test = find_images(tmp_path)
    reference = ImageFolder(str(tmp_path / "train"))
    assert [str(tmp_path / path) for path in train.paths] == [path for path, _ in reference.samples]
    assert train.labels.tolist() == reference.targets
    assert list(train.class_names) == reference.classes == ["a", "b", "c"]
    assert (test.paths, test.labels.tolist()) == (("test/c/t.png",), [2])


def test_val_serves_where_there_is_no_test(tmp_path: Path) -> None:
    save(tmp_path / "train/a/1.png")
    save(tmp_path / "val/a/2.png")
    assert find_images(tmp_path)[1].paths == ("val/a/2.png",)
    save(tmp_path / "test/a/3.png")
    assert find_images(tmp_path)[1].paths == ("test/a/3.png",)


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_labelled_images_serve_where_test_is_flat(tmp_path: Path, name: str) -> None:
    save(tmp_path / "train/a/1.png")
    save(tmp_path / "test/0001.png")
    with pytest.raises(
        TracInError, match=r"test has no class folders.*test/0001.png \(in no class"
    ):
        find_images(tmp_path)
    save(tmp_path / f"{name}/a/2.png")
    _, test = find_images(tmp_path)
    assert (test.paths, test.split) == ((f"{name}/a/2.png",), name)
    assert test.left_out == (LeftOut("test/0001.png", "in no class folder"),)


def test_training_needs_no_test_images_and_makes_no_class_without_images(tmp_path: Path) -> None:
    save(tmp_path / "train/a/1.png")
    save(tmp_path / "train/c/1.png")
    for name in ("b", ".ipynb_checkpoints"):
        (tmp_path / "train" / name).mkdir()
    table = find_training_images(tmp_path)
    assert table.class_names == ("a", "c") and table.labels.tolist() == [0, 1]
    assert [each.path for each in table.left_out] == ["train/.ipynb_checkpoints", "train/b"]


def test_accents_may_be_composed_in_another_way(tmp_path: Path) -> None:
    save(tmp_path / "train/caf\u00e9/1.png")
    save(tmp_path / "train/a/1.png")
    save(tmp_path / "test/cafe\u0301/2.png")
    train, test = find_images(tmp_path)
    assert train.class_names == test.class_names == ("a", "caf\u00e9")
    assert test.labels.tolist() == [1]


def test_a_data_folder_whose_name_is_no_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(TracInError, match="not in UTF-8"):
        find_images(tmp_path / "caf\udce9")


def test_errors_of_folders(tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=r"There is no folder .*/train"):
        find_images(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(TracInError, match=r"one of the two folders: name .* --data_dir \S+[^n]\.$"):
        find_images(tmp_path / "train")
    with pytest.raises(TracInError, match=r"neither .*/test nor .*/val"):
        find_images(tmp_path)
    (tmp_path / "test/cat").mkdir(parents=True)
    with pytest.raises(TracInError, match="train has no class folders"):
        find_images(tmp_path)
    (tmp_path / "train/dog").mkdir()
    with pytest.raises(TracInError, match=r"train holds no images.*train/dog \(a class folder"):
        find_images(tmp_path)
    save(tmp_path / "train/dog/1.png")
    with pytest.raises(TracInError, match="test holds no images"):
        find_images(tmp_path)
    save(tmp_path / "test/cat/1.png")
    with pytest.raises(TracInError, match="has the class cat"):
        find_images(tmp_path)
    (tmp_path / "train/cat").mkdir()  # a class of the model without training images
    assert find_images(tmp_path)[1].class_names == ("cat", "dog")


def table_of(counts: list[int]) -> ImageTable:
    labels = np.repeat(np.arange(len(counts)), counts)
    paths = tuple(f"train/{label}/{row}.png" for row, label in enumerate(labels))
    return ImageTable(Path(), "train", paths, labels, tuple(map(str, range(len(counts)))))


@pytest.mark.parametrize("size", [1, 4, 5, 10, 37, 100, 499])
def test_subsets_are_proportional_and_complete(size: int) -> None:
    table = table_of([250, 100, 100, 49, 1])
    subset = draw_subset(table, size, seed=0)
    counts = np.bincount(subset.labels, minlength=5)
    assert counts.sum() == size
    assert (counts > 0).sum() == min(size, 5)
    share = size * np.array([250, 100, 100, 49, 1]) / 500
    assert (np.abs(counts - share) <= 5).all() if size > 5 else True
    assert (np.abs(counts - share) < 1.6).all() or size < 100
    assert list(subset.paths) == [path for path in table.paths if path in set(subset.paths)]


def test_subsets_are_nested_seeded_and_capped() -> None:
    table = table_of([250, 100, 100, 49, 1])
    drawn = [set(draw_subset(table, size, seed=7).paths) for size in range(1, 500)]
    assert all(small < large for small, large in itertools.pairwise(drawn))
    assert draw_subset(table, 50, 7).paths == draw_subset(table, 50, 7).paths
    assert draw_subset(table, 50, 7).paths != draw_subset(table, 50, 8).paths
    assert draw_subset(table, 501, 7) is table
    assert draw_subset(table, None, 7) is table


def test_pixels_equal_the_reference_at_every_size() -> None:
    """Whichever way the image is resized: not one grey level off."""
    photo = Image.fromarray(load_sample_images().images[0])
    squares = [(side, side) for side in (1, 2, 7, 63, 64, 100, 201, 223, 224, 255, 256, 257, 300)]
    others = [(500, 375), (33, 500), (1, 7), (224, 175), (141, 154), (1280, 960)]
    ways = set()
    for size in squares + others:
        image = photo.resize(size)
        for crop in (Crop(256, 224), Crop(232, 224), Crop(36, 32)):
            steps = [transforms.Resize(crop.resize_size), transforms.CenterCrop(crop.crop_size)]
            expected = torch.from_numpy(np.array(transforms.Compose(steps)(image)))
            assert torch.equal(evaluation_pixels(image, crop), expected.permute(2, 0, 1)), (
                size,
                crop,
            )
            ways.add(images._same_as_tensor(size, crop.resize_size))
    assert ways == {True, False}
    assert images._same_as_tensor((224, 224), 256)


def test_crop_larger_than_the_image_is_padded() -> None:
    pixels = evaluation_pixels(Image.new("RGB", (10, 20), "white"), Crop(10, 16))
    assert pixels.shape == (3, 16, 16)
    assert (pixels[:, :, 0] == 0).all()


@pytest.mark.parametrize("interpolation", get_args(Interpolation))
def test_every_interpolation_is_torchvision_s(interpolation: Interpolation) -> None:
    photo = Image.fromarray(load_sample_images().images[0])
    for size in ((224, 224), (300, 200), (50, 64)):
        way = transforms.InterpolationMode(interpolation)
        steps = [transforms.Resize(256, way), transforms.CenterCrop(224)]
        expected = torch.from_numpy(np.array(transforms.Compose(steps)(photo.resize(size))))
        pixels = evaluation_pixels(photo.resize(size), Crop(interpolation=interpolation))
        assert torch.equal(pixels, expected.permute(2, 0, 1)), size
