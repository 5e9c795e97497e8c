"""actions.csv: what a person decided about images, read and checked.

The review page exports it, and any editor can write it: ``train_path,action,new_class``. The first
column has its name from the time when only training images could be decided; the path says which
image is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tracin.csv_rows import SURPLUS, Row, read_csv_rows, refuse_rows
from tracin.errors import TracInError
from tracin.results.cells import as_it_was
from tracin.results.schema import REPORT
from tracin.wording import first_few, listed, noun_for, quotable

COLUMNS = ("train_path", "action", "new_class")
PATH = COLUMNS[0]

KEEP = "keep"
RELABEL = "relabel"
DELETE = "delete"
VERBS = (KEEP, RELABEL, DELETE)

_NEEDS = f"It needs the columns {','.join(COLUMNS)}"


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
    path: Path,
    label_of: Mapping[str, str],
    class_names: Collection[str],
    of: str = "the data folder",
) -> tuple[Action, ...]:
    """The actions in ``path``, in its order.

    Args:
        path: the CSV file.
        label_of: the class of every image that may be decided, by its path.
        class_names: the classes of the training images.
        of: whose images these are, as ``the data folder``.

    Raises:
        TracInError: the file cannot be read, or rows are wrong: the message names the first.
    """
    classes = frozenset(class_names)
    actions: list[Action] = []
    first_line: dict[str, int] = {}
    wrong: list[str] = []
    for line, row in _rows(path):
        # Cells that the review page or a spreadsheet made neutral, as in the results.
        image, verb, new_class = (as_it_was(row[name]) for name in COLUMNS)
        action = Action(image, verb, new_class, line)
        actions.append(action)
        if SURPLUS in row:
            fault = f"it has {SURPLUS}"
        elif action.path and action.path not in label_of:
            fault = f"{quotable(action.path)} is not an image of {of}"
        else:
            fault = _fault(action, label_of.get(action.path, ""), classes)
        if not fault and action.path in first_line:
            fault = f"{action.path} is already on line {first_line[action.path]}"
        first_line.setdefault(action.path, action.line)
        if fault:
            wrong.append(f"line {action.line}: {fault}")
    refuse_rows(path, wrong)
    return tuple(actions)


def _rows(path: Path) -> list[tuple[int, Row]]:
    """(line, cells) of each row that is not empty."""
    header = ",".join(COLUMNS)
    try:
        columns, rows = read_csv_rows(path, _NEEDS)
    except FileNotFoundError:
        raise TracInError(
            f"{path} is not there. Export it from {REPORT}, or write a CSV file with the columns "
            f"{header}."
        ) from None
    if missing := [name for name in COLUMNS if name not in columns]:
        raise TracInError(
            f"{path} has no {noun_for(len(missing), 'column')} {listed(missing)}. Its first line "
            f"must be {header}, separated by commas."
        )
    return rows


def _fault(action: Action, label: str, classes: frozenset[str]) -> str:
    """What is wrong with ``action`` on its own; empty when nothing is."""
    if not action.path:
        return f"{PATH} is empty"
    if action.verb not in VERBS:
        return f"action {quotable(repr(action.verb))} is not one of {listed(VERBS)}"
    if action.verb == RELABEL:
        return _fault_of_class(action, label, classes)
    if action.new_class:
        given = quotable(repr(action.new_class))
        return f"new_class {given} goes with relabel, not with {action.verb}"
    return ""


def _fault_of_class(action: Action, label: str, classes: frozenset[str]) -> str:
    if not action.new_class:
        return "relabel needs a new_class"
    if action.new_class not in classes:
        shown = first_few(sorted(classes), limit=20)
        return f"new_class {quotable(repr(action.new_class))} is not one of the classes {shown}"
    if label == action.new_class:
        return f"{action.path} is already labelled {action.new_class}: write keep"
    return ""
