"""Folders of images → image tables, seeded subsets, and pixels for the model.

Images are named by their path relative to the data folder, everywhere and for good.
"""

from __future__ import annotations

import functools
import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as transforms

from tracin.data_folder import find_data, find_training, namesake
from tracin.flags import (
    CROP_SIZE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    RESIZE_SIZE,
    Interpolation,
    ResizeMode,
)
from tracin.hashing import HASH_BYTES, content_hash, picture_hash
from tracin.image_folder import TRAIN, LeftOut, SplitFiles, read_image_file
from tracin.layout import TREE, Layout
from tracin.machine.refusals import is_lack_of_memory

MAX_RESIZED_PIXELS = 2**26
"""Of an image that is enlarged: 268 MB at four bytes each. At 256 pixels for the shorter side,
one a thousand times as long as wide: a network would see nothing in it."""


@dataclass(frozen=True)
class ImageTable:
    """The images of one split, in the order of the matrix's rows or columns."""

    data_dir: Path
    split: str
    paths: tuple[str, ...]
    """Relative to ``data_dir``, with forward slashes: ``train/cat/1.jpg``."""
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    """The training classes; ``labels`` index it."""
    left_out: tuple[LeftOut, ...] = ()
    """What else stands in the split's folder, and why it is not used."""

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: npt.NDArray[np.int64]) -> ImageTable:
        """The table of these rows, in their order."""
        paths = tuple(self.paths[row] for row in rows)
        return replace(self, paths=paths, labels=self.labels[rows])


def find_images(data_dir: Path, layout: Layout = TREE) -> tuple[ImageTable, ImageTable]:
    """(training images, test images): in folders as torchvision's ImageFolder orders them.

    Raises:
        TracInError: see ``find_data``.
    """
    data = find_data(data_dir, layout)
    return (
        _table(data_dir, TRAIN, data.train, data.class_names),
        _table(data_dir, data.test_split, data.test, data.class_names),
    )


def find_training_images(data_dir: Path, layout: Layout = TREE) -> ImageTable:
    """The training images; their classes are those that have any.

    Raises:
        TracInError: see ``find_training``.
    """
    files = find_training(data_dir, layout)
    return _table(data_dir, TRAIN, files, files.class_names)


def _table(
    data_dir: Path, split: str, files: SplitFiles, class_names: tuple[str, ...]
) -> ImageTable:
    index = {name: class_names.index(namesake(name, class_names)) for name in files.class_names}
    labels = np.array([index[label] for label in files.labels], dtype=np.int64)
    return ImageTable(data_dir, split, files.images, labels, class_names, files.left_out)


def draw_subset(table: ImageTable, size: int | None, seed: int) -> ImageTable:
    """``size`` images of ``table`` spread over its classes in proportion, in the table's order.

    Every class is present as long as ``size`` allows, the largest classes first. With one seed the
    subsets are nested: the first 100 are among the first 500.

    Args:
        table: the images to draw from.
        size: how many, at least 1; None, or more than there are: all.
        seed: of the draw.
    """
    if size is None or size >= len(table):
        return table
    position = np.empty(len(table))
    for label in np.unique(table.labels):
        members = np.flatnonzero(table.labels == label)
        np.random.default_rng([seed, int(label)]).shuffle(members)
        # Image k of a class of n stands at (k + ½)/n of the way: any beginning of the order is
        # spread in proportion. The first of each class goes before all others.
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
        position[members[0]] -= 1.0
    order = np.lexsort((np.arange(len(table)), position))
    return table.take(np.sort(order[:size]))


@dataclass(frozen=True)
class Crop:
    """The evaluation transform's geometry: an image is resized, then its centre is cut out."""

    resize_size: int = RESIZE_SIZE
    crop_size: int = CROP_SIZE
    resize_mode: ResizeMode = "shorter"
    """What becomes ``resize_size`` long: the shorter side, or both sides, which distorts."""
    interpolation: Interpolation = "bilinear"
    """How the pixels between those of the image are found."""


@dataclass(frozen=True)
class Normalization:
    """What is taken off the pixels, 0 to 1, and what they are divided by; by colour channel."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the model's input."""

    crop: Crop = field(default_factory=Crop)
    normalization: Normalization = field(default_factory=Normalization)


def evaluation_pixels(image: Image.Image, crop: Crop) -> Tensor:
    """The pixels (3, crop, crop), uint8, of an RGB image: resize, then centre crop.

    Those of torchvision's transform on Pillow images, to the bit.
    """
    resize = {"interpolation": v2.InterpolationMode(crop.interpolation), "antialias": True}
    bilinear = crop.interpolation == "bilinear"
    as_tensor = bilinear and _same_as_tensor(image.size, crop.resize_size)
    source = transforms.pil_to_tensor(image) if as_tensor else image
    sides = 1 if crop.resize_mode == "shorter" else 2
    resized = transforms.resize(source, [crop.resize_size] * sides, **resize)
    centre = transforms.center_crop(resized, [crop.crop_size])
    pixels: Tensor = centre if as_tensor else transforms.pil_to_tensor(centre)
    return pixels


