"""actions.csv: what a person decided about images, read and checked.

The review page exports it, and any editor can write it: ``train_path,action,new_class``. The first
column has its name from the time when only training images could be decided; the path says of which
split an image is.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tracin.errors import TracInError
from tracin.places import check_regular
from tracin.results.cells import as_it_was
from tracin.results.schema import REPORT
from tracin.wording import count, first_few, listed, noun_for, quotable, remaining

COLUMNS = ("train_path", "action", "new_class")
PATH = COLUMNS[0]

KEEP = "keep"
RELABEL = "relabel"
DELETE = "delete"
VERBS = (KEEP, RELABEL, DELETE)

ROWS_SHOWN = 10
"""Of those that are wrong."""

_SURPLUS = "more cells than the first line"


@dataclass(frozen=True)
class Action:
    """A decision about one image."""

    path: str
    """Relative to the data folder, with forward slashes."""
    verb: str
    """One of ``VERBS``."""
    new_class: str
    """For relabel; otherwise empty."""
    line: int
    """Line of the file, counted from 1 with the header."""


def read_actions(
    path: Path, images: Collection[str], class_names: Collection[str], of: str = "the data folder"
) -> tuple[Action, ...]:
    """The actions in ``path``, in its order.

    Args:
        path: the CSV file.
        images: every image that may be decided, ``split/class/…/name``.
        class_names: the classes of the training split.
        of: whose images these are, as ``the data folder``.

    Raises:
        TracInError: the file cannot be read, or rows are wrong: the message names the first.
    """
    known, classes = frozenset(images), frozenset(class_names)
    actions: list[Action] = []
    first_line: dict[str, int] = {}
    wrong: list[str] = []
    for line, row in _rows(path):
        # Cells that the review page or a spreadsheet made neutral, as in the results.
        image, verb, new_class = (as_it_was(row[name]) for name in COLUMNS)
        action = Action(image, verb, new_class, line)
        actions.append(action)
        if _SURPLUS in row:
            fault = f"it has {_SURPLUS}"
        elif action.path and action.path not in known:
            fault = f"{quotable(action.path)} is not an image of {of}"
        else:
            fault = _fault(action, classes)
        if not fault and action.path in first_line:
            fault = f"{action.path} is already on line {first_line[action.path]}"
        first_line.setdefault(action.path, action.line)
        if fault:
            wrong.append(f"line {action.line}: {fault}")
    if wrong:
        rows = f"{count(len(wrong), 'row')} {'is' if len(wrong) == 1 else 'are'}"
        if more := remaining(len(wrong), ROWS_SHOWN):
            wrong[ROWS_SHOWN:] = [more]
        raise TracInError(
            f"{path}: {rows} wrong, so nothing was done. Please correct:\n  " + "\n  ".join(wrong)
        )
    return tuple(actions)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line, cells) of each row that is not empty."""
    header = ",".join(COLUMNS)
    try:
        check_regular(path)
        # utf-8-sig: Excel begins its files with a byte-order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey=_SURPLUS, restval="", strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            rows = [] if missing else [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise TracInError(
            f"{path} is not there. Export it from {REPORT}, or write a CSV file with the columns "
            f"{header}."
        ) from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise TracInError(
            f"{path} is not a readable CSV file in UTF-8 ({error}). It needs the columns {header}."
        ) from error
    if missing:
        raise TracInError(
            f"{path} has no {noun_for(len(missing), 'column')} {listed(missing)}. Its first line "
            f"must be {header}, separated by commas."
        )
    return [(line, row) for line, row in rows if any(row.values())]


def _fault(action: Action, classes: frozenset[str]) -> str:
    """What is wrong with ``action`` on its own; empty when nothing is."""
    if not action.path:
        return f"{PATH} is empty"
    if action.verb not in VERBS:
        return f"action {quotable(repr(action.verb))} is not one of {listed(VERBS)}"
    if action.verb == RELABEL:
        return _fault_of_class(action, classes)
    if action.new_class:
        given = quotable(repr(action.new_class))
        return f"new_class {given} goes with relabel, not with {action.verb}"
    return ""


def _fault_of_class(action: Action, classes: frozenset[str]) -> str:
    if not action.new_class:
        return "relabel needs a new_class"
    if action.new_class not in classes:
        shown = first_few(sorted(classes), limit=20)
        return f"new_class {quotable(repr(action.new_class))} is not one of the classes {shown}"
    if action.path.split("/")[1] == action.new_class:
        return f"{action.path} is already labelled {action.new_class}: write keep"
    return ""
