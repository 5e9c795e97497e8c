"""What becomes of every file of the data folder; nothing is written yet.

``train/`` is laid out anew: relabelled images go to their new class, deleted ones are left out. The
test images are carried over as they are.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracin.clean.actions import DELETE, KEEP, RELABEL, Action
from tracin.errors import TracInError
from tracin.image_folder import TEST, TEST_FOLDERS, TRAIN, images_in_order
from tracin.temporary import LONGEST_NAME
from tracin.wording import listed, noun_for

CARRIED_FOLDERS = (*TEST_FOLDERS, "valid", "validation")
"""What stands there is no training image and is carried over as it is."""

LEFT_OUT = "left out"
"""What the log says of files that no cleaned folder needs, or that cannot be read."""

CARRIED_OVER = "carried over"
"""What the log says of files outside train/."""


@dataclass(frozen=True)
class Step:
    """What becomes of one file of the data folder; a line of the log."""

    path: str
    """Relative to the data folder, with forward slashes."""
    action: str
    """keep, relabel, delete, or ``CARRIED_OVER``."""
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

    @property
    def counts(self) -> Counter[str]:
        """Number of files for each action."""
        return Counter(step.action for step in self.steps)


def training_images(data_dir: Path) -> tuple[str, ...]:
    """Paths of the training images relative to ``data_dir``, in the order of their index.

    Raises:
        TracInError: there are none.
    """
    paths = tuple(path for path in images_in_order(data_dir / TRAIN) if not _fault(data_dir / path))
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
    others = (*_carried_over(data_dir), *_left_out(data_dir, train_paths))
    return CleaningPlan(data_dir, (*steps, *others))


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
    return folder + slash + os.fsencode(name)[:room].decode(errors="ignore")


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


def _carried_over(data_dir: Path) -> Iterator[Step]:
    """The files outside the training images: carried over, or left out with the reason."""
    for split in CARRIED_FOLDERS:
        for path in _files_below(data_dir, split):
            fault = _fault(data_dir / path)
            yield Step(path, LEFT_OUT, "", fault) if fault else Step(path, CARRIED_OVER, path)


def _left_out(data_dir: Path, train_paths: Collection[str]) -> Iterator[Step]:
    """What of train/ and beside the splits is not carried over."""
    known = frozenset(train_paths)
    for path in _files_below(data_dir, TRAIN):
        if path not in known:
            yield Step(path, LEFT_OUT, "", _fault(data_dir / path) or "no training image")
    for entry in sorted(data_dir.iterdir()):
        if entry.name not in (TRAIN, *CARRIED_FOLDERS):
            kind = "a folder" if entry.is_dir() else "a file"
            yield Step(entry.name, LEFT_OUT, "", f"{kind} beside {TRAIN}/ and {TEST}/")


def _files_below(data_dir: Path, split: str) -> Iterator[str]:
    for root, folders, files in os.walk(data_dir / split, followlinks=True):
        folders.sort()
        inside = Path(root).relative_to(data_dir).as_posix()
        yield from (f"{inside}/{file}" for file in sorted(files))


def _fault(path: Path) -> str:
    """Why ``path`` cannot be carried over; "" where it can."""
    if path.is_file():
        return ""
    return "a link that leads nowhere" if path.is_symlink() else "no regular file"
