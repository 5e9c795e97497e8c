"""Numbers as people read them. Pure."""

from __future__ import annotations

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
