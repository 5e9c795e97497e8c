"""The one way in which JSON comes in: read with its limits checked, then fitted to a type.

A type is a dataclass, or what stands in one: ``int``, ``tuple[str, ...]``, ``float | None``, a
``Literal``, ``Annotated[float, Within(0, 1)]``. A number must be finite.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tracin.errors import TracInError
from tracin.places import check_regular
from tracin.wording import quotable

MOST_BYTES = 256 << 20
"""Ours stay far below, even with a line for each of a million images; reading takes some ten times
the file's size in memory."""

DEEPEST = 50
"""Levels of lists and objects: deeper ones overrun the recursion of whatever walks through them."""

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True)
class Within:
    """The range of a number, both ends included."""

    low: float
    high: float = math.inf


Natural = Annotated[int, Within(0)]
Positive = Annotated[int, Within(1)]
Share = Annotated[float, Within(0, 1)]


def read_json(path: Path, remedy: str) -> Any:
    """The plain values in the file ``path``.

    Args:
        path: of a file that was written as UTF-8.
        remedy: the sentence that says what to do where it cannot be read.

    Raises:
        TracInError: it cannot be opened, or is no JSON that this program could use.
    """
    try:
        check_regular(path)
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
        return parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise TracInError(f"{path} is damaged or no JSON ({error}). {remedy}") from error


def parse_json(text: str) -> Any:
    """The plain values in ``text``.

    Raises:
        ValueError: it is no JSON, is too deep, or holds text that no file name can have.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check(content, DEEPEST)
    return content


_TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"


def _check(value: Any, levels: int) -> None:
    if isinstance(value, str):
        try:
            unusable = b"\0" in os.fsencode(value)
        except UnicodeEncodeError:
            unusable = True
        if unusable:
            raise ValueError(f"the text {value[:40]!a} holds a character that no name can have")
    elif isinstance(value, dict | list):
        if levels == 0:
            raise ValueError(_TOO_DEEP)
        for entry in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(entry, levels - 1)


def fitted(kind: Any, value: Any, where: str = "") -> Any:
    """``value`` as ``kind``: objects become dataclasses and lists tuples, the rest stays.

    Args:
        kind: a type, as this module's first lines say.
        value: of ``read_json``.
        where: the field's name so far, such as ``checkpoints[0].path``.

    Raises:
        ValueError: it is something else; the message names the field.
    """
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _as_dataclass(kind, value, where)
    origin = get_origin(kind)
    return (
        _BY_ORIGIN[origin](get_args(kind), value, where) if origin else _plain(kind, value, where)
    )


def _in_range(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    number, limits = fitted(arguments[0], value, where), arguments[1]
    if not limits.low <= number <= limits.high:
        ends = f"at least {limits.low}"
        if limits.high < math.inf:
            ends = f"from {limits.low} to {limits.high}"
        raise ValueError(f"{where or 'it'} is {number}, and must be {ends}")
    return number


def _choice(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise _unfit(where, value, f"one of {', '.join(choices)}")
    return value


def _as_dict(kinds: tuple[Any, ...], value: Any, where: str) -> dict[str, Any]:
    _expect(dict, value, where, "an object")
    inside = f"{where}." if where else ""
    return {key: fitted(kinds[1], each, inside + key) for key, each in value.items()}


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise _unfit(where, value, _WORDS[kind])
    return value


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    (kind,) = (each for each in kinds if each is not type(None))  # ours are all of "X | None"
    return fitted(kind, value, where)


def _as_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _expect(list, value, where, "a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{where or 'it'} has {len(value)} entries, not {len(kinds)}")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(fitted(kind, each, f"{where}[{number}]") for number, (kind, each) in pairs)


def _as_dataclass(kind: Any, value: Any, where: str) -> Any:
    _expect(dict, value, where, "an object")
    hints = get_type_hints(kind, include_extras=True)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    inside = f"{where}." if where else ""
    if unknown := [name for name in value if name not in fields]:
        raise ValueError(f"{inside}{quotable(unknown[0])} is not known")
    for name, each in fields.items():
        optional = (each.default, each.default_factory) != (dataclasses.MISSING,) * 2
        if name not in value and not optional:
            raise ValueError(f"{inside}{name} is missing")
    return kind(**{name: fitted(hints[name], each, inside + name) for name, each in value.items()})


_BY_ORIGIN = {
    Annotated: _in_range,
    Union: _one_of,
    types.UnionType: _one_of,
    Literal: _choice,
    tuple: _as_tuple,
    dict: _as_dict,
}


def _expect(kind: type, value: Any, where: str, word: str) -> None:
    if not isinstance(value, kind):
        raise _unfit(where, value, word)


def _unfit(where: str, value: Any, word: str) -> ValueError:
    try:
        shown = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):  # a whole number of thousands of digits
        shown = "something too large"
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return ValueError(f"{where or 'it'} is {shown}, not {word}")


def read_as(kind: Any, path: Path, remedy: str) -> Any:
    """The content of the file ``path`` as ``kind``.

    Raises:
        TracInError: it cannot be read, or a field is not what ``kind`` says; the message names the
            file and the field.
    """
    content = read_json(path, remedy)
    try:
        return fitted(kind, content)
    except ValueError as error:
        raise TracInError(f"{path} is damaged: {error}. {remedy}") from error
