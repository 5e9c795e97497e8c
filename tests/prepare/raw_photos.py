"""Raw photos for the tests of tracin.prepare, and what comes of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from PIL import Image
from sklearn.datasets import load_sample_images

from tracin import image_folder
from tracin.prepare.run import PrepareConfig, PrepareResult, prepare

PHOTO = load_sample_images().images[0]  # (427, 640, 3)


def piece(number: int, size: int = 200) -> Image.Image:
    """A piece of a photo, another one for each number."""
    top, left = (number * 37) % (427 - size), (number * 101) % (640 - size)
    return Image.fromarray(PHOTO[top : top + size, left : left + size])


def prepare_quietly(raw: Path, output: Path, *, english: bool = True) -> PrepareResult | None:
    config = PrepareConfig(raw, output, english_names=english, workers=1)
    return prepare(config, say=lambda _text: None)


def table(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / image_folder.SPLIT_TABLE, keep_default_na=False).set_index("source")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
