"""The flags that say where images are and which of them are training and which test images.

Imports nothing that imports more than the standard library, as ``tracin/flags.py``.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Sequence
from pathlib import Path

from tracin import flags
from tracin.layout import DEFAULT_DATA_DIR, TREE, ImageList, Layout
from tracin.wording import for_the_shell


def add_data_flags(group: _ArgumentGroup, *, data_dir: str, test_list: bool) -> None:
    """Add the flags of the images, of which ``data_and_layout`` makes the layout.

    Args:
        group: gets the flags.
        data_dir: what stands in that folder, for the help.
        test_list: whether the command reads test images.
    """
    group.add_argument(
        "--data_dir",
        type=Path,
        default=DEFAULT_DATA_DIR,
        metavar="FOLDER",
        help=f"{data_dir}; with lists: where their paths begin (default: %(default)s; of a list, "
        "its own folder)",
    )
    group.add_argument(
        "--train_list",
        type=Path,
        metavar="CSV",
        help="training images: columns path,label or file_name,label",
    )
    if test_list:
        group.add_argument("--test_list", type=Path, metavar="CSV", help="test images, likewise")
    group.add_argument(
        "--test_share",
        type=_some_share,
        metavar="SHARE",
        help="where no test images are told apart: so large a part of each class is held back, "
        "drawn by --seed",
    )
    group.set_defaults(layout=TREE)


def _some_share(text: str) -> float:
    value = flags.share(text)
    return value if value else flags.positive_float(text)


def data_and_layout(parser: ArgumentParser, arguments: Namespace) -> tuple[Path, Layout]:
    """(data folder, layout) that the flags ask for; flags that do not go together end the program.

    Without ``--data_dir``, the data folder of lists is the innermost that holds them all.
    """
    train, test = arguments.train_list, getattr(arguments, "test_list", None)
    if test is not None and train is None:
        parser.error("--test_list goes with --train_list")
    if test is not None and arguments.test_share is not None:
        parser.error("--test_list and --test_share both say which are the test images: give one")
    if hasattr(arguments, "test_list") and train and not test and arguments.test_share is None:
        parser.error("--train_list goes with --test_list, or with --test_share")
    files = [Path(os.path.normpath(each.absolute())) for each in (train, test) if each is not None]
    # The default is one object, and whatever is given another, even of the same value.
    if arguments.data_dir is not parser.get_default("data_dir") or not files:
        data_dir, lists = arguments.data_dir, [ImageList(str(file)) for file in files]
    else:
        data_dir = _around(parser, files)
        lists = [ImageList(str(file), _below(file, data_dir)) for file in files]
    train_list, test_list = [*lists, None, None][:2]
    return data_dir, Layout(train_list, test_list, arguments.test_share, arguments.seed)


def _around(parser: ArgumentParser, files: Sequence[Path]) -> Path:
    """The innermost folder that holds all ``files``."""
    try:
        folder = Path(os.path.commonpath([file.parent for file in files]))
    except ValueError:  # on two drives of Windows
        folder = Path(files[0].anchor)
    if folder == Path(folder.anchor) and any(file.parent != folder for file in files):
        parser.error("the lists have no folder in common: name that of the images with --data_dir")
    return folder


def _below(file: Path, folder: Path) -> str:
    inside = file.parent.relative_to(folder).as_posix()
    return "" if inside == "." else inside


def flags_of_training(data_dir: Path, layout: Layout) -> list[str]:
    """The flags, quoted for the shell, that score what was trained on these images; in place of a
    test list, which training does not know, a word.
    """
    words = []
    if layout.train_list is None or Path(layout.train_list.file).parent != data_dir:
        words += ["--data_dir", for_the_shell(data_dir)]
    if layout.train_list is not None:
        words += ["--train_list", for_the_shell(layout.train_list.file)]
    if layout.test_share is not None:
        return [*words, "--test_share", f"{layout.test_share:g}", "--seed", str(layout.seed)]
    return [*words, *(["--test_list", "TEST.csv"] if layout.has_lists else [])]
