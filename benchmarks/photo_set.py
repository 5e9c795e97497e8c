"""A large set of photo JPEGs for timing, cut from scikit-learn's two sample photos."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

ANIMALS = 26_117
"""Images of Animals-10."""
CLASSES = tuple(f"class_{number}" for number in range(10))
SMALLEST = 5 * len(CLASSES)
"""Images that give each class one test image."""
SHORTEST, LONGEST = 224, 500
"""Pixels of a side."""


def write_photo_set(folder: Path, count: int, *, coloured: bool = False) -> None:
    """Write ``count`` JPEGs into train/<class>/ and test/<class>/ of ``folder``, 4 to 1.

    Each is another crop at another scale, 224 to 500 pixels a side, compressed anew. All processors
    work; a progress bar shows on stderr where that is a terminal. ``coloured`` ones have a tint for
    each class, which a model can learn.
    """
    for split in ("train", "test"):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        written = pool.map(_write, [folder] * count, range(count), [coloured] * count, chunksize=64)
        for _ in tqdm(written, total=count, desc="Making photos", unit="img", disable=None):
            pass


def _write(folder: Path, number: int, coloured: bool) -> None:
    random = np.random.default_rng(number)
    photo = _photos()[int(random.integers(2))]
    width, height = (int(side) for side in random.integers(SHORTEST, LONGEST + 1, 2))
    scale = random.uniform(0.5, min(photo.width / width, photo.height / height))
    left = random.uniform(0, photo.width - scale * width)
    top = random.uniform(0, photo.height - scale * height)
    box = (left, top, left + scale * width, top + scale * height)
    picture = photo.resize((width, height), Image.Resampling.BILINEAR, box)
    group, label = divmod(number, len(CLASSES))
    if coloured:
        tint = tuple(int(each) for each in np.random.default_rng(label).integers(0, 256, 3))
        picture = Image.blend(picture, Image.new("RGB", picture.size, tint), 0.5)
    split = "test" if group % 5 == 4 else "train"
    picture.save(folder / split / CLASSES[label] / f"{number:06d}.jpg", quality=90)


@cache
def _photos() -> list[Image.Image]:
    """scikit-learn's two photos; where it is not installed, two clouds of as many pixels."""
    try:
        from sklearn.datasets import load_sample_images
    except ImportError:
        return [_cloud(seed) for seed in (0, 1)]
    return [Image.fromarray(photo) for photo in load_sample_images().images]


def _cloud(seed: int) -> Image.Image:
    """Noise of all sizes, the coarse the strongest, as in a photo: JPEG takes as long over it."""
    random = np.random.default_rng(seed)
    total = np.zeros((427, 640, 3))
    for step in range(1, 8):
        small = random.normal(size=(427 >> (7 - step), 640 >> (7 - step), 3)) * 40 / step
        for colour in range(3):
            layer = Image.fromarray(small[..., colour].astype(np.float32))
            total[..., colour] += np.asarray(layer.resize((640, 427), Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(128 + total, 0, 255).astype(np.uint8))
