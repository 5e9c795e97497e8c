"""What the flags leave open is settled by what the checkpoints store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from tracin.compute.config import RunConfig
from tracin.compute.model.stored import (
    COLOUR_KEYS,
    SIZE_KEYS,
    Stored,
    read_stored,
    stored_colour,
    stored_epoch,
    stored_size,
)
from tracin.errors import TracInError
from tracin.flags import CROP_SIZE, IMAGENET_MEAN, IMAGENET_STD, RESIZE_SIZE
from tracin.images import Crop, Normalization, Preprocessing
from tracin.weights_file import check_there
from tracin.wording import listed

Value = TypeVar("Value")


@dataclass(frozen=True)
class Settled:
    """The checkpoints of a run and how images are shown to them."""

    model_paths: tuple[Path, ...]
    """In the order of the training, as far as the checkpoints tell it; the last one judges."""
    rates: tuple[float | None, ...]
    """The flag's learning rate for each; None: what it stores, else the default."""
    preprocessing: Preprocessing
    as_stored: Preprocessing | None
    """How the checkpoints say that images were shown in training, where flags say otherwise."""
    notices: tuple[str, ...]
    """What the user should know of it, a sentence each."""


def settle(config: RunConfig) -> Settled:
    """Settle the order of the checkpoints and the preprocessing of a run.

    Raises:
        TracInError: a checkpoint is missing or damaged, stores what cannot be used, or contradicts
            another one.
    """
    rates = _rates_of_flag(config)
    stored: dict[Path, Stored] = {}
    for path in config.model_paths:
        check_there(path)
        stored[path] = read_stored(path)
    order = _order_of_training(config.model_paths, stored)
    paths = tuple(config.model_paths[position] for position in order)
    shown = _shown(config, stored)
    notices = []
    if list(order) != sorted(order):
        notices.append(
            "The checkpoints are taken in the order of the epochs that they store, "
            f"{listed([path.name for path in paths])}: the last one judges."
        )
    if shown.taken:
        notices.append(f"Images are shown as in training: {' '.join(shown.taken)}.")
    if shown.overruled:
        notices.append(
            f"Note: in training, images were shown with {' '.join(shown.overruled)}, and this "
            "run's flags say otherwise."
        )
    as_stored = _as_stored(config, stored) if shown.overruled else None
    rates = tuple(rates[position] for position in order)
    return Settled(paths, rates, shown.preprocessing, as_stored, tuple(notices))


def _rates_of_flag(config: RunConfig) -> tuple[float | None, ...]:
    """One learning rate per checkpoint, None where the flag was not given."""
    rates: tuple[float | None, ...] = config.learning_rates or (None,)
    if len(rates) == 1:
        rates *= len(config.model_paths)
    if len(rates) != len(config.model_paths):
        raise TracInError(
            f"--learning_rate has {len(rates)} values for {len(config.model_paths)} checkpoints. "
            "Give one for each, or one for all."
        )
    return rates


def _order_of_training(paths: Sequence[Path], stored: Mapping[Path, Stored]) -> list[int]:
    """Positions in ``paths`` by stored epoch; as they stand where not all store one.

    A shell puts epoch_100 before epoch_20.
    """
    epochs = [stored_epoch(stored[path]) for path in paths]
    known = [epoch for epoch in epochs if epoch is not None]
    if len(known) < len(epochs):
        return list(range(len(paths)))
    return sorted(range(len(paths)), key=known.__getitem__)


@dataclass(frozen=True)
class _Shown:
    """How images are shown: what the flags say, else what the checkpoints store, else the usual."""

    preprocessing: Preprocessing
    taken: tuple[str, ...]
    """What was taken from the checkpoints, as flags."""
    overruled: tuple[str, ...]
    """What the checkpoints store and the flags set otherwise, as flags."""


@dataclass(frozen=True)
class _Choice(Generic[Value]):
    value: Value | None
    """None: neither a flag nor a checkpoint tells."""
    taken: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()


def _shown(config: RunConfig, stored: Mapping[Path, Stored]) -> _Shown:
    resize, cut = (_choose(key, stored_size, config, stored) for key in SIZE_KEYS)
    mean, std = (_choose(key, stored_colour, config, stored) for key in COLOUR_KEYS)
    # With one size alone, the other must let the crop lie inside the image.
    side = cut.value or min(CROP_SIZE, resize.value or CROP_SIZE)
    resized = resize.value or max(RESIZE_SIZE, side)
    if side > resized and config.crop_size is None:
        side = resized
    elif side > resized and config.resize_size is None:
        resized = side
    crop = Crop(resized, side, config.resize_mode or "shorter")
    normalization = Normalization(mean.value or IMAGENET_MEAN, std.value or IMAGENET_STD)
    return _Shown(
        Preprocessing(crop, normalization),
        (*resize.taken, *cut.taken, *mean.taken, *std.taken),
        (*resize.overruled, *cut.overruled, *mean.overruled, *std.overruled),
    )


def _as_stored(config: RunConfig, stored: Mapping[Path, Stored]) -> Preprocessing | None:
    """How images were shown in training, as far as the checkpoints agree on it."""
    without_flags = replace(config, resize_size=None, crop_size=None, mean=None, std=None)
    try:
        return _shown(without_flags, stored).preprocessing
    except TracInError:
        return None


def _choose(
    key: str,
    read: Callable[[Stored, str, Path], Value | None],
    config: RunConfig,
    stored: Mapping[Path, Stored],
) -> _Choice[Value]:
    flag: Value | None = getattr(config, key)
    if flag is not None:
        values = {_read_anyhow(key, read, path, of) for path, of in stored.items()} - {None, flag}
        return _Choice(flag, overruled=tuple(_as_flag(key, value) for value in values))
    value = _agreed(key, {path: read(of, key, path) for path, of in stored.items()})
    return _Choice(value, taken=() if value is None else (_as_flag(key, value),))


def _read_anyhow(
    key: str, read: Callable[[Stored, str, Path], Value | None], path: Path, stored: Stored
) -> Value | None:
    """What is stored under ``key``; None where it cannot be used, which a flag makes good."""
    try:
        return read(stored, key, path)
    except TracInError:
        return None


def _agreed(key: str, values: Mapping[Path, Value | None]) -> Value | None:
    """The value that the checkpoints store; None where none does."""
    known = {path: value for path, value in values.items() if value is not None}
    first = next(iter(known), None)
    if first is None:
        return None
    for path, value in known.items():
        if value != known[first]:
            raise TracInError(
                f"{first} stores {key} = {known[first]}, and {path} stores {value}. Score them in "
                f"runs of their own, or set one for both with --{key}."
            )
    return known[first]


def _as_flag(key: str, value: object) -> str:
    numbers = value if isinstance(value, tuple) else (value,)
    return f"--{key} {' '.join(f'{number:g}' for number in numbers)}"
