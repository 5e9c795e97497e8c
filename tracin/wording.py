"""Numbers, counts and lists as people read them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Say = Callable[[str], None]
"""Where notices to the user go, one sentence at a time."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def signed(value: float) -> str:
    """A score with its sign and three digits: ``+0.0123``, ``−4.56×10⁻⁷``, ``0``."""
    if value == 0:
        return "0"
    sign = "+" if value > 0 else "−"
    return sign + number(abs(value))


def number(value: float) -> str:
    """Three digits of ``value``, in powers of ten where it is very small or large."""
    if value < 0:
        return f"−{number(-value)}"
    if value == 0:
        return "0"
    digits, _, power = f"{value:.2e}".partition("e")
    exponent = int(power)
    if -4 <= exponent < 5:
        return f"{value:,.0f}" if exponent >= 2 else f"{value:.{2 - exponent}f}"
    return f"{digits}×{power_of_ten(exponent)}"


def power_of_ten(exponent: int) -> str:
    """``10⁻⁷``."""
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def first_few(names: Sequence[str], most: int = 5) -> str:
    """``a, b, c and 4 more``: the first ``most`` names, and how many are left out."""
    shown = list(names[:most])
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return listed([*shown, *more])


def count(n: int, noun: str) -> str:
    """``1 image``, ``1,200 images``."""
    return f"{n:,} {noun if n == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
