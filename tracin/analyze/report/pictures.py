"""Pictures inside the page: small JPEGs as base64, each once, within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from tracin.analyze.read.thumbnails import image_file, read_reduced, square_of
from tracin.analyze.report.analysis import PagePicture

SMALL, LARGE = 128, 256
"""Pixels: the side of a square, and the longest side of a whole picture."""

QUALITY = 72
"""Of the JPEGs, 1 to 95: a compromise of what is seen and how many fit into ``BUDGET``."""

BUDGET = 26_500_000
"""Characters of all pictures together; the page around them takes up to another three million."""

THREADS = 2
_BATCH = 64
"""Pictures that are encoded before the budget is asked again: few of them are in vain."""


@dataclass(frozen=True)
class Album:
    """The pictures of a page by number."""

    encoded: tuple[str, ...]
    """JPEG files in base64"""
    numbers: dict[PagePicture, int]
    unreadable: tuple[str, ...]
    """Paths of images that are not in the data folder, or cannot be read."""
    over_budget: int
    """Pictures left out because the page would become too large."""

    @property
    def characters(self) -> int:
        """Size of all pictures."""
        return sum(map(len, self.encoded))


def make_album(data_dir: Path, wanted: Iterable[PagePicture], budget: int = BUDGET) -> Album:
    """The ``wanted`` pictures, the most important first, for as long as ``budget`` lasts.

    Args:
        data_dir: their paths are relative to it.
        wanted: in order of importance; repetitions are free.
        budget: characters of all pictures together.
    """
    pictures = list(dict.fromkeys(wanted))
    encoded: dict[str, int] = {}  # each file once: duplicates share one
    numbers: dict[PagePicture, int] = {}
    unreadable: dict[str, None] = {}
    remaining, done = budget, 0
    with (
        ThreadPoolExecutor(THREADS) as pool,
        # disable=None: no bar where stderr is no terminal.
        tqdm(total=len(pictures), desc="Thumbnails", unit=" pictures", disable=None) as bar,
    ):
        while done < len(pictures) and remaining > 0:
            batch = pictures[done : done + _BATCH]
            for picture, text in zip(
                batch, pool.map(lambda picture: encode(data_dir, picture), batch), strict=True
            ):
                if text is None:
                    unreadable[picture.path] = None
                elif text in encoded:
                    numbers[picture] = encoded[text]
                elif len(text) <= remaining:
                    numbers[picture] = encoded[text] = len(encoded)
                    remaining -= len(text)
                else:
                    remaining = 0
            done += len(batch)
            bar.update(len(batch))
    over_budget = sum(
        picture not in numbers and picture.path not in unreadable for picture in pictures
    )
    return Album(tuple(encoded), numbers, tuple(unreadable), over_budget)


def encode(data_dir: Path, picture: PagePicture) -> str | None:
    """``picture`` as a JPEG file in base64, or None where there is no readable image."""
    file = image_file(data_dir, picture.path)
    if file is None:
        return None
    side = LARGE if picture.large else SMALL
    small = read_reduced(file, side, lambda image: _reduced(image, side, whole=picture.large))
    if small is None:
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _reduced(image: Image.Image, side: int, *, whole: bool) -> Image.Image:
    """Never enlarged: the browser does that without a larger file."""
    if whole:
        image.thumbnail((side, side), Image.Resampling.BICUBIC)
        return image
    return square_of(image, min(side, *image.size))
