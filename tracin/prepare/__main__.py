"""Turn raw photos into train/ and test/ folders: python -m tracin.prepare.

In: class folders of images. Out: checked JPEGs in train/<class>/ and test/<class>/, and a table of
where each file went.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tracin.errors import TracInError
from tracin.flags import CROP_SIZE, new_parser, positive_int, run_command, seed, share, show
from tracin.image_folder import TEST, TRAIN
from tracin.machine.refusals import refusal
from tracin.wording import count, for_the_shell, listed

if TYPE_CHECKING:
    from tracin.prepare.run import PrepareResult

EXAMPLES = """\
examples:
  python -m tracin.prepare data/raw-img data/processed --english_names
  python -m tracin.prepare data/raw-img data/processed --keep_size --test_share 0.1

Checks the images, converts them to RGB JPEGs, keeps equal images on one side of the split and
reports those that look alike. After an interruption, the same command continues where it stopped.
Then run: python -m tracin.training
"""
CONTINUE = "Run the same command again to continue where it stopped."
"""What the user can do after an interruption or on a full disk."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of this command's flags."""
    parser = new_parser(EXAMPLES, prog="python -m tracin.prepare")
    folders = parser.add_argument_group("from where to where")
    folders.add_argument(
        "raw_dir", type=Path, metavar="RAW", help="folder whose subfolders are the classes"
    )
    folders.add_argument(
        "output_dir", type=Path, metavar="OUTPUT", help="new folder for train/ and test/"
    )
    images = parser.add_argument_group("images")
    images.add_argument(
        "--english_names",
        action="store_true",
        help="call Animals-10's classes dog, horse, … instead of cane, cavallo, …",
    )
    size = images.add_mutually_exclusive_group()
    size.add_argument(
        "--size",
        type=positive_int,
        default=CROP_SIZE,
        metavar="PIXELS",
        help="reduce the shorter side to this (default: %(default)s)",
    )
    size.add_argument("--keep_size", action="store_true", help="do not reduce images")
    split = parser.add_argument_group("split")
    split.add_argument(
        "--test_share",
        type=share,
        default=0.2,
        metavar="SHARE",
        help="of each class's images (default: %(default)s)",
    )
    split.add_argument("--seed", type=seed, default=0, help="(default: %(default)s)")
    machine = parser.add_argument_group("how it runs on this machine")
    machine.add_argument(
        "--workers",
        type=positive_int,
        metavar="N",
        help="processes that convert images (default: one for each core)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 after an error that the user can put right, or 130 after Ctrl-C."""
    arguments = build_parser().parse_args(argv)
    return run_command(
        "tracin.prepare",
        lambda: _run(arguments),
        interrupted=f"Interrupted. {CONTINUE}",
    )


def _run(arguments: argparse.Namespace) -> None:
    from tracin.prepare.run import PrepareConfig, prepare

    config = PrepareConfig(
        raw_dir=arguments.raw_dir,
        output_dir=arguments.output_dir,
        english_names=arguments.english_names,
        size=None if arguments.keep_size else arguments.size,
        test_share=arguments.test_share,
        seed=arguments.seed,
        workers=arguments.workers,
    )
    try:
        result = prepare(config, say=show)
    except OSError as error:
        # The disk is full, or the folder cannot be written.
        raise TracInError(f"{refusal(error)} {CONTINUE}") from error
    if result is None:
        show(f"{config.output_dir} is already prepared: nothing to do.")
    else:
        _report(result, config.output_dir)
    show(f"\nNext: python -m tracin.training --data_dir {for_the_shell(config.output_dir)}")


def _report(result: PrepareResult, folder: Path) -> None:
    from tracin.image_folder import NEAR_TABLE, SPLIT_TABLE, reasons_in_words

    show(
        f"\n{count(result.train_images, 'training image')} and "
        f"{count(result.test_images, 'test image')} in "
        f"{count(len(result.class_names), 'class')}: {listed(result.class_names)}.\n"
        f"  left out  {count(len(result.left_out), 'file')}"
    )
    for line in reasons_in_words(result.left_out):
        show(f"            {line}")
    groups = result.equal_across_classes
    more = "at least " if result.alike_cut else ""
    across = f"; {count(groups, 'group')} under more than one class" if groups else ""
    show(
        f"  equal     {count(result.equal_images, 'image')} with the same pixels as another, "
        f"on the same side of the split{across}\n"
        f"  alike     {more}{count(result.alike_pairs, 'pair')} of images that look alike, "
        f"{result.alike_across_split:,} across the split\n"
        f"  written   {folder / TRAIN}\n"
        f"            {folder / TEST}\n"
        f"            {folder / SPLIT_TABLE}\n"
        f"            {folder / NEAR_TABLE}"
    )


if __name__ == "__main__":
    sys.exit(main())
