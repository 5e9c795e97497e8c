"""What the script's parser checks of its flags, for arguments given in Python."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import get_args

from tracin.compute.config import RunConfig
from tracin.errors import TracInError
from tracin.flags import ClassWeights, Device, Method, Precision
from tracin.wording import listed, quotable

Checked = tuple[str, object, bool, str]
"""(argument, its value, whether that can be used, what it must be)"""


def check_arguments(config: RunConfig) -> None:
    """Check the values that the user gave.

    Raises:
        TracInError: one cannot be used.
    """
    for name, value, usable, needed in _checks(config):
        if not usable:
            raise TracInError(f"{name}={quotable(repr(value))} cannot be used: give {needed}.")


def check_class_names(names: Sequence[str]) -> None:
    """Check that classes can be told apart, and written into a list.

    Raises:
        TracInError: one cannot.
    """
    for name in names:
        written = name.isprintable() and name == name.strip() and name.casefold() != "nan"
        if not name or not written:
            raise TracInError(
                f"The class name {quotable(repr(name))} cannot be used: it is empty, nan, or holds "
                "spaces at its ends or characters that no one sees. Name the classes with "
                "class_names=."
            )
    if len(set(names)) < len(names):
        raise TracInError("Two classes have the same name. Tell them apart with class_names=.")


def _checks(config: RunConfig) -> Iterator[Checked]:
    for name, choices in (("method", Method), ("precision", Precision), ("device", Device)):
        yield _one_of(name, getattr(config, name), get_args(choices))
    if config.class_weights is not None:
        yield _one_of("class_weights", config.class_weights, get_args(ClassWeights))
    for name in ("top_k", "batch_size"):
        yield _whole(name, getattr(config, name), 1)
    for name in ("train_subset", "test_subset", "resize_size", "crop_size"):
        if getattr(config, name) is not None:
            yield _whole(name, getattr(config, name), 1)
    for name in ("max_suspects", "seed"):
        yield _whole(name, getattr(config, name), 0)
    if config.num_workers is not None:
        yield _whole("num_workers", config.num_workers, 0)
    for rate in config.learning_rates:
        yield "learning_rate", rate, 0 < rate < math.inf, "numbers above 0"
    yield "damping", config.damping, 0 < config.damping < math.inf, "a number above 0"
    smoothing = config.label_smoothing
    if smoothing is not None:
        yield "label_smoothing", smoothing, 0 <= smoothing < 1, "a number from 0 to below 1"
    if config.mean is not None:
        usable = len(config.mean) == 3 and all(0 <= each <= 1 for each in config.mean)
        yield "mean", config.mean, usable, "three numbers from 0 to 1"
    if config.std is not None:
        usable = len(config.std) == 3 and all(0 < each < math.inf for each in config.std)
        yield "std", config.std, usable, "three numbers above 0"


def _one_of(name: str, value: object, choices: Sequence[str]) -> Checked:
    return name, value, value in choices, f"one of {listed([repr(each) for each in choices])}"


def _whole(name: str, value: object, least: int) -> Checked:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= least
    return name, value, usable, f"a whole number of {least} or more"
