"""The raw folder: its files, the class of each, and the name that each will get."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from tracin.errors import TracInError
from tracin.image_folder import (
    IMAGE_SUFFIXES,
    NO_IMAGES,
    TEST_FOLDERS,
    TRAIN,
    LeftOut,
    Listing,
    describe_left_out,
    list_files,
    why_no_image,
)
from tracin.wording import for_the_shell, listed, noun_for

ENGLISH = {
    "cane": "dog",
    "cavallo": "horse",
    "elefante": "elephant",
    "farfalla": "butterfly",
    "gallina": "chicken",
    "gatto": "cat",
    "mucca": "cow",
    "pecora": "sheep",
    "ragno": "spider",
    "scoiattolo": "squirrel",
}
"""The class folders of the Animals-10 download."""

_SPLIT_NAMES = {"train", "training", "test", "testing", *TEST_FOLDERS}
"""How the parts of a data set that is split already are called."""

_MOST_BYTES = 200
"""Of a target's name: file systems take 255, and an ending and a number come to it."""


@dataclass(frozen=True)
class RawFile:
    """A file of the raw folder."""

    path: str
    """Relative to the raw folder, with forward slashes."""
    class_name: str
    """The name that the class will have."""
    target: str
    """File name without extension, unique in its class."""
    size: int
    """Bytes; with ``modified`` it shows whether the file has changed since it was read."""
    modified: int
    """When the content last changed, in nanoseconds."""


@dataclass(frozen=True)
class RawFolder:
    """What stands in the raw folder."""

    files: tuple[RawFile, ...]
    """Whatever has an image's name, sorted by path."""
    left_out: tuple[LeftOut, ...]


def find_raw_files(raw_dir: Path, english_names: bool) -> RawFolder:
    """The images in the class folders of ``raw_dir``, and what is no image there.

    Raises:
        TracInError: the folder or its class folders are missing, the classes stand elsewhere, or
            two classes would get one name.
    """
    if not raw_dir.is_dir():
        raise TracInError(
            f"There is no folder {raw_dir}. Unpack the download and give the folder whose "
            "subfolders are the classes."
        )
    listing = list_files(raw_dir)
    reasons = {file: why_no_image(file) for file in listing.files}
    images = [file for file, reason in reasons.items() if not reason]
    _check_level(raw_dir, listing, images)
    names = {name: ENGLISH.get(name, name) if english_names else name for name in listing.folders}
    given = list(names.values())
    if doubled := sorted({name for name in given if given.count(name) > 1}):
        raise TracInError(
            f"{raw_dir} would have two folders for the {noun_for(len(doubled), 'class')} "
            f"{listed(doubled)}. Merge the two folders, or leave out --english_names."
        )
    left_out = [*listing.left_out, *(LeftOut(file, why) for file, why in reasons.items() if why)]
    if not images:
        said = (
            f"{raw_dir} holds no images: no file in its class folders has a name that ends in "
            f"{', '.join(IMAGE_SUFFIXES)}."
        )
        raise TracInError(" ".join(part for part in (said, describe_left_out(left_out)) if part))
    explained = {file.split("/")[0] for file in images} | {each.path for each in left_out}
    left_out += [LeftOut(name, NO_IMAGES) for name in listing.folders if name not in explained]
    files: list[RawFile] = []
    for name, group in groupby(images, key=lambda file: file.split("/")[0]):
        files += _in_class(raw_dir, tuple(group), names[name])
    return RawFolder(tuple(files), tuple(sorted(left_out, key=lambda each: each.path)))


def _check_level(raw_dir: Path, listing: Listing, images: Sequence[str]) -> None:
    """Refuse a folder above or below that of the classes, or one that is split already.

    Raises:
        TracInError: it is such a folder; the message names the one to give.
    """
    if not listing.folders:
        beside = any(file.lower().endswith(IMAGE_SUFFIXES) for file in listing.files)
        above = f" If {raw_dir.name} is one class, give {raw_dir.parent}." if beside else ""
        raise TracInError(
            f"{raw_dir} has no class folders. Put the images in {raw_dir}/<class>/.{above}"
        )
    folder, below = raw_dir, tuple(images)
    classes = sorted({file.split("/")[0] for file in below}) or list(listing.folders)
    while len(classes) == 1 and _only_folders(folder / classes[0], below, classes[0]):
        folder = folder / classes[0]
        below = tuple(file.partition("/")[2] for file in below)
        classes = sorted({file.split("/")[0] for file in below if "/" in file})
    if len(classes) > 1 and {name.casefold() for name in classes} <= _SPLIT_NAMES:
        part = next((name for name in classes if name.casefold().startswith(TRAIN)), classes[0])
        raise TracInError(
            f"{folder} is split already, into {listed(classes)}. Score and train on it as it is, "
            f"with --data_dir {for_the_shell(folder)}; or give {folder / part} instead, to split "
            "the images in it anew."
        )
    if folder != raw_dir:
        raise TracInError(
            f"{raw_dir} holds the classes one folder further down. Give {folder} instead."
        )


def _only_folders(folder: Path, images: Sequence[str], name: str) -> bool:
    """Whether the images in ``folder``, called ``name`` in their paths, all stand in folders of it,
    as where these are the classes.
    """
    if not images:
        return any(entry.is_dir() for entry in folder.iterdir())
    return all(file.startswith(f"{name}/") and file.count("/") > 1 for file in images)


def _in_class(raw_dir: Path, files: Sequence[str], class_name: str) -> list[RawFile]:
    stats = [(raw_dir / file).stat() for file in files]
    targets = _unique_names([file.partition("/")[2] for file in files])
    return [
        RawFile(
            path=file,
            class_name=class_name,
            target=target,
            size=stat.st_size,
            modified=stat.st_mtime_ns,
        )
        for file, target, stat in zip(files, targets, stats, strict=True)
    ]


def _unique_names(files: Sequence[str]) -> list[str]:
    """A name for each file: its path without the extension, as far as a file system takes it,
    numbered where two would be equal.

    Compared without regard to case and to how accents are composed, as some file systems do.
    """
    taken: set[str] = set()
    names = []
    for file in files:
        stem = "_".join(PurePosixPath(file).with_suffix("").parts)
        stem = stem.encode()[:_MOST_BYTES].decode(errors="ignore")
        name, number = stem, 1
        while _comparable(name) in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(_comparable(name))
        names.append(name)
    return names


def _comparable(name: str) -> str:
    """Equal for two names that some file systems take for the same."""
    return unicodedata.normalize("NFC", name).casefold()
