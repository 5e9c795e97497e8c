"""What the command lines have in common: numbers checked as they are read, the machine's flags."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError, _ArgumentGroup
from typing import Literal

Method = Literal["tracin", "gauss_newton"]
Precision = Literal["float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda", "mps"]
ClassWeights = Literal["none", "balanced"]
HeadActivation = Literal["leaky_relu", "relu", "gelu", "silu", "tanh"]
OnError = Literal["stop", "skip"]
RankBy = Literal["normalized", "raw"]


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise ArgumentTypeError(f"{text} is not at least 1")
    return value


def natural_int(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise ArgumentTypeError(f"{text} is below 0")
    return value


def positive_float(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"{text} is not above 0")
    return value


def share(text: str) -> float:
    """A number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def add_machine_flags(parser: ArgumentParser, *, device: str, batch_size: str) -> _ArgumentGroup:
    """The group of flags about the machine, to which a script adds its own.

    Args:
        parser: gets the group.
        device: what "auto" does here, for the help.
        batch_size: what the number counts here, for the help.
    """
    group = parser.add_argument_group("how it runs on this machine")
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help=f"{device} (default: %(default)s)",
    )
    group.add_argument(
        "--batch_size",
        type=positive_int,
        default=32,
        metavar="N",
        help=f"{batch_size} (default: %(default)s)",
    )
    group.add_argument(
        "--num_workers",
        type=natural_int,
        metavar="N",
        help="processes that read images (default: chosen for this machine)",
    )
    return group
