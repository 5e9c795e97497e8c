"""A data folder as a whole: the files of its two splits, and the classes. No torch."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tracin.errors import TracInError
from tracin.image_folder import (
    IMAGE_SUFFIXES,
    TEST,
    TEST_FOLDERS,
    TRAIN,
    SplitFiles,
    as_utf8,
    describe_left_out,
    find_split,
)
from tracin.wording import first_few


@dataclass(frozen=True)
class DataFiles:
    """The images of a data folder."""

    train: SplitFiles
    test_split: str
    """``test``, or what stands in its place."""
    test: SplitFiles
    class_names: tuple[str, ...]
    """Sorted: the folders of ``train/`` that hold images, or whose namesakes in the test folder do.
    """


def find_data(data_dir: Path) -> DataFiles:
    """The images of both splits; the test images stand in the first of ``TEST_FOLDERS`` with any.

    Raises:
        TracInError: a folder is missing or holds no images, or a test class is no training class.
    """
    train_dir = _training_folder(data_dir)
    there = [name for name in TEST_FOLDERS if (data_dir / name).is_dir()]
    if not there:
        raise TracInError(
            f"There is neither {data_dir}/{TEST} nor {data_dir}/{TEST_FOLDERS[1]}. Put the test "
            f"images in {data_dir}/{TEST}/<class>/."
        )
    train = find_training(data_dir)
    test_split, test = _find_test(data_dir, there)
    class_names = set(train.class_names)
    unknown = []
    for name in test.class_names:
        own = namesake(name, train.folders)
        class_names |= {own} - {""}
        unknown += [] if own else [name]
    if unknown:
        raise TracInError(
            f"{data_dir / test_split} has the {'class' if len(unknown) == 1 else 'classes'} "
            f"{first_few(unknown)}, and {train_dir} does not (it has "
            f"{first_few(train.folders, 12)}). Every test class must be a training class too."
        )
    return DataFiles(train, test_split, test, tuple(sorted(class_names)))


def find_training(data_dir: Path) -> SplitFiles:
    """What stands in ``train/``.

    Raises:
        TracInError: it is missing or holds no images.
    """
    train_dir = _training_folder(data_dir)
    files = find_split(data_dir, TRAIN)
    if not files.images:
        raise TracInError(_no_images(train_dir, files))
    return files


def namesake(name: str, class_names: Sequence[str]) -> str:
    """The one of ``class_names`` that is called ``name``, else the one that is but for how its
    accents are composed; "" for none.
    """
    if name in class_names:
        return name
    composed = unicodedata.normalize("NFC", name)
    same = (each for each in class_names if unicodedata.normalize("NFC", each) == composed)
    return next(same, "")


def _training_folder(data_dir: Path) -> Path:
    train_dir = data_dir / TRAIN
    absolute = str(data_dir.resolve())
    if as_utf8(absolute) != absolute:
        raise TracInError(f"The name of the folder {data_dir} is not in UTF-8. Rename it.")
    if not train_dir.is_dir():
        raise TracInError(
            f"There is no folder {train_dir}. Put the images in {data_dir}/train/<class>/ and "
            f"{data_dir}/test/<class>/, or name their folder with --data_dir."
        )
    return train_dir


def _find_test(data_dir: Path, there: Iterable[str]) -> tuple[str, SplitFiles]:
    """(name of the split, its images with what is left out of those passed over)."""
    found = {}
    for name in there:
        found[name] = find_split(data_dir, name)
        if found[name].images:
            left_out = tuple(each for files in found.values() for each in files.left_out)
            return name, replace(found[name], left_out=left_out)
    first, files = next(iter(found.items()))
    raise TracInError(_no_images(data_dir / first, files))


def _no_images(folder: Path, files: SplitFiles) -> str:
    """Why ``folder`` cannot be used, in sentences."""
    said = f"{folder} has no class folders. Put the images in {folder}/<class>/."
    if files.folders:
        said = (
            f"{folder} holds no images: no file in its class folders ends in "
            f"{', '.join(IMAGE_SUFFIXES[:-1])} or {IMAGE_SUFFIXES[-1]}."
        )
    return " ".join(part for part in (said, describe_left_out(files.left_out)) if part)
