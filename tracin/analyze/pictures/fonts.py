"""Which fonts draw a text, in any script.

DejaVu Sans, which comes with Matplotlib, has Latin, Greek, Cyrillic, Arabic, Hebrew and some
emoji. For characters beyond, the machine's own fonts are searched; what none of them has is drawn
as □, without a warning.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, lru_cache

import matplotlib as mpl
from matplotlib.font_manager import (
    FontEntry,
    findfont,
    findSystemFonts,
    fontManager,
    get_font,
    weight_dict,
)

from tracin.chart_style import BASE_FONT
from tracin.wording import LEFT_TO_RIGHT, reads_right_to_left

BASE = BASE_FONT

MISSING = "□"

_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff")
"""Joiners, direction marks and variation selectors: left out where no font has them."""


def families_for(texts: Iterable[str]) -> tuple[str, ...]:
    """Names of the fonts that together draw ``texts``, the main one first."""
    families = [BASE]
    wanted = {ord(character) for text in texts for character in text if _is_visible(character)}
    wanted -= _characters(families[0])
    if not wanted:
        return (BASE,)
    _look_for_new_fonts()
    while wanted:
        best, gain = "", 0
        for name in _faces():
            found = len(wanted & _characters(name))
            if found > gain:
                best, gain = name, found
        if not best:
            break
        families.append(best)
        wanted -= _characters(best)
    return tuple(families)


def characters_lacking(texts: Iterable[str], families: Iterable[str]) -> str:
    """The characters of ``texts`` that none of ``families`` has, each once, in order."""
    available = _all_characters(tuple(families))
    seen = dict.fromkeys(character for text in texts for character in text)
    return "".join(
        character
        for character in seen
        if _is_visible(character) and ord(character) not in available
    )


def drawable(text: str) -> str:
    """``text`` on one line, with □ for what the fonts in use lack; it reads from left to right."""
    available = _all_characters(tuple(mpl.rcParams["font.family"]))
    shown = "".join(_drawable(character, available) for character in text)
    if not reads_right_to_left(text):
        return shown
    # Without the marks a line that begins with such a name would run from right to left as a
    # whole, and the parts of a path would stand in another order.
    return LEFT_TO_RIGHT + shown.replace("/", f"/{LEFT_TO_RIGHT}") + LEFT_TO_RIGHT


def _drawable(character: str, available: frozenset[int]) -> str:
    if ord(character) in available:
        return character
    if character.isspace() or unicodedata.category(character) == "Cc":
        return " "
    return "" if character in _INVISIBLE else MISSING


def _is_visible(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf", "Cs")


@lru_cache(maxsize=4)
def _all_characters(families: tuple[str, ...]) -> frozenset[int]:
    return frozenset[int]().union(*(_characters(name) for name in families))


@cache
def _characters(family: str) -> frozenset[int]:
    """The code points that ``family`` has; none where there is no such font or it is damaged."""
    path = _faces().get(family)
    if path is None:  # such as "sans-serif", the default outside our pictures
        path = findfont(family)
    with suppress(RuntimeError, OSError):
        return frozenset(get_font(path).get_charmap())
    return frozenset()


@cache
def _look_for_new_fonts() -> None:
    """Take up those that were installed since Matplotlib last looked."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        with suppress(RuntimeError, NotImplementedError, OSError):
            fontManager.addfont(path)
    _faces.cache_clear()


@cache
def _faces() -> dict[str, str]:
    """Family → file of its upright face that is nearest to regular, best families first."""
    upright = [
        entry
        for entry in fontManager.ttflist
        # "Last Resort" has a box for every character there is.
        if entry.style == "normal" and not entry.name.startswith("Last Resort")
    ]
    faces: dict[str, str] = {}
    for entry in sorted(upright, key=_preference):
        faces.setdefault(entry.name, entry.fname)
    return faces


def _preference(entry: FontEntry) -> tuple[bool, str, int]:
    """Families without serifs first: they go with the main one."""
    regular = weight_dict["regular"]
    weight = entry.weight
    if not isinstance(weight, int):
        weight = weight_dict.get(weight, regular)
    return "Sans" not in entry.name, entry.name, abs(weight - regular)
