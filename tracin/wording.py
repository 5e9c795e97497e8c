"""Numbers, counts, durations and lists as people read them. Pure."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Sequence

Say = Callable[[str], None]
"""Where notices to the user go, one sentence at a time."""

TENTHS_UP_TO, SECONDS_UP_TO, MINUTES_UP_TO = 9.95, 90, 5400
"""Seconds below which a duration is told in tenths of a second, in seconds, and in minutes: two
digits tell it well."""

LEFT_TO_RIGHT = "\u200e"
"""An invisible mark: what stands beside it runs from left to right."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""What a terminal acts on rather than shows, or what turns the text beside it around: control
characters but tab and line feed, marks of direction, and bytes that are no UTF-8."""

_LONGEST_QUOTE = 80
"""Characters."""

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


def quotable(value: object) -> str:
    """``value``, from a file, as a sentence can quote it: of a very long one both ends."""
    text = str(value)
    half = _LONGEST_QUOTE // 2
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:half]}…{text[-half:]}"


def visible(text: str) -> str:
    """``text`` with characters that a terminal would act on written out: ``\\x1b``, ``\\u202e``."""
    return _UNSEEN.sub(lambda found: _escaped(found[0]), text)


def on_one_line(name: str) -> str:
    """``name`` made ``visible``, a line feed as ``\\n``: it cannot pass for a line of its own."""
    return visible(name).replace("\n", "\\n")


def first_sentence(text: object) -> str:
    """The first sentence of what a library says, without its full stop: to stand in brackets."""
    return re.split(r"\n|(?<=\w)\.(?:\s|$)", str(text).strip(), maxsplit=1)[0]


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def for_the_shell(path: object) -> str:
    """``path`` as a POSIX shell takes it back, whatever its name holds."""
    word = str(path)
    if word.startswith("-"):
        word = f"./{word}"  # else it would be read as a flag
    if on_one_line(word) == word:
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{on_one_line(escaped)}'"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``, each on one line."""
    words = [on_one_line(word) for word in words]
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def first_few(names: Sequence[str], limit: int = 5) -> str:
    """``a, b, c and 4 more``: the first ``limit`` names, and how many are left out."""
    more = remaining(len(names), limit)
    return listed([*names[:limit], *([more] if more else [])])


def remaining(n: int, shown: int) -> str:
    """``4 more``: how many of ``n`` things are left out where ``shown`` are named; "" for none."""
    return f"{n - shown:,} more" if n > shown else ""


def count(n: int, noun: str) -> str:
    """``1 image``, ``1,200 images``."""
    return f"{n:,} {noun_for(n, noun)}"


def noun_for(n: int, noun: str) -> str:
    """``noun`` as it stands for ``n`` things, where their number is not written: ``images``."""
    if n == 1:
        return noun
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def reads_right_to_left(text: str) -> bool:
    """Whether ``text`` holds a letter of Hebrew, Arabic or another script written that way."""
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def duration(seconds: float) -> str:
    """``0.4 s``, ``40 s``, ``12 min`` or ``3.5 h``."""
    if seconds < TENTHS_UP_TO:
        return f"{seconds:.1f} s"
    if seconds < SECONDS_UP_TO:
        return f"{seconds:.0f} s"
    if seconds < MINUTES_UP_TO:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
