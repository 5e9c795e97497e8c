"""Images a second of every way to the scores, side by side: the bare pass, ours, Captum, autograd.

    python -m benchmarks.throughput                     300 training × 60 test images
    python -m benchmarks.throughput --only a,b --markdown
    python -m benchmarks.throughput --full 26117        the command alone, on so many photos

a  the bare forward pass of our backbone, pixels in memory
g  the same with the images decoded beside it on the same cores: the limit
b  the whole command TracIn_Resnet50.py, into an empty folder
c  the same command again: features kept
d  Captum TracInCPFast     e  Captum TracInCP     f  autograd, an image at a time

docs/benchmarks.md says what is counted. Data and checkpoint are made in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from tracin.flags import add_machine_flags, positive_int

if TYPE_CHECKING:
    from benchmarks.contestants import Case, Timing
    from benchmarks.throughput_report import Timings

PRECISIONS = ("float32", "bfloat16")
LETTERS = "agbcdef"
OURS = "agbc"
"""The ways that run in each precision; the others know float32 alone."""


def main() -> None:
    """Print the tables."""
    parser = _parser()
    arguments = parser.parse_args()
    # Read when torch is loaded, as in the command itself: its threads must not wait by spinning.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from benchmarks import throughput_report as report
    from tracin.machine.device import choose_device

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(report.machine(choose_device(arguments.device)), flush=True)
        if arguments.full:
            timing = _full_run(arguments, folder)
            print(report.full_table(timing, arguments.full, markdown=arguments.markdown))
            return
        case = _case(arguments, folder)
        timings = _measure(case, arguments.only, arguments.rounds, folder)
    images = arguments.train + arguments.test
    print(f"{arguments.train} training × {arguments.test} test images of 224 pixels\n")
    print(report.tables(timings, images, markdown=arguments.markdown))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for split, count in (("train", 300), ("test", 60)):
        parser.add_argument(
            f"--{split}",
            type=_tens,
            default=count,
            metavar="N",
            help=f"{split} images, a multiple of ten (default: %(default)s)",
        )
    parser.add_argument(
        "--only",
        type=_letters,
        default=",".join(LETTERS),
        metavar="a,b,...",
        help="these ways; c brings b with it (default: all)",
    )
    parser.add_argument(
        "--rounds",
        type=positive_int,
        default=1,
        metavar="N",
        help="times that each is measured, in turns; the fastest counts (default: %(default)s)",
    )
    parser.add_argument(
        "--full",
        type=_enough_photos,
        metavar="N",
        help="time the command alone, in bfloat16, on N photos of 224 to 500 pixels a side",
    )
    parser.add_argument("--markdown", action="store_true", help="tables for docs/benchmarks.md")
    add_machine_flags(parser, device="auto takes the GPU where there is one", batch_size="images")
    return parser


def _tens(text: str) -> int:
    value = positive_int(text)
    if value % 10:
        raise ArgumentTypeError(f"{text} is no multiple of ten: there are ten classes")
    return value


def _enough_photos(text: str) -> int:
    from benchmarks.photo_set import SMALLEST

    value = int(text)
    if value < SMALLEST:
        raise ArgumentTypeError(f"{text} is below {SMALLEST}: each class needs a test image")
    return value


def _letters(text: str) -> str:
    chosen = set(text.split(","))
    if unknown := chosen - set(LETTERS):
        raise ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {','.join(LETTERS)}")
    if "c" in chosen:
        chosen.add("b")
    return "".join(letter for letter in LETTERS if letter in chosen)


def _case(arguments: argparse.Namespace, folder: Path, *, photos: int = 0) -> Case:
    """Images and a checkpoint in the user's form, made in ``folder``, and the machine's flags."""
    import torch

    from benchmarks.contestants import Case
    from benchmarks.photo_set import write_photo_set
    from tests.real_data import CLASS_NAMES, animals_resnet50, write_image_tree
    from tracin.machine.device import choose_device, default_workers

    data_dir, checkpoint = folder / "data", folder / "animals10.pth"
    if photos:
        write_photo_set(data_dir, photos)
    else:
        train, test = (count // len(CLASS_NAMES) for count in (arguments.train, arguments.test))
        write_image_tree(data_dir, train_per_class=train, test_per_class=test, size=224)
    state = animals_resnet50(len(CLASS_NAMES)).state_dict()
    torch.save({f"model.{key}": value for key, value in state.items()}, checkpoint)
    device = choose_device(arguments.device)
    workers = arguments.num_workers
    if workers is None:
        workers = default_workers(device)
    return Case(data_dir, checkpoint, device, arguments.batch_size, workers)


def _measure(case: Case, letters: str, rounds: int, folder: Path) -> Timings:
    """The fastest timing of each way in each precision that it has."""
    fastest: Timings = {}
    for number in range(rounds):
        for letter in letters:
            for precision in PRECISIONS if letter in OURS else PRECISIONS[:1]:
                results = folder / f"results_{precision}_{number}"
                timing = _time(case, letter, precision, results)
                print(f"{letter} {precision}: {timing.seconds:.1f} s", file=sys.stderr, flush=True)
                before = fastest.setdefault((letter, precision), timing)
                if timing.seconds < before.seconds:
                    fastest[letter, precision] = timing
    return fastest


def _time(case: Case, letter: str, precision: str, results: Path) -> Timing:
    from benchmarks import contestants

    match letter:
        case "a":
            return contestants.bare_forward(case, precision)
        case "g":
            return contestants.decoded_forward(case, precision)
        case "b" | "c":  # c finds the features that b left in the folder
            return contestants.command(case, precision, results, kept=letter == "c")
        case "d":
            return contestants.captum_fast(case)
        case "e":
            return contestants.captum_cp(case)
    return contestants.autograd(case)


def _full_run(arguments: argparse.Namespace, folder: Path) -> Timing:
    from benchmarks.contestants import command

    case = _case(arguments, folder, photos=arguments.full)
    return command(case, "bfloat16", folder / "results", kept=False)


if __name__ == "__main__":
    main()
