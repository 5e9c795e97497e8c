"""What becomes of every file of the data folder; nothing is written yet.

``train/`` is laid out anew: relabelled images go to their new class, deleted ones are left out. The
test images are carried over as they are.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracin.clean.actions import DELETE, KEEP, RELABEL, Action
from tracin.errors import TracInError
from tracin.folder_lock import LOCK
from tracin.image_folder import (
    TEST,
    TEST_FOLDERS,
    TRAIN,
    LeftOut,
    find_split,
    images_in_order,
    list_files,
)
from tracin.temporary import LONGEST_NAME
from tracin.wording import listed, noun_for

CARRIED_OVER = "carried over"
"""What the log says of files outside train/."""
LEFT_OUT = "left out"
"""What it says of whatever is neither a training image nor a test file."""


@dataclass(frozen=True)
class Step:
    """What becomes of one file of the data folder; a line of the log."""

    path: str
    """Relative to the data folder, with forward slashes."""
    action: str
    """keep, relabel, delete, ``CARRIED_OVER`` or ``LEFT_OUT``."""
    new_path: str
    """Relative to the cleaned folder; empty where the file is left out."""
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether the file moves, or is left out."""
        return self.new_path != self.path and self.action != LEFT_OUT


@dataclass(frozen=True)
class CleaningPlan:
    """What becomes of every file."""

    data_dir: Path
    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...] = ()
    """What stands in the split folders and is neither a training image nor a test file."""

    @property
    def counts(self) -> Counter[str]:
        """Number of files for each action."""
        return Counter(step.action for step in self.steps)


def training_images(data_dir: Path) -> tuple[str, ...]:
    """Paths of the training images relative to ``data_dir``, in the order of their index.

    Raises:
        TracInError: there are none.
    """
    paths = tuple(images_in_order(data_dir / TRAIN))
    if not paths:
        raise TracInError(
            f"There are no images in {data_dir / TRAIN}. Name the data folder that the actions are "
            "about with --data_dir."
        )
    return paths


def class_names(train_paths: Sequence[str]) -> tuple[str, ...]:
    """The classes of the training images, each once, in order."""
    return tuple(dict.fromkeys(path.split("/")[1] for path in train_paths))


def plan_cleaning(
    data_dir: Path, train_paths: Sequence[str], actions: Sequence[Action]
) -> CleaningPlan:
    """What becomes of every image of train/, and of every test file.

    Args:
        data_dir: the original.
        train_paths: its training images, relative to it.
        actions: checked against them; an image without one is kept.

    Raises:
        TracInError: a class would be left without any image.
    """
    decided = {action.train_path: action for action in actions}
    verbs = {path: decided[path].verb if path in decided else KEEP for path in train_paths}
    taken = {_comparable(path) for path, verb in verbs.items() if verb == KEEP}
    steps = []
    for path in train_paths:
        note = "" if path in decided else "no action"
        new_path = path
        if verbs[path] == DELETE:
            new_path = ""
        elif verbs[path] == RELABEL:
            wanted = _path_in_class(path, decided[path].new_class)
            new_path = _free_path(wanted, path.split("/")[1], taken)
            taken.add(_comparable(new_path))
            note = f"renamed: {wanted} is another image" if new_path != wanted else ""
        steps.append(Step(path, verbs[path], new_path, note))
    _refuse_empty_classes(train_paths, steps)
    left_out = [*find_split(data_dir, TRAIN).left_out]
    for split in TEST_FOLDERS:
        if (data_dir / split).is_dir():
            listing = list_files(data_dir / split)
            files = [f"{split}/{file}" for file in listing.files]
            steps += [Step(file, CARRIED_OVER, file) for file in files]
            left_out += [LeftOut(f"{split}/{each.path}", each.reason) for each in listing.left_out]
    beside = sorted({entry.name for entry in data_dir.iterdir()} - {TRAIN, *TEST_FOLDERS, LOCK})
    steps += [Step(each.path, LEFT_OUT, "", each.reason) for each in left_out]
    steps += [Step(name, LEFT_OUT, "", f"beside {TRAIN}/ and {TEST}/") for name in beside]
    return CleaningPlan(data_dir, tuple(steps), tuple(left_out))


def _path_in_class(path: str, name: str) -> str:
    split, _, *rest = path.split("/")
    return "/".join([split, name, *rest])


def _free_path(path: str, former_class: str, taken: set[str]) -> str:
    """``path``, or a name beside it that no other image has."""
    candidate, number = path, 1
    stem, dot, ending = path.rpartition(".")
    while _comparable(candidate) in taken:
        again = f"_{number}" if number > 1 else ""
        added = f"_from_{former_class}{again}"
        candidate = f"{_shortened(stem, f'{added}{dot}{ending}')}{added}{dot}{ending}"
        number += 1
    return candidate


def _shortened(path: str, ending: str) -> str:
    """``path``, its last part so short that ``ending`` fits behind it."""
    folder, slash, name = path.rpartition("/")
    room = max(LONGEST_NAME - len(os.fsencode(ending)), 0)
    shortened: str = os.fsencode(name)[:room].decode(errors="ignore")
    return folder + slash + shortened


def _comparable(path: str) -> str:
    """Equal for two paths that some file systems take for the same."""
    return unicodedata.normalize("NFC", path).casefold()


def _refuse_empty_classes(train_paths: Sequence[str], steps: Sequence[Step]) -> None:
    left = set(class_names([step.new_path for step in steps if step.new_path]))
    if empty := [name for name in class_names(train_paths) if name not in left]:
        raise TracInError(
            f"These actions leave no training image in {noun_for(len(empty), 'class')} "
            f"{listed(empty)}, so nothing was done. A model needs at least one image of each "
            f"class: keep one, or remove the class from {TRAIN}/ and {TEST}/ yourself."
        )
