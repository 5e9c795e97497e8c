"""What a checkpoint says of itself, beside its weights or in a JSON file of the same name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch

from tracin.errors import TracInError
from tracin.flags import HeadActivation, Interpolation, is_mean, is_std
from tracin.json_file import read_json

Stored = Mapping[str, Any]

EPOCH_KEY = "epoch"
CLASS_KEYS = ("class_names", "classes", "class_to_idx", "idx_to_class")
"""Under which training programs keep the order of their classes."""
SIZE_KEYS = ("resize_size", "crop_size")
COLOUR_KEYS = ("mean", "std")
INTERPOLATION_KEY = "interpolation"
HEAD_ACTIVATION_KEY = "head_activation"

MOST_PIXELS = 100_000
"""A side as long as this is a mistake: one image of the size would fill the memory."""

DECIMALS = 6
"""A float32 of 0.485 is 0.48500001430511475 as a Python number."""

MOST_STORED = 1_000_000
"""Numbers in a tensor that is worth reading: more than there are classes anywhere."""

SHOWN = 60
"""Characters of a value that a message shows."""


def json_beside(path: Path) -> dict[str, Any]:
    """The content of the JSON file beside ``path``; {} where there is none.

    Raises:
        TracInError: it cannot be opened, or read as JSON.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    content = read_json(beside, "Correct it or take it away.")
    return content if isinstance(content, dict) else {}


def stored_number(value: Any) -> float:
    """The number that ``value`` stands for; NaN where it stands for none."""
    try:
        return float(plain(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def plain(value: Any) -> Any:
    """A tensor's few numbers as Python's; anything else as it is, and None for other tensors."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_meta or value.is_quantized or value.layout != torch.strided or value.is_nested:
        return None
    return value.tolist() if value.numel() <= MOST_STORED else None


def shown(value: Any) -> str:
    """The beginning of ``value`` as a message can show it, in one line."""
    try:
        text = " ".join(f"{value!r}".split())
    except (ValueError, RuntimeError, MemoryError):  # thousands of digits, or thousands of levels
        text = f"something of type {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def stored_epoch(stored: Stored) -> float | None:
    """The epoch of the training at which a checkpoint was written; None where it does not say."""
    number = stored_number(stored.get(EPOCH_KEY))
    return number if math.isfinite(number) else None


def stored_size(stored: Stored, key: str, path: Path) -> int | None:
    """Pixels, of ``SIZE_KEYS``; None where nothing is stored. Two equal sides are one size.

    Raises:
        TracInError: what is stored is no such number.
    """
    if stored.get(key) is None:
        return None
    values = _numbers(stored[key])
    number = values[0] if len(set(values)) == 1 and len(values) <= 2 else math.nan
    if not (1 <= number < MOST_PIXELS and number.is_integer()):
        raise _unusable(path, key, stored[key])
    return int(number)


def stored_colour(stored: Stored, key: str, path: Path) -> tuple[float, float, float] | None:
    """A value for each colour channel, of ``COLOUR_KEYS``; None where no three numbers are stored:
    under such names people keep other things, too.

    Raises:
        TracInError: three numbers that pixels cannot have.
    """
    values = _numbers(stored.get(key))
    if len(values) != 3:
        return None
    if not all(map(is_std if key == "std" else is_mean, values)):
        raise _unusable(path, key, list(values))
    red, green, blue = values
    return red, green, blue


def stored_interpolation(stored: Stored, key: str, path: Path) -> Interpolation | None:
    """How images are resized, of ``INTERPOLATION_KEY``; None where no known way is stored."""
    known: tuple[Interpolation, ...] = get_args(Interpolation)
    return next((each for each in known if each == stored.get(key)), None)


def stored_head_activation(stored: Stored) -> HeadActivation | None:
    """What stands between the head's Linears; None where no known activation is stored."""
    known: tuple[HeadActivation, ...] = get_args(HeadActivation)
    return next((each for each in known if each == stored.get(HEAD_ACTIVATION_KEY)), None)


def _numbers(value: Any) -> tuple[float, ...]:
    """The few numbers that ``value`` holds, rounded from float32; () where it is something else."""
    value = plain(value.flatten() if isinstance(value, torch.Tensor) else value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > 3:
        return ()
    if any(isinstance(entry, bool) for entry in value):
        return ()
    return tuple(round(stored_number(entry), DECIMALS) for entry in value)


def _unusable(path: Path, key: str, value: Any) -> TracInError:
    return TracInError(
        f"{path}, or the JSON beside it, stores {key} = {shown(value)}, which cannot be used. "
        f"Set it with --{key}."
    )


def stored_classes(stored: Stored) -> tuple[str, ...] | None:
    """The classes in the order of the model's outputs; None where they are not stored as such.

    Of several names for them the first of ``CLASS_KEYS`` counts.
    """
    for key in CLASS_KEYS:
        names = _class_list(stored.get(key))
        if names:
            return names
    return None


def _class_list(value: Any) -> tuple[str, ...] | None:
    """The classes by output, of a list of names, {name: output} or {output: name}."""
    if isinstance(value, Mapping):
        outputs: dict[float, str] = {}
        for key, entry in value.items():
            by_name = isinstance(key, str) and _is_number(entry)
            name, number = (key, entry) if by_name else (entry, key)
            if not isinstance(name, str):
                return None
            outputs[stored_number(number)] = name
        if sorted(outputs) != list(range(len(value))):
            return None
        return tuple(outputs[number] for number in range(len(value)))
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    names = tuple(value)
    text = all(isinstance(name, str) for name in names)
    return names if text and len(set(names)) == len(names) else None


def _is_number(value: Any) -> bool:
    return not isinstance(value, str) and math.isfinite(stored_number(value))
