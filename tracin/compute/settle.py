"""What the flags leave open is settled by what the checkpoints store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from tracin.architectures import Architecture, find_name, outline, title
from tracin.compute.check.shown import as_flags
from tracin.compute.config import RunConfig
from tracin.compute.model.network import FEATURE_WIDTH
from tracin.compute.model.recognition import recognise
from tracin.compute.model.stored import (
    COLOUR_KEYS,
    INTERPOLATION_KEY,
    SIZE_KEYS,
    Stored,
    json_beside,
    stored_colour,
    stored_epoch,
    stored_interpolation,
    stored_size,
)
from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE, Interpolation
from tracin.images import Crop, Normalization, Preprocessing
from tracin.pretrained import usual_preprocessing
from tracin.weights import Outline, read_outline
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
    """How the checkpoints say that images were shown in training, or how they usually are to this
    architecture, where flags say otherwise."""
    architecture: str
    """In full; "" where none is recognised, which whoever loads a checkpoint explains."""
    feature_width: int
    """About how many numbers are kept of an image."""
    inputs_prepared: bool = False
    """Whether something else shows the images, and ``preprocessing`` is for the record alone."""
    notices: tuple[str, ...] = ()
    """What the user should know of it, a sentence each."""


def settle(config: RunConfig) -> Settled:
    """Settle the order of the checkpoints and the preprocessing of a run.

    Raises:
        TracInError: a checkpoint is missing or damaged, stores what cannot be used, or contradicts
            another one.
    """
    rates = rates_of_flag(config)
    outlines: dict[Path, Outline] = {}
    for path in config.model_paths:
        check_there(path)
        outlines[path] = read_outline(path)
    stored = {path: stored_beside(path, outline) for path, outline in outlines.items()}
    architecture = _architecture(config, outlines, stored)
    usual = Preprocessing()
    if architecture:
        usual = usual_preprocessing(architecture.name, architecture.side)
    order = _order_of_training(config.model_paths, stored)
    paths = tuple(config.model_paths[position] for position in order)
    shown = how_shown(config, stored, usual)
    notices = []
    if architecture and architecture.name != DEFAULT_ARCHITECTURE:
        notices.append(_says(architecture, config, shown))
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
    otherwise = shown.overruled or usual != Preprocessing()
    return Settled(
        model_paths=paths,
        rates=tuple(rates[position] for position in order),
        preprocessing=shown.preprocessing,
        as_stored=_as_stored(config, stored, usual) if otherwise else None,
        architecture=architecture.name if architecture else "",
        feature_width=architecture.width if architecture else FEATURE_WIDTH,
        notices=tuple(notices),
    )


def stored_beside(path: Path, outline: Outline) -> Stored:
    """What a checkpoint stores beside its weights, in the file and in a JSON file of its name."""
    return {**json_beside(path), **outline.extras}


def _architecture(
    config: RunConfig, outlines: Mapping[Path, Outline], stored: Mapping[Path, Stored]
) -> Architecture | None:
    """The one that the flag names, or that all checkpoints have; None where one has none we know.

    Raises:
        TracInError: the flag names none, a checkpoint fits several, or two have not the same.
    """
    if config.architecture:
        return outline(find_name(config.architecture), outlines[config.model_paths[-1]].shapes)
    found = {path: recognise(of.shapes, stored[path], path) for path, of in outlines.items()}
    (first, architecture), *others = found.items()
    for path, other in others:
        if architecture is None or other is None:
            return None
        if other.name != architecture.name:
            raise TracInError(
                f"{first} is a {title(architecture.name)}, and {path} a {title(other.name)}. "
                "Score them in runs of their own."
            )
    return architecture


def _says(architecture: Architecture, config: RunConfig, shown: Shown) -> str:
    named = "as --architecture says" if config.architecture else "as its weights tell"
    ways = as_flags(shown.preprocessing, Preprocessing())
    more = f"; images are shown to it with {ways}" if ways != " ".join(shown.taken) else ""
    return f"The model is a {title(architecture.name)}, {named}{more}."


def rates_of_flag(config: RunConfig) -> tuple[float | None, ...]:
    """One learning rate per checkpoint, None where the flag was not given.

    Raises:
        TracInError: there are neither one nor as many as checkpoints.
    """
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
class Shown:
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


def how_shown(config: RunConfig, stored: Mapping[Path, Stored], usual: Preprocessing) -> Shown:
    """How images are shown: what the flags say, else what the checkpoints store, else the usual.

    Raises:
        TracInError: checkpoints store what cannot be used, or not the same.
    """
    resize, cut = (_choose(key, stored_size, config, stored) for key in SIZE_KEYS)
    mean, std = (_choose(key, stored_colour, config, stored) for key in COLOUR_KEYS)
    between: _Choice[Interpolation] = _choose(
        INTERPOLATION_KEY, stored_interpolation, config, stored
    )
    # With one size alone, the other must let the crop lie inside the image.
    side = cut.value or min(usual.crop.crop_size, resize.value or usual.crop.crop_size)
    resized = resize.value or max(usual.crop.resize_size, side)
    if side > resized and config.crop_size is None:
        side = resized
    elif side > resized and config.resize_size is None:
        resized = side
    crop = Crop(
        resized,
        side,
        config.resize_mode or usual.crop.resize_mode,
        between.value or usual.crop.interpolation,
    )
    normalization = Normalization(
        mean.value or usual.normalization.mean, std.value or usual.normalization.std
    )
    choices: tuple[_Choice[Any], ...] = (resize, cut, between, mean, std)
    return Shown(
        Preprocessing(crop, normalization),
        tuple(flag for choice in choices for flag in choice.taken),
        tuple(flag for choice in choices for flag in choice.overruled),
    )


def _as_stored(
    config: RunConfig, stored: Mapping[Path, Stored], usual: Preprocessing
) -> Preprocessing | None:
    """How images were shown in training, as far as the checkpoints agree on it."""
    flags: dict[str, Any] = dict.fromkeys((*SIZE_KEYS, *COLOUR_KEYS, INTERPOLATION_KEY))
    try:
        return how_shown(replace(config, **flags), stored, usual).preprocessing
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
    parts = value if isinstance(value, tuple) else (value,)
    words = (part if isinstance(part, str) else f"{part:g}" for part in parts)
    return f"--{key} {' '.join(words)}"