def _check_resized(size: tuple[int, int], crop: Crop) -> None:
    """Refuse an image that would be enlarged beyond all measure, before it is.

    Raises:
        ValueError: it would.
    """
    width, height = size
    if crop.resize_mode == "square":
        return  # the size asked for, whatever the image's
    pixels = crop.resize_size**2 * max(size) // max(1, min(size))
    if pixels > max(MAX_RESIZED_PIXELS, width * height, crop.resize_size**2):
        raise ValueError(
            f"{width:,} x {height:,} pixels; with a shorter side of {crop.resize_size} it would "
            f"have {pixels:,}, too many for the memory"
        )


def _same_as_tensor(size: tuple[int, int], resize_size: int) -> bool:
    """Whether bilinear resizing as a tensor, in two thirds of the time, gives Pillow's pixels to
    the bit.

    It does for squares that grow by a ratio with a power of two below it, such as 224 → 256, where
    torchvision resizes bytes as bytes: then all weights are exact. Others are up to one grey level
    off.
    """
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        return False
    width, height = size
    denominator = resize_size // math.gcd(width, resize_size)
    return width == height <= resize_size and denominator.bit_count() == 1


def normalize(pixels: Tensor, normalization: Normalization | None = None) -> Tensor:
    """The model's input (n, 3, h, w), float32, of uint8 ``pixels``; ImageNet's mean and std where
    ``normalization`` is None.
    """
    mean, std = _statistics(normalization or Normalization(), pixels.device)
    return pixels.float().div_(255.0).sub_(mean).div_(std)


@functools.cache
def _statistics(normalization: Normalization, device: torch.device) -> tuple[Tensor, Tensor]:
    """(mean, std), (3, 1, 1) each: sent to the device once, since each time would wait for it."""
    with torch.inference_mode(False):
        mean, std = (
            torch.tensor(values, device=device).view(3, 1, 1)
            for values in (normalization.mean, normalization.std)
        )
    return mean, std


class DecodedImage(NamedTuple):
    """An image of a table, or the reason why it cannot be read."""

    row: int
    pixels: Tensor | None
    """(3, crop, crop), uint8; None where it cannot be read"""
    hashes: Tensor | None
    """(2, ``HASH_BYTES``), uint8: of the file's bytes, and of the picture in it"""
    reason: str
    """"" where it can be read"""


class PixelDataset(Dataset[DecodedImage]):
    """The pixels of a table's images; an unreadable one comes as a reason, not as an exception.

    An exception in a worker process would reach the user as a traceback of that process.
    """

    def __init__(self, table: ImageTable, rows: Sequence[int], crop: Crop) -> None:
        self._data_dir, self._crop, self._rows = table.data_dir, crop, rows
        self._paths = [table.paths[row] for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> DecodedImage:
        path, row = self._data_dir / self._paths[index], self._rows[index]
        try:
            content = read_image_file(path)
            with warnings.catch_warnings():
                # Pillow warns of odd palettes and big pictures; both are read as ImageFolder does.
                warnings.simplefilter("ignore")
                with Image.open(io.BytesIO(content)) as file:
                    _check_resized(file.size, self._crop)
                    both = bytearray(content_hash(content) + picture_hash(file))
                    image = file.convert("RGB")
            hashes = torch.frombuffer(both, dtype=torch.uint8)
            pixels = evaluation_pixels(image, self._crop)
            return DecodedImage(row, pixels, hashes.view(2, HASH_BYTES), "")
        except UnidentifiedImageError as error:  # whose own words name an object in memory
            return DecodedImage(row, None, None, f"{type(error).__name__}: no known image format")
        # Pillow's decoders raise what they like on damaged files: SyntaxError, struct.error, ...
        except Exception as error:
            if is_lack_of_memory(error):  # not the file's fault
                raise MemoryError(f"while {path} was read") from error
            return DecodedImage(row, None, None, f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class PixelBatch:
    """Images of a batch that could be read, and those that could not."""

    rows: list[int]
    pixels: Tensor
    """(n, 3, crop, crop), uint8"""
    hashes: Tensor
    """(n, 2, ``HASH_BYTES``), uint8, as of ``DecodedImage``"""
    unreadable: list[tuple[int, str]]
    """(row, reason)"""

    def pin_memory(self) -> PixelBatch:
        """The same with the pixels in page-locked memory; DataLoader calls this for CUDA."""
        return replace(self, pixels=self.pixels.pin_memory())


def collate(images: Sequence[DecodedImage]) -> PixelBatch:
    """The batch of these images."""
    pixels = [image.pixels for image in images if image.pixels is not None]
    hashes = [image.hashes for image in images if image.hashes is not None]
    return PixelBatch(
        rows=[image.row for image in images if image.pixels is not None],
        pixels=torch.stack(pixels) if pixels else torch.empty(0),
        hashes=torch.stack(hashes) if hashes else torch.empty(0, dtype=torch.uint8),
        unreadable=[(image.row, image.reason) for image in images if image.pixels is None],
    )
