"""What the command lines have in common: choices, numbers checked as they are read, shared flags,
and how a command ends.

Imports nothing that imports more than the standard library, so that ``--help`` answers at once,
whatever is not installed.
"""

from __future__ import annotations

import math
import os
import shlex
import sys
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
    _ArgumentGroup,
)
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from tracin.errors import TracInError
from tracin.machine.refusals import refusal
from tracin.machine.streams import speaking
from tracin.version import __version__
from tracin.wording import visible

Method = Literal["tracin", "gauss_newton"]
Precision = Literal["float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda", "mps"]
ClassWeights = Literal["none", "balanced"]
HeadActivation = Literal["leaky_relu", "relu", "gelu", "silu", "tanh", "none"]
OnError = Literal["stop", "skip"]
RankBy = Literal["normalized", "raw"]
ResizeMode = Literal["shorter", "square"]
Interpolation = Literal["bilinear", "bicubic", "lanczos", "nearest"]

DEFAULT_ARCHITECTURE = "resnet50"
"""The front door: what a checkpoint is compared with first, what is trained where nobody says
otherwise."""

RESIZE_SIZE, CROP_SIZE = 256, 224
"""Pixels: how ResNet50 is shown an image where nobody says otherwise."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""By colour channel, of values from 0 to 1."""

PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "seaborn": "seaborn",
    "jinja2": "jinja2",
    "tqdm": "tqdm",
    "PIL": "pillow",
    "safetensors": "safetensors",
    "orjson": "orjson",
    "sklearn": "scikit-learn",
}
"""What requirements.txt installs: the name that is imported → the name for pip."""

MOST = 2**31 - 1
"""The largest number that is taken where something is counted: what none of the libraries below
refuses."""

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
"""Only beside the scripts: an installed package comes without it."""


def positive_int(text: str) -> int:
    """A whole number from 1 to ``MOST``."""
    return _whole(text, 1, MOST)


def natural_int(text: str) -> int:
    """A whole number from 0 to ``MOST``."""
    return _whole(text, 0, MOST)


def seed(text: str) -> int:
    """A whole number from 0 that every random generator takes."""
    return _whole(text, 0, 2**63 - 1)


def _whole(text: str, smallest: int, largest: int) -> int:
    value = int(text)
    if value < smallest:
        raise ArgumentTypeError(
            f"{text} is " + (f"not at least {smallest}" if smallest else "below 0")
        )
    if value > largest:
        raise ArgumentTypeError(f"{text} is more than {largest:,}")
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


def colour(key: str) -> Callable[[str], float]:
    """A check of what can be the mean or the std (``key``) of pixels between 0 and 1."""

    def number(text: str) -> float:
        value = float(text)
        if not (is_std(value) if key == "std" else is_mean(value)):
            limits = "above 0 and at most 1" if key == "std" else "between 0 and 1, as pixels are"
            raise ArgumentTypeError(f"{text} is not {limits}")
        return value

    return number


def is_mean(value: float) -> bool:
    """Whether pixels between 0 and 1 can have this mean."""
    return 0 <= value <= 1


def is_std(value: float) -> bool:
    """Whether they can be divided by this."""
    return 0 < value <= 1


class _Parser(ArgumentParser):
    """Says what it has to say on any standard output, or ends with a sentence."""

    def _print_message(self, message: str, file: object = None) -> None:
        to_output = file is sys.stdout
        if not message:
            return
        # The streams are others by the time of printing.
        status = run_command(
            self.prog,
            lambda: print(message, end="", file=sys.stdout if to_output else sys.stderr),
            interrupted="",
        )
        if status:
            sys.exit(status)


def new_parser(description: str, prog: str | None = None) -> ArgumentParser:
    """A parser with ``--version``, whose help keeps the lines of ``description``.

    Args:
        description: the head of the help.
        prog: what the user types; the script's name where None.
    """
    parser = _Parser(
        prog=prog, description=description, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"tracin {__version__}")
    return parser


def add_machine_flags(parser: ArgumentParser, *, device: str, batch_size: str) -> _ArgumentGroup:
    """Add the flags about the machine; return their group, to which a script adds its own.

    Args:
        parser: gets the group.
        device: what "auto" does here, for the help.
        batch_size: what the number counts here, for the help.
    """
    group = parser.add_argument_group("how it runs on this machine")
    group.add_argument(
        "--device",
        choices=get_args(Device),
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


def add_crop_flags(
    group: _ArgumentGroup, *, resize_size: str, crop_size: str, otherwise: str
) -> None:
    """Add the flags of how large an image is shown.

    Args:
        group: gets the flags.
        resize_size: what the first number does here, for the help.
        crop_size: what the second number does here, for the help.
        otherwise: what a flag that is not given (None) stands for, before ResNet50's, for the help.
    """
    for flag, default, text in (
        ("--resize_size", RESIZE_SIZE, resize_size),
        ("--crop_size", CROP_SIZE, crop_size),
    ):
        group.add_argument(
            flag,
            type=positive_int,
            metavar="PIXELS",
            help=f"{text} (default: {otherwise}{default} for a ResNet50)",
        )


def show(text: str, *, error: bool = False) -> None:
    """Print ``text`` on stdout, or on stderr; no name in it can do anything to the terminal."""
    print(visible(text), file=sys.stderr if error else sys.stdout)


def run_command(name: str, act: Callable[[], None], *, interrupted: str) -> int:
    """Call ``act``; return the exit status: 0, that of an error that the user can put right, 130
    after Ctrl-C. Errors are one line on stderr.

    The net for whatever a machine refuses (a file, memory, standard output) is here; whoever knows
    more about it says more, in a ``TracInError``.

    Args:
        name: of the command, before its error.
        act: what the command does, its imports of large libraries included.
        interrupted: the sentence for the user after Ctrl-C.
    """
    # Read when torch is loaded. Without it torch's threads wait for each other by spinning, and one
    # other busy program on two cores made a run three times as long, a step of training seven times
    # (measured).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with speaking():
        try:
            _refuse_odd_words()
            act()
            sys.stdout.flush()
        except KeyboardInterrupt:
            print(f"\n{interrupted}", file=sys.stderr)
            return 130
        except Exception as error:
            sentence = _sentence(error)
            if sentence is None:
                raise  # a fault of ours, or of a library that is there and broken
            show(f"{name}: {sentence}", error=True)
            return error.status if isinstance(error, TracInError) else 1
    return 0


def _refuse_odd_words() -> None:
    """Raise TracInError where a word of the command line is no UTF-8: no table could hold it."""
    for word in sys.argv:
        if not _is_utf8(word):
            raise TracInError(f"The name {word} is not in UTF-8. Rename the file or folder.")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sentence(error: Exception) -> str | None:
    """What is said of ``error``; None: nothing that the user can put right."""
    if isinstance(error, TracInError):
        return str(error)
    if isinstance(error, ImportError):
        package = _missing_package(error)
        return None if package is None else _not_installed(package)
    return refusal(error)


def _missing_package(error: ImportError) -> str | None:
    """What pip calls the package whose lack is the reason for ``error``; None: another reason."""
    reason = error.__cause__ or error  # pandas says in its own words that numpy is missing
    if not isinstance(reason, ModuleNotFoundError) or reason.name is None:
        return None
    return PACKAGES.get(reason.name)


def _not_installed(package: str) -> str:
    install = f"pip install {package}"
    if REQUIREMENTS.is_file():
        here = REQUIREMENTS.parent == Path.cwd()
        install = f"pip install -r {REQUIREMENTS.name if here else shlex.quote(str(REQUIREMENTS))}"
    return f"{package} is not installed. Install what the tool needs with: {install}"
