"""Folders of images → image tables, seeded subsets, and pixels for the model.

Images are named by their path relative to the data folder, everywhere and for good.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from tracin.data_folder import find_data, find_training, namesake
from tracin.flags import (
    CROP_SIZE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    RESIZE_SIZE,
    Interpolation,
    ResizeMode,
)
from tracin.image_folder import TRAIN, LeftOut, SplitFiles
from tracin.layout import TREE, Layout
from tracin.vision import functional as transforms
from tracin.vision import v2

MAX_RESIZED_PIXELS = 2**26
"""Of an image that is enlarged: 268 MB at four bytes each. At 256 pixels for the shorter side,
one a thousand times as long as wide: a network would see nothing in it."""


class PreparedInputs(Protocol):
    """What a model is given of a table's images, where this program does not prepare it itself."""

    @property
    def name(self) -> str:
        """Of whatever prepares them."""

    @property
    def normalization(self) -> Normalization | None:
        """What was done to their pixels, 0 to 1; None where nobody tells."""

    def take(self, rows: npt.NDArray[np.int64]) -> PreparedInputs:
        """Those of these rows, in their order."""

    def __getitem__(self, row: int) -> Tensor:
        """(c, h, w), float32: the model's input itself."""


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
    inputs: PreparedInputs | None = None
    """None: this program prepares them from the files."""

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: npt.NDArray[np.int64]) -> ImageTable:
        """The table of these rows, in their order."""
        paths = tuple(self.paths[row] for row in rows)
        inputs = self.inputs and self.inputs.take(rows)
        return replace(self, paths=paths, labels=self.labels[rows], inputs=inputs)


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


def check_resized(size: tuple[int, int], crop: Crop) -> None:
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
    ``normalization`` is None. Inputs that are prepared already, (n, c, h, w) in float32, are
    returned as they are.
    """
    if pixels.is_floating_point():
        return pixels
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
