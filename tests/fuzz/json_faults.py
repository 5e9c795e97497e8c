"""Faults of JSON: values of other types, keys, depth, text that is no text."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

DEEP = 100_000
"""Levels: beyond what any recursion takes."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e308, -1e308, 1e-320, 10**18, 10**30, 10**400),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        " ",
        "nan",
        "1",
        "cat",
        "x" * 300,
        "x" * 100_000,
    ),
    *("\0", "a\0b", "\ud800", "\x1b[31m", "\u202e", "a\nb", "é", "../../secret.txt", "/etc/passwd"),
    *(
        "=1+1",
        [],
        {},
        [[]],
        [None],
        [1, 2, 3],
        ["cat", "dog"],
        {"": 0},
        {"a": {"b": []}},
        [0] * 1000,
    ),
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every entry of a dict or list inside ``value``."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    found = []
    for key in keys:
        found += [(*way, key), *_places(value[key], (*way, key))]
    return found


def _parent(value: Any, way: tuple[Any, ...]) -> Any:
    for key in way[:-1]:
        value = value[key]
    return value


def _set(random: Random, value: Any) -> Any:
    places = _places(value)
    if not places or random.random() < 0.03:
        return copy.deepcopy(random.choice(VALUES))
    way = random.choice(places)
    _parent(value, way)[way[-1]] = copy.deepcopy(random.choice(VALUES))
    return value


def _drop(random: Random, value: Any) -> Any:
    if places := _places(value):
        way = random.choice(places)
        del _parent(value, way)[way[-1]]
    return value


def _add(random: Random, value: Any) -> Any:
    if isinstance(value, dict):
        value[random.choice(("", "unknown", "\x1b[31m", "x" * 5000, "__class__"))] = 1
    elif isinstance(value, list):
        value.append(copy.deepcopy(random.choice(VALUES)))
    return value


def _swap(random: Random, value: Any) -> Any:
    if places := _places(value):
        first, second = random.choice(places), random.choice(places)
        one = copy.deepcopy(_parent(value, first)[first[-1]])
        other = copy.deepcopy(_parent(value, second)[second[-1]])
        _parent(value, first)[first[-1]] = other
        if second[: len(first)] != first:
            _parent(value, second)[second[-1]] = one
    return value


def _wrap(random: Random, value: Any) -> Any:
    places = _places(value)
    if not places:
        return [value]
    way = random.choice(places)
    inner = _parent(value, way)[way[-1]]
    _parent(value, way)[way[-1]] = random.choice(([inner], {"value": inner}, str(inner)))
    return value


VALUE_FAULTS: dict[str, Callable[[Random, Any], Any]] = {
    "a value": _set,
    "another value": _set,
    "a third value": _set,
    "a key missing": _drop,
    "a key too many": _add,
    "values swapped": _swap,
    "a value wrapped": _wrap,
}


def _doubled_key(random: Random, text: str) -> str:
    return text.replace(
        "{", '{"schema_version": 7, "data_dir": 1, "path": [], ', 1 + random.randrange(2)
    )


TEXT_FAULTS: dict[str, Callable[[Random, str], str]] = {
    "deep lists": lambda _random, _text: "[" * DEEP + "]" * DEEP,
    "deep objects": lambda _random, _text: '{"a":' * DEEP + "1" + "}" * DEEP,
    "60 levels": lambda _random, text: "[" * 60 + text + "]" * 60,
    "a deep value": lambda _random, text: text.replace(
        ": ", ": " + "[" * 400 + "]" * 400 + ', "x": ', 1
    ),
    "a key twice": _doubled_key,
    "a number of many digits": lambda _random, text: text.replace(
        ": ", ": " + "9" * 5000 + ', "x": ', 1
    ),
    "a comment": lambda _random, text: "// from\n" + text,
    "two values": lambda _random, text: text + text,
    "single quotes": lambda _random, text: text.replace('"', "'"),
    "a lone surrogate": lambda _random, text: text.replace('": "', '": "\\ud800', 1),
}


def damage_json(random: Random, path: Path) -> str:
    """Rewrite the JSON file with a fault; return its name."""
    text = path.read_text("utf-8")
    path.unlink()
    if random.random() < 0.2:
        name = random.choice(list(TEXT_FAULTS))
        path.write_text(TEXT_FAULTS[name](random, text), encoding="utf-8", errors="surrogatepass")
        return name
    name, value = random.choice(list(VALUE_FAULTS)), json.loads(text)
    value = VALUE_FAULTS[name](random, value)
    escaped = json.dumps(value, ensure_ascii=True, indent=random.choice((None, 2)))
    path.write_text(escaped, encoding="utf-8")
    return name
