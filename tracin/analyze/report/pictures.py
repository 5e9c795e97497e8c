"""Pictures inside the page: small JPEGs as base64, each once, within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from tracin.analyze.read.thumbnails import image_file, read_reduced, square_of
from tracin.analyze.report.analysis import PagePicture

SMALL, LARGE = 128, 256
"""Pixels: the side of a square, and the longest side of a whole picture."""

LARGER = ((True, 640), (False, 320), (True, 1024))
"""What the first pictures leave of the budget goes, step by step, to those wanted large (True) or
to the others, whole and with so many pixels on the longest side."""

QUALITY = 72
"""Of the JPEGs, 1 to 95: a compromise of what is seen and how many fit into ``BUDGET``."""

BUDGET = 26_500_000
"""Characters of all pictures together; the page around them takes up to another three million."""

Shape = tuple[int, bool]
"""(pixels of the longest side, whether the whole image); False: a square from its centre."""

THREADS = 2
_BATCH = 64
"""Pictures that are encoded before the budget is asked again: few of them are in vain."""


@dataclass(frozen=True)
class Album:
    """The pictures of a page by number."""

    encoded: tuple[str, ...]
    """JPEG files in base64"""
    numbers: dict[str, int]
    """By the path of the image: each stands here once, as large as there is room for."""
    unreadable: tuple[str, ...]
    """Paths of images that are not in the data folder, or cannot be read."""
    over_budget: int
    """Pictures left out because the page would become too large."""

    @property
    def characters(self) -> int:
        """Size of all pictures."""
        return sum(map(len, self.encoded))


@dataclass(frozen=True)
class Encoded:
    """A JPEG file in base64."""

    text: str
    is_all: bool = False
    """Whether the file of the image has no more pixels than this."""


def make_album(data_dir: Path, wanted: Iterable[PagePicture], budget: int = BUDGET) -> Album:
    """The ``wanted`` pictures, the most important first, for as long as ``budget`` lasts.

    Args:
        data_dir: their paths are relative to it.
        wanted: in order of importance; of repetitions, one that is large counts.
        budget: characters of all pictures together.
    """
    large: dict[str, bool] = {}
    for picture in wanted:
        large[picture.path] = large.get(picture.path, False) or picture.large
    made: dict[str, Encoded] = {}
    unreadable = []
    remaining = budget
    shapes = {path: (LARGE, True) if large[path] else (SMALL, False) for path in large}
    for path, image in _encoded(data_dir, shapes, "Thumbnails"):
        if image is None:
            unreadable.append(path)
        elif len(image.text) > remaining:
            remaining = 0
            break
        else:
            made[path] = image
            remaining -= len(image.text)
    for of_large, side in LARGER:
        smaller = [path for path in made if large[path] == of_large and not made[path].is_all]
        remaining -= _enlarge(data_dir, made, dict.fromkeys(smaller, (side, True)), remaining)
    texts = tuple(dict.fromkeys(image.text for image in made.values()))  # duplicates share one
    number_of = {text: number for number, text in enumerate(texts)}
    numbers = {path: number_of[image.text] for path, image in made.items()}
    return Album(texts, numbers, tuple(unreadable), len(large) - len(made) - len(unreadable))


def _enlarge(
    data_dir: Path, made: dict[str, Encoded], shapes: Mapping[str, Shape], room: int
) -> int:
    """Put larger pictures into ``made`` while there is ``room``; return the characters it took."""
    used = 0
    for path, image in _encoded(data_dir, shapes if room > 0 else {}, "Larger pictures"):
        if image is None:  # gone since a moment ago
            continue
        more = len(image.text) - len(made[path].text)
        if used + more > room:
            break
        made[path] = image
        used += more
    return used


def _encoded(
    data_dir: Path, shapes: Mapping[str, Shape], description: str
) -> Iterator[tuple[str, Encoded | None]]:
    """Each path of ``shapes`` with its picture; whoever has enough of them may stop."""
    paths = list(shapes)
    with (
        ThreadPoolExecutor(THREADS) as pool,
        # disable=None: no bar where stderr is no terminal.
        tqdm(total=len(paths), desc=description, unit=" pictures", disable=None) as bar,
    ):
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            made = pool.map(lambda path: encode(data_dir, path, shapes[path]), batch)
            yield from zip(batch, made, strict=True)
            bar.update(len(batch))


def encode(data_dir: Path, path: str, shape: Shape) -> Encoded | None:
    """The image ``path`` as a JPEG file of ``shape``, or None where there is none to be read."""
    file = image_file(data_dir, path)
    if file is None:
        return None
    side, whole = shape
    is_all = False

    def reduced(image: Image.Image) -> Image.Image:
        """Never enlarged: the browser does that without a larger file."""
        nonlocal is_all
        is_all = max(image.size) <= side and (whole or image.width == image.height)
        if not whole:
            return square_of(image, min(side, *image.size))
        image.thumbnail((side, side), Image.Resampling.BICUBIC)
        return image

    small = read_reduced(file, side, reduced)
    if small is None:
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return Encoded(base64.b64encode(buffer.getvalue()).decode("ascii"), is_all)
