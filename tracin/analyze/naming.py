"""File names from class names and paths, whatever characters they hold. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

LONGEST = 120
"""Bytes of a name; with what is added around it, it stays below the 255 of most file systems."""

LONGEST_ENDING = 8
"""Bytes; what is longer is part of the name and no ending."""

_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
"""What Windows takes for devices."""


def safe_name(name: str) -> str:
    """``name`` as one file or folder name that every common system accepts.

    Separators, control characters and ``<>:"|?*`` become ``_``; a name of dots alone, or none, too.
    """
    shown = "".join("_" if _is_unsafe(character) else character for character in name)
    shown = _shorten(shown).strip(" ").rstrip(".")
    stem = shown.split(".", maxsplit=1)[0].casefold()
    return f"_{shown}" if not shown or stem in _RESERVED or shown.startswith(".") else shown


def unique_names(names: Sequence[str]) -> dict[str, str]:
    """A safe name for each of ``names``, different even where upper and lower case are one."""
    taken: set[str] = set()
    chosen: dict[str, str] = {}
    # Names that are safe as they stand come first: only what was changed gets a number.
    for name in sorted(names, key=lambda name: safe_name(name) != name):
        base = safe_name(name)
        candidate, number = base, 2
        while _key(candidate) in taken:
            candidate, number = f"{base}_{number}", number + 1
        taken.add(_key(candidate))
        chosen[name] = candidate
    return {name: chosen[name] for name in names}


def _is_unsafe(character: str) -> bool:
    return character in '/\\<>:"|?*' or unicodedata.category(character) in ("Cc", "Cs")


def _shorten(name: str) -> str:
    """At most ``LONGEST`` bytes; a short ending such as ``.jpg`` stays."""
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending.encode()) > LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    room = LONGEST - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
