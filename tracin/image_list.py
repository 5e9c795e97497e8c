"""Lists of images: a CSV file with a path and a label in each row. No torch.

The columns are ``path,label``, or ``file_name,label`` as in the ``metadata.csv`` of a Hugging Face
image folder; whatever other columns there are is kept.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from tracin.csv_rows import SURPLUS, Row, read_csv_rows, refuse_rows
from tracin.errors import TracInError
from tracin.image_folder import LeftOut, SplitFiles, describe_left_out, why_not_so_called
from tracin.layout import ImageList
from tracin.places import file_below
from tracin.results.cells import as_it_was
from tracin.wording import first_few, noun_for, quotable

PATH_COLUMNS = ("path", "file_name")
"""The first of these that is there holds the paths."""
LABEL = "label"

LONGEST_LABEL = 255
"""Bytes: of a class folder's name on most disks."""

_NEEDS = f"A list of images needs the columns {PATH_COLUMNS[0]},{LABEL}"


@dataclass(frozen=True)
class ListedImage:
    """A row of a list."""

    path: str
    """Relative to the data folder, with forward slashes."""
    label: str
    cells: Row
    """All cells, as they stand in the file."""


@dataclass(frozen=True)
class ListTable:
    """What a list holds."""

    columns: tuple[str, ...]
    path_column: str
    images: tuple[ListedImage, ...]
    """In the list's order, each once."""
    again: tuple[LeftOut, ...]
    """Further rows of an image with the same label."""

    @property
    def other_columns(self) -> tuple[str, ...]:
        """The columns beside path and label."""
        return tuple(name for name in self.columns if name not in (self.path_column, LABEL))


def read_list(image_list: ImageList) -> ListTable:
    """The rows of a list; whether there are such images is not looked at.

    Raises:
        TracInError: the list cannot be read, or rows are wrong: the message names the first.
    """
    file = Path(image_list.file)
    try:
        columns, rows = read_csv_rows(file, _NEEDS)
    except FileNotFoundError:
        raise TracInError(f"The list {file} is not there. {_NEEDS}.") from None
    path_column = _path_column(columns, file)
    images: dict[str, ListedImage] = {}
    first_line: dict[str, int] = {}
    again: list[LeftOut] = []
    wrong: list[str] = []
    for line, cells in rows:
        name, label = as_it_was(cells[path_column]), as_it_was(cells[LABEL].strip())
        fault = f"it has {SURPLUS}" if SURPLUS in cells else _fault(name, label)
        path = _relative(image_list.below, name)
        before = images.get(path)
        if not fault and before is not None and before.label != label:
            fault = (
                f"{path} is labelled {quotable(label)}, and {quotable(before.label)} on line "
                f"{first_line[path]}"
            )
        if fault:
            wrong.append(f"line {line}: {fault}")
        elif before is not None:
            again.append(LeftOut(path, "listed more than once"))
        else:
            images[path], first_line[path] = ListedImage(path, label, cells), line
    refuse_rows(file, wrong)
    return ListTable(columns, path_column, tuple(images.values()), tuple(again))


def find_listed(image_list: ImageList, data_dir: Path) -> SplitFiles:
    """The images that a list names, in its order, and what of it is not used, with reasons.

    Raises:
        TracInError: see ``read_list``; or there is no folder ``data_dir``, or none of the images.
    """
    begin = data_dir / image_list.below
    if not data_dir.is_dir():
        raise TracInError(
            f"There is no folder {data_dir}, below which the images of {image_list.file} should "
            "be. Name theirs with --data_dir."
        )
    table = read_list(image_list)
    reasons = {each.path: _why_not_used(data_dir, each.path) for each in table.images}
    used = [each for each in table.images if not reasons[each.path]]
    missing = [LeftOut(path, why) for path, why in reasons.items() if why]
    left_out = tuple(sorted([*missing, *table.again], key=lambda each: each.path))
    if not used:
        parts = (
            f"{image_list.file} names no image that can be used. Its paths are taken to begin in "
            f"{begin}: name another folder with --data_dir.",
            describe_left_out(left_out),
        )
        raise TracInError(" ".join(part for part in parts if part))
    labels = tuple(each.label for each in used)
    images = tuple(each.path for each in used)
    return SplitFiles(image_list.file, images, labels, in_class_order(labels), left_out)


def in_class_order(labels: Iterable[str]) -> tuple[str, ...]:
    """The classes in the order of a model's outputs: numbers by value, as where they are the
    outputs' own, and names by their letters, as folders are.
    """
    names = set(labels)
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _path_column(columns: tuple[str, ...], file: Path) -> str:
    twice = [name for name, times in Counter(columns).items() if times > 1]
    if twice:
        raise TracInError(
            f"{file} has {first_few(twice)} as the name of more than one column. Rename all but "
            "one of each."
        )
    found = [name for name in PATH_COLUMNS if name in columns]
    if not found or LABEL not in columns:
        lacks = [*([] if found else [PATH_COLUMNS[0]]), *([] if LABEL in columns else [LABEL])]
        raise TracInError(
            f"{file} has no {noun_for(len(lacks), 'column')} {' and '.join(lacks)}. {_NEEDS} (or "
            f"{PATH_COLUMNS[1]},{LABEL}) in its first line, separated by commas."
        )
    return found[0]


def _fault(name: str, label: str) -> str:
    """What is wrong with a row on its own; "" where nothing is."""
    if "\0" in name or "\0" in label:
        return "it holds a character that no name can have"
    return _fault_of_path(name) or _fault_of_label(label)


def _fault_of_path(name: str) -> str:
    parts = PureWindowsPath(name)  # takes / and \ for separators, and knows drives
    if not name.strip():
        return "its path is empty"
    if parts.anchor:
        return f"{quotable(name)} is an absolute path: write it from --data_dir on"
    if ".." in parts.parts:
        return f"{quotable(name)} holds ..: begin all paths in one folder, named with --data_dir"
    return ""


def _fault_of_label(label: str) -> str:
    if not label:
        return "its label is empty"
    if label.casefold() == "nan":  # a class folder may be called so, a cell hardly is
        return f"its label is {label}, which is how programs write one that is missing"
    if len(label.encode()) > LONGEST_LABEL:
        return f"its label has more than {LONGEST_LABEL} bytes: {quotable(label)}"
    return ""


def _relative(below: str, name: str) -> str:
    """``name`` from the data folder on, written in one way."""
    return PurePosixPath(below, name.replace("\\", "/")).as_posix()


def _why_not_used(data_dir: Path, path: str) -> str:
    """Why there is no image ``path`` below ``data_dir``; "" where there is one."""
    if file_below(data_dir, path, links=True) is not None:  # links: in a person's own folder
        return why_not_so_called(path)
    full = data_dir / path
    try:
        if full.is_dir():
            return "a folder, no image"
        return "no regular file" if os.path.lexists(full) and full.exists() else "not there"
    except OSError:  # a name that the file system does not allow
        return "not there"
