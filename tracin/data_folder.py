"""A data folder as a whole: the images of both sides, and the classes. No torch."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tracin.errors import TracInError
from tracin.held_back import hold_back
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
from tracin.image_list import find_listed
from tracin.layout import TREE, Layout
from tracin.wording import count, first_few


@dataclass(frozen=True)
class DataFiles:
    """The images of a data folder, however it tells them apart."""

    train: SplitFiles
    test_split: str
    """``test``, or the folder that stands in its place."""
    test: SplitFiles
    class_names: tuple[str, ...]
    """In their order: those with training images, or with test images under the same name."""


def find_data(data_dir: Path, layout: Layout = TREE) -> DataFiles:
    """The images of both sides.

    Args:
        data_dir: every image lies below it.
        layout: what says which are training and which test images. Without lists, the test images
            stand in the first of ``TEST_FOLDERS`` with any.

    Raises:
        TracInError: a folder or list is missing or holds no images, a test class is no training
            class, or an image stands in both lists.
    """
    _check_name(data_dir)
    test_split = TEST
    if layout.test_share is not None:
        train, test = _held_back(data_dir, layout, layout.test_share)
    elif layout.test_list is not None:
        train, test = find_training(data_dir, layout), find_listed(layout.test_list, data_dir)
        _refuse_shared(train, test)
    else:
        there = _test_folders(data_dir)
        train = find_training(data_dir)
        test_split, test = _find_test(data_dir, there)
    return DataFiles(train, test_split, test, _class_names(train, test))


def find_training(data_dir: Path, layout: Layout = TREE) -> SplitFiles:
    """The training images.

    Raises:
        TracInError: the folder or list is missing or holds no images.
    """
    _check_name(data_dir)
    if layout.test_share is not None:
        return _held_back(data_dir, layout, layout.test_share)[0]
    if layout.train_list is not None:
        return find_listed(layout.train_list, data_dir)
    _check_training_folder(data_dir)
    return _with_images(find_split(data_dir, TRAIN))


def _held_back(data_dir: Path, layout: Layout, share: float) -> tuple[SplitFiles, SplitFiles]:
    """(training images, test images) of a list or folder that holds both."""
    if layout.train_list is not None:
        files = find_listed(layout.train_list, data_dir)
    else:
        files = _with_images(find_split(data_dir, _one_folder(data_dir)))
    train, test = hold_back(files, data_dir, share, layout.seed)
    if not test.images:
        raise TracInError(
            f"--test_share {share:g}: no class in {files.where} has two different images, so none "
            "can be held back. Add images, or name test images of their own."
        )
    return train, test


def _one_folder(data_dir: Path) -> str:
    """``train``, or "" where the class folders stand in the data folder itself."""
    if tests := [name for name in TEST_FOLDERS if (data_dir / name).is_dir()]:
        raise TracInError(
            f"--test_share holds test images back where there are none, and {data_dir / tests[0]} "
            "is there. Leave --test_share out, or move that folder away."
        )
    return TRAIN if (data_dir / TRAIN).is_dir() else ""


def _class_names(train: SplitFiles, test: SplitFiles) -> tuple[str, ...]:
    """The classes of the run in their order.

    Raises:
        TracInError: a test class is no training class.
    """
    own = {name: namesake(name, train.classes) for name in test.class_names}
    if unknown := [name for name in own if not own[name]]:
        raise TracInError(
            f"{test.where} has the {'class' if len(unknown) == 1 else 'classes'} "
            f"{first_few(unknown)}, and {train.where} does not (it has "
            f"{first_few(train.classes, 12)}). Every test class must be a training class too."
        )
    chosen = {*train.class_names, *own.values()}
    return tuple(name for name in train.classes if name in chosen)


def _refuse_shared(train: SplitFiles, test: SplitFiles) -> None:
    """Raise TracInError where an image stands in both lists: a path is an image's one name."""
    in_both = set(train.images).intersection(test.images)
    if in_both:
        named = first_few([path for path in test.images if path in in_both], 3)
        raise TracInError(
            f"{train.where} and {test.where} have {count(len(in_both), 'image')} in common: "
            f"{named}. A model knows what it was trained on: take each out of one of the two."
        )


def namesake(name: str, class_names: Sequence[str]) -> str:
    """The one of ``class_names`` that is called ``name``, else the one that is but for how its
    accents are composed; "" for none.
    """
    if name in class_names:
        return name
    composed = unicodedata.normalize("NFC", name)
    same = (each for each in class_names if unicodedata.normalize("NFC", each) == composed)
    return next(same, "")


def _check_name(data_dir: Path) -> None:
    absolute = str(data_dir.resolve())
    if as_utf8(absolute) != absolute:
        raise TracInError(f"The name of the folder {data_dir} is not in UTF-8. Rename it.")


def _check_training_folder(data_dir: Path) -> None:
    if not (data_dir / TRAIN).is_dir():
        if (data_dir.parent / TRAIN).is_dir() and data_dir.name in (TRAIN, *TEST_FOLDERS):
            raise TracInError(
                f"{data_dir} is one of the two folders: name the one that holds both, with "
                f"--data_dir {data_dir.parent}."
            )
        raise TracInError(
            f"There is no folder {data_dir / TRAIN}. Put the images in {data_dir}/train/<class>/ "
            f"and {data_dir}/test/<class>/, or name their folder with --data_dir. Class folders "
            "without these two are split with --test_share 0.2."
        )


def _test_folders(data_dir: Path) -> list[str]:
    _check_training_folder(data_dir)
    there = [name for name in TEST_FOLDERS if (data_dir / name).is_dir()]
    if not there:
        raise TracInError(
            f"There is neither {data_dir}/{TEST} nor {data_dir}/{TEST_FOLDERS[1]}. Put the test "
            f"images in {data_dir}/{TEST}/<class>/, or hold some of the training images back with "
            "--test_share 0.2."
        )
    return there


def _find_test(data_dir: Path, there: Sequence[str]) -> tuple[str, SplitFiles]:
    """(name of the split, its images with what is left out of those passed over)."""
    found = {}
    for name in there:
        found[name] = find_split(data_dir, name)
        if found[name].images:
            left_out = tuple(each for files in found.values() for each in files.left_out)
            return name, replace(found[name], left_out=left_out)
    return there[0], _with_images(found[there[0]])


def _with_images(files: SplitFiles) -> SplitFiles:
    """``files`` of a folder.

    Raises:
        TracInError: there are no images among them.
    """
    if files.images:
        return files
    said = f"{files.where} has no class folders. Put the images in {files.where}/<class>/."
    if files.classes:
        said = (
            f"{files.where} holds no images: no file in its class folders ends in "
            f"{', '.join(IMAGE_SUFFIXES[:-1])} or {IMAGE_SUFFIXES[-1]}."
        )
    parts = (said, describe_left_out(files.left_out))
    raise TracInError(" ".join(part for part in parts if part))
