"""Files of images → pixels, against torchvision's own transform."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision import transforms
from torchvision.datasets import ImageFolder

from tracin import decoding
from tracin.decoding import PixelDataset
from tracin.hashing import picture_hash
from tracin.images import (
    Crop,
    ImageTable,
    find_images,
    normalize,
)


def save(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(load_sample_images().images[0][:40, :60]).convert(mode).save(path)


@pytest.mark.parametrize("size", [(1, 1_000_000), (70_000, 2)])
def test_an_image_that_would_fill_the_memory_is_refused(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.new("L", size).save(tmp_path / "thin.png")
    table = ImageTable(tmp_path, "train", ("thin.png",), np.zeros(1, np.int64), ("a",))
    _, pixels, _, reason = PixelDataset(table, [0], Crop())[0]
    assert pixels is None and "too many for the memory" in reason
    _, pixels, _, _ = PixelDataset(table, [0], Crop(8, 8, "square"))[0]
    assert pixels is not None


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "I;16", "1", "LA"])
def test_pixels_equal_the_reference_transform(mode: str, tmp_path: Path) -> None:
    """torchvision's v1 transforms on ImageFolder's loader, for every odd kind of image."""
    photo = Image.fromarray(load_sample_images().images[1])
    path = tmp_path / "train/a" / ("x.tiff" if mode == "CMYK" else "x.png")
    path.parent.mkdir(parents=True)
    if mode == "I;16":
        Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 3).save(path)
    else:
        photo.convert(mode).save(path)
    reference = transforms.Compose(
        [
            transforms.Resize(80),
            transforms.CenterCrop(72),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    expected = ImageFolder(str(tmp_path / "train"), reference)[0][0]
    table = ImageTable(tmp_path, "train", (f"train/a/{path.name}",), np.zeros(1, np.int64), ("a",))
    row, pixels, _, reason = PixelDataset(table, [0], Crop(80, 72))[0]
    assert (row, reason) == (0, "")
    assert pixels is not None and pixels.dtype == torch.uint8
    torch.testing.assert_close(normalize(pixels.unsqueeze(0))[0], expected, rtol=0, atol=1e-6)


def test_unreadable_images_are_named_not_raised(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    table = ImageTable(tmp_path, "train", ("x.png", "gone.png"), np.zeros(2, np.int64), ("a",))
    dataset = PixelDataset(table, [0, 1], Crop())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (_, pixels, _, reason), (_, _, _, gone) = dataset[0], dataset[1]
    assert pixels is None
    assert "UnidentifiedImageError" in reason
    assert "FileNotFoundError" in gone
    os.mkfifo(tmp_path / "pipe.png")
    pipe = ImageTable(tmp_path, "train", ("pipe.png",), np.zeros(1, np.int64), ("a",))
    assert "no regular file" in PixelDataset(pipe, [0], Crop())[0].reason


def test_pictures_that_only_look_the_same_in_rgb_are_not_the_same(tmp_path: Path) -> None:
    """16-bit greys that RGB clips to white, and shapes that stand in the transparency alone."""
    random = np.random.default_rng(0)
    for number in range(2):
        grey = random.integers(300, 60_000, (8, 8)).astype(np.uint16)
        Image.fromarray(grey).save(tmp_path / f"grey{number}.png")
        shape = random.integers(0, 2, (8, 8, 4)).astype(np.uint8) * np.array(
            [0, 0, 0, 255], np.uint8
        )
        Image.fromarray(shape).save(tmp_path / f"shape{number}.png")
    colours = Image.fromarray(random.integers(0, 256, (8, 8, 3)).astype(np.uint8))
    few = colours.quantize(16)
    for name, image in (
        ("p.png", few),
        ("rgb.bmp", few.convert("RGB")),
        ("l.png", few.convert("L")),
    ):
        image.save(tmp_path / name)
    few.convert("L").convert("RGB").save(tmp_path / "grey_as_rgb.png")
    hashes = {}
    for path in tmp_path.iterdir():
        with Image.open(path) as file:
            hashes[path.name] = picture_hash(file)
    assert hashes["grey0.png"] != hashes["grey1.png"]
    assert hashes["shape0.png"] != hashes["shape1.png"]
    assert hashes["p.png"] == hashes["rgb.bmp"]
    assert hashes["l.png"] == hashes["grey_as_rgb.png"]
    assert len(set(hashes.values())) == 6


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried …")]
)
def test_lack_of_memory_is_not_the_images_fault(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise error

    save(tmp_path / "train/a/1.png")
    save(tmp_path / "test/a/1.png")
    table, _ = find_images(tmp_path)
    monkeypatch.setattr(decoding, "evaluation_pixels", no_memory)
    with pytest.raises(MemoryError, match=r"1\.png"):
        PixelDataset(table, [0], Crop())[0]
