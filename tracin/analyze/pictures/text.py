"""Text that fits its place: measured, shortened, wrapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from tracin.analyze.pictures.fonts import drawable
from tracin.analyze.pictures.style import DPI

ELLIPSIS = "…"

TAIL = 8
"""Characters of a file name that stay when its middle goes: the ending and the last digits."""

_renderer: Any = RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]


def width(text: str, size: float, weight: str = "normal") -> float:
    """Inches that ``text`` takes on one line in the fonts in use."""
    return _width(text, size, weight, tuple(mpl.rcParams["font.family"]))


@lru_cache(maxsize=20_000)
def _width(text: str, size: float, weight: str, families: tuple[str, ...]) -> float:
    font = FontProperties(family=list(families), size=size, weight=weight)
    pixels: float = _renderer.get_text_width_height_descent(text, font, ismath=False)[0]
    return pixels / DPI


def fit(text: str, room: float, size: float, weight: str = "normal") -> str:
    """``text`` in ``room`` inches on one line, its end left out for an ellipsis where need be."""
    text = drawable(text)
    if width(text, size, weight) <= room:
        return text
    kept = _longest(text, room - width(ELLIPSIS, size, weight), size, weight)
    return text[:kept].rstrip() + ELLIPSIS


def fit_path(path: str, room: float, size: float) -> str:
    """The last part of ``path`` in ``room`` inches: its middle goes, its ending stays."""
    name = drawable(path.rsplit("/", maxsplit=1)[-1])
    if width(name, size) <= room:
        return name
    tail = name[-TAIL:]
    kept = _longest(name, room - width(ELLIPSIS + tail, size), size, "normal")
    return name[:kept] + ELLIPSIS + tail if kept > 1 else fit(name, room, size)


def wrap(text: str, room: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of ``text`` that each take at most ``room`` inches."""
    lines: list[list[str]] = [[]]
    space = width(" ", size, weight)
    remaining = room
    for word in _broken(text.split(), room, size, weight):
        # Word by word, for the measures of words are kept: a line is measured by its parts.
        taken = width(drawable(word), size, weight) + (space if lines[-1] else 0)
        if taken > remaining and lines[-1]:
            lines.append([])
            remaining, taken = room, taken - space
        lines[-1].append(word)
        remaining -= taken
    return [drawable(" ".join(words)) for words in lines]


def _broken(words: Iterable[str], room: float, size: float, weight: str) -> Iterator[str]:
    """The ``words``, those longer than a line in pieces."""
    for word in words:
        rest = word
        while width(drawable(rest), size, weight) > room:
            kept = max(1, _longest(rest, room, size, weight))
            yield rest[:kept]
            rest = rest[kept:]
        yield rest


def _longest(text: str, room: float, size: float, weight: str) -> int:
    """How many characters of ``text`` take at most ``room`` inches."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(drawable(text[:middle]), size, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return low
