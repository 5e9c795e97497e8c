"""What becomes of every file of the data folder; nothing is written yet.

Relabelled images go to their new class, deleted ones are left out, all others stay where they are:
in ``train/``, and in the folders of test images.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
"""What the log says of a test file that nobody decided about."""
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

    def counts(self, training: bool) -> Counter[str]:
        """Number of training images for each action; or of test files."""
        folders = (TRAIN,) if training else TEST_FOLDERS
        return Counter(step.action for step in self.steps if step.path.split("/")[0] in folders)


@dataclass(frozen=True)
class DataImages:
    """Every image that can be decided about; paths are relative to the data folder."""

    train: tuple[str, ...]
    """In the order of their index."""
    test: tuple[str, ...]
    """Of all folders of test images."""

    @property
    def label_of(self) -> dict[str, str]:
        """The class of each image, by its path."""
        return {path: path.split("/")[1] for path in (*self.train, *self.test)}

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the training images, each once, in order."""
        return _classes(self.train)


def images_to_clean(data_dir: Path) -> DataImages:
    """The images of ``data_dir``.

    Raises:
        TracInError: there are none to train on.
    """
    train = tuple(images_in_order(data_dir / TRAIN))
    if not train:
        raise TracInError(
            f"There are no images in {data_dir / TRAIN}. Name the data folder that the actions are "
            "about with --data_dir."
        )
    test = (path for split in TEST_FOLDERS for path in images_in_order(data_dir / split))
    return DataImages(train, tuple(test))


def _classes(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path.split("/")[1] for path in paths))


def plan_cleaning(data_dir: Path, images: DataImages, actions: Sequence[Action]) -> CleaningPlan:
    """What becomes of every image of train/, and of every test file.

    Args:
        data_dir: the original.
        images: those in it.
        actions: checked against them; an image without one is kept.

    Raises:
        TracInError: a class would be left without any training image, or a folder of test images
            without any.
    """
    decided = {action.path: action for action in actions}
    steps = list(_steps(images.train, decided, KEEP))
    left = _classes([step.new_path for step in steps if step.new_path])
    refuse_empty_classes(_classes(images.train), left)
    left_out = [*find_split(data_dir, TRAIN).left_out]
    for split in TEST_FOLDERS:
        if (data_dir / split).is_dir():
            listing = list_files(data_dir / split)
            files = [f"{split}/{file}" for file in listing.files]
            of_split = list(_steps(files, decided, CARRIED_OVER))
            _refuse_empty_split(split, images.test, of_split)
            steps += of_split
            left_out += [LeftOut(f"{split}/{each.path}", each.reason) for each in listing.left_out]
    beside = sorted({entry.name for entry in data_dir.iterdir()} - {TRAIN, *TEST_FOLDERS, LOCK})
    steps += [Step(each.path, LEFT_OUT, "", each.reason) for each in left_out]
    steps += [Step(name, LEFT_OUT, "", f"beside {TRAIN}/ and {TEST}/") for name in beside]
    return CleaningPlan(data_dir, tuple(steps), tuple(left_out))


def _steps(paths: Sequence[str], decided: Mapping[str, Action], otherwise: str) -> Iterator[Step]:
    """What becomes of the files of one split; ``otherwise`` of those that nobody decided about."""
    verbs = {path: decided[path].verb if path in decided else otherwise for path in paths}
    taken = {_comparable(path) for path, verb in verbs.items() if verb not in (RELABEL, DELETE)}
    for path, verb in verbs.items():
        note, new_path = "" if path in decided or otherwise != KEEP else "no action", path
        if verb == DELETE:
            new_path = ""
        elif verb == RELABEL:
            wanted = _path_in_class(path, decided[path].new_class)
            new_path = _free_path(wanted, path.split("/")[1], taken)
            taken.add(_comparable(new_path))
            note = f"renamed: {wanted} is another image" if new_path != wanted else ""
        yield Step(path, verb, new_path, note)


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


def refuse_empty_classes(before: Iterable[str], left: Iterable[str]) -> None:
    """Raise TracInError where a class had training images before and has none left."""
    remaining = set(left)
    if empty := [name for name in before if name not in remaining]:
        raise TracInError(
            f"These actions leave no training image in {noun_for(len(empty), 'class')} "
            f"{listed(empty)}, so nothing was done. A model needs at least one image of each "
            "class: keep one, or remove the class from training and test images yourself."
        )


def _refuse_empty_split(split: str, test_paths: Sequence[str], steps: Sequence[Step]) -> None:
    images = {path for path in test_paths if path.startswith(f"{split}/")}
    if images and not any(step.new_path for step in steps if step.path in images):
        raise TracInError(no_test_image(f"{split}/"))


def no_test_image(where: str) -> str:
    """What is said where actions would leave no test image in ``where``."""
    return (
        f"These actions leave no image in {where}, so nothing was done. Keep one: a model is "
        "judged by its test images."
    )
