"""Decisions about images that lists tell apart → corrected lists; the images stay where they are.

What is one folder or one list, with a share held back, gets two lists as well: they alone can say
which images were the test images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracin.clean.actions import DELETE, KEEP, RELABEL, Action
from tracin.clean.plan import LEFT_OUT, no_test_image, refuse_empty_classes
from tracin.data_folder import DataFiles
from tracin.errors import TracInError
from tracin.image_folder import TEST, TRAIN, LeftOut, SplitFiles
from tracin.image_list import LABEL, PATH_COLUMNS, ListTable, read_list
from tracin.layout import Layout
from tracin.results.cells import csv_line, neutral, plain_csv_line

TRAIN_LIST = f"{TRAIN}.csv"
TEST_LIST = f"{TEST}.csv"


@dataclass(frozen=True)
class ListStep:
    """What becomes of one image; a line of the log."""

    path: str
    """Relative to the data folder."""
    action: str
    """keep, relabel, delete or ``LEFT_OUT``."""
    label: str
    new_label: str
    """"" where the image is not in the corrected list."""
    note: str = ""


@dataclass(frozen=True)
class ListPlan:
    """What becomes of every image."""

    data_dir: Path
    layout: Layout
    train: tuple[ListStep, ...]
    test: tuple[ListStep, ...]
    left_out: tuple[LeftOut, ...]
    """What of the lists or the folder was not used, and is not in the corrected lists."""

    @property
    def steps(self) -> tuple[ListStep, ...]:
        """All, and what is left out."""
        unused = (ListStep(each.path, LEFT_OUT, "", "", each.reason) for each in self.left_out)
        return (*self.train, *self.test, *unused)

    def counts(self, training: bool) -> Counter[str]:
        """Number of training images for each action; or of test images."""
        return Counter(step.action for step in (self.train if training else self.test))


def labels_by_path(data: DataFiles) -> dict[str, str]:
    """The class of every image that can be decided about."""
    return {
        path: label
        for side in (data.train, data.test)
        for path, label in zip(side.images, side.labels, strict=True)
    }


def plan_lists(
    data_dir: Path, layout: Layout, data: DataFiles, actions: Sequence[Action]
) -> ListPlan:
    """What becomes of every image of ``data``.

    Args:
        data_dir: the folder of the images.
        layout: how they are told apart.
        data: the images.
        actions: checked against them; an image without one is kept.

    Raises:
        TracInError: a class would be left without training images, or nothing to test on.
    """
    decided = {action.path: action for action in actions}
    train, test = (tuple(_steps(side, decided)) for side in (data.train, data.test))
    refuse_empty_classes(data.train.class_names, (step.new_label for step in train))
    if not any(step.new_label for step in test):
        raise TracInError(no_test_image(TEST_LIST))
    return ListPlan(data_dir, layout, train, test, (*data.train.left_out, *data.test.left_out))


def _steps(side: SplitFiles, decided: Mapping[str, Action]) -> Iterator[ListStep]:
    for path, label in zip(side.images, side.labels, strict=True):
        action = decided.get(path)
        verb = action.verb if action else KEEP
        new_label = action.new_class if action and verb == RELABEL else label
        note = "" if action else "no action"
        yield ListStep(path, verb, label, "" if verb == DELETE else new_label, note)


def corrected_lists(plan: ListPlan) -> dict[str, str]:
    """The text of the corrected lists by file name: paths from the data folder on, all columns of
    the former lists, each cell as it stood there.

    Raises:
        TracInError: a list was changed since the plan was made.
    """
    of_train = plan.layout.train_list
    of_test = plan.layout.test_list or of_train
    if of_train is None or of_test is None:
        sides = {TRAIN_LIST: _plain_lines(plan.train), TEST_LIST: _plain_lines(plan.test)}
    else:
        tables = read_list(of_train), read_list(of_test)
        cells = {each.label: each.cells[LABEL] for table in tables for each in table.images}
        sides = {
            TRAIN_LIST: _lines(plan.train, tables[0], bool(of_train.below), cells),
            TEST_LIST: _lines(plan.test, tables[1], bool(of_test.below), cells),
        }
    try:
        return {name: "".join(lines) for name, lines in sides.items()}
    except KeyError:
        raise TracInError("The lists were changed meanwhile. Run the command again.") from None


def _plain_lines(steps: Sequence[ListStep]) -> Iterator[str]:
    """The lines of a list of images that were in no list before."""
    yield csv_line((PATH_COLUMNS[0], LABEL))
    yield from (csv_line((step.path, step.new_label)) for step in steps if step.new_label)


def _lines(
    steps: Sequence[ListStep], former: ListTable, moved: bool, cells: Mapping[str, str]
) -> Iterator[str]:
    """The lines of one list.

    Args:
        steps: what becomes of its images.
        former: the list as it was.
        moved: whether its paths began elsewhere than in the data folder.
        cells: how each label is written in the lists.
    """
    row_of = {image.path: image.cells for image in former.images}
    yield plain_csv_line(former.columns)
    for step in steps:
        if step.new_label:
            row = dict(row_of[step.path])
            if moved:
                row[former.path_column] = neutral(step.path)
            if step.new_label != step.label:
                row[LABEL] = cells[step.new_label]
            yield plain_csv_line([row[name] for name in former.columns])
