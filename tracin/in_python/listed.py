"""A data set → a list of image files, such as the flags ``--train_list`` and ``--test_list`` name.

So a run from Python has files like any other: the page shows them, and ``--apply`` corrects the
lists.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from tracin.errors import TracInError
from tracin.image_list import LABEL, PATH_COLUMNS
from tracin.in_python.arguments import check_class_names
from tracin.in_python.data_set import (
    check_map_style,
    classes_of,
    files_of,
    first_item,
    items,
    normalization_of,
    shows_its_files,
)
from tracin.in_python.pictures import as_png_can, picture_of, write_picture
from tracin.results.cells import write_csv
from tracin.temporary import replacing
from tracin.wording import count


@dataclass(frozen=True)
class ListedSide:
    """The images of one side, training or test, in the data set's order."""

    data_set: Any
    side: str
    files: tuple[Path, ...]
    """Absolute."""
    labels: tuple[str, ...]
    numbers: tuple[int, ...]
    """In the data set."""
    unusable: tuple[str, ...]
    """What is wrong with the items that are left out."""
    example: Tensor | None
    """(c, h, w), float32: an input, where the data set prepares them; else its images are pictures
    and this program does."""
    classes: tuple[str, ...]
    """Names of the classes in the order of their numbers; () where nobody tells."""
    own_files: bool
    """Whether the images had files already."""

    @property
    def stretched(self) -> bool:
        """Whether pictures were made of inputs of which nobody tells how they were normalised, and
        of which the first shows that they were.
        """
        if self.example is None or self.own_files or normalization_of(self.data_set) is not None:
            return False
        return bool(self.example.min() < 0 or self.example.max() > 1)


def list_side(
    data_set: Any,
    side: str,
    folder: Path,
    class_names: Sequence[str],
    otherwise: Sequence[str] = (),
    *,
    skip: bool = False,
) -> ListedSide:
    """The images of ``data_set``; those without a file get one in ``folder``.

    Args:
        data_set: map-style, of (image, label).
        side: ``train`` or ``test``, for messages.
        folder: for pictures.
        class_names: in the order of the classes' numbers; () where the data set says.
        otherwise: those where it does not.
        skip: whether items that cannot be used are left out.

    Raises:
        TracInError: it is no such data set, or an item of it cannot be used.
    """
    check_map_style(data_set, side)
    image, _ = first_item(data_set, side)
    classes = tuple(class_names) or classes_of(data_set) or tuple(otherwise)
    check_class_names(classes)
    known = files_of(data_set)
    if not isinstance(image, Tensor) and not shows_its_files(data_set):
        known = None  # its pictures are others than its files
    unusable: list[str] = []
    if known is not None:
        pairs: list[tuple[Path, int | str]] = [*known]
        numbers = list(range(len(known)))
    else:
        drawn = [*_drawn(data_set, side, folder, unusable if skip else None)]
        pairs, numbers = [(file, label) for _, file, label in drawn], [each[0] for each in drawn]
    if not pairs:
        raise TracInError(
            f"No item of the data set {side} can be used; of the first: {unusable[0]}."
        )
    labels = tuple(_name(label, classes, side) for _, label in pairs)
    check_class_names(sorted(set(labels)))
    return ListedSide(
        data_set=data_set,
        side=side,
        files=tuple(_absolute(file) for file, _ in pairs),
        labels=labels,
        numbers=tuple(numbers),
        unusable=tuple(unusable),
        example=image if isinstance(image, Tensor) else None,
        classes=classes,
        own_files=known is not None,
    )


def _absolute(file: Path) -> Path:
    # Only where it must be: a link's own name is the one that the user knows.
    return file.resolve() if ".." in file.parts else file.absolute()


def _drawn(
    data_set: Any, side: str, folder: Path, unusable: list[str] | None
) -> Iterator[tuple[int, Path, int | str]]:
    """(number, file, class) of each image, written into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    colours = normalization_of(data_set)
    bar = tqdm(
        items(data_set, side, unusable),
        total=len(data_set),
        desc=f"Writing pictures of the {side} images",
        unit="img",
        disable=None,
    )
    for number, (image, label) in bar:
        drawn = as_png_can(image) if isinstance(image, Image.Image) else picture_of(image, colours)
        yield number, write_picture(drawn, folder, number), label


def _name(label: int | str, classes: Sequence[str], side: str) -> str:
    if isinstance(label, str) or not classes:
        return str(label)
    if 0 <= label < len(classes):
        return classes[label]
    raise TracInError(
        f"The data set {side} has the label {label}, and there are {count(len(classes), 'class')}, "
        "numbered from 0. Name all of them with class_names=."
    )


def common_folder(sides: Sequence[ListedSide]) -> Path:
    """The innermost folder that holds all files.

    Raises:
        TracInError: they are on several drives.
    """
    folders = {str(file.parent) for side in sides for file in side.files}
    try:
        return Path(os.path.commonpath(sorted(folders)))
    except ValueError as error:
        raise TracInError(
            "The images are on several drives and have no folder in common. Copy them to one."
        ) from error


def write_list(side: ListedSide, data_dir: Path, folder: Path) -> Path:
    """Write the list of one side into ``folder``; return its file.

    Its name tells its content: what an earlier run refers to stays as it was.
    """
    paths = [file.relative_to(data_dir).as_posix() for file in side.files]
    digest = hashlib.sha256(repr((paths, side.labels)).encode("utf-8", "surrogateescape"))
    file = folder / f"{side.side}-{digest.hexdigest()[:8]}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(file) as temporary:
        write_csv(pd.DataFrame({PATH_COLUMNS[0]: paths, LABEL: side.labels}), temporary)
    return file
