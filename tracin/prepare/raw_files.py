"""The raw folder: its files, the class of each, and the name that each will get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracin.errors import TracInError
from tracin.image_folder import IMAGE_SUFFIXES
from tracin.wording import listed, noun_for

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

_SYSTEM_FILES = {".ds_store", "thumbs.db", "desktop.ini"}


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

    @property
    def is_image(self) -> bool:
        """Whether its name ends as an image's does."""
        return self.path.lower().endswith(IMAGE_SUFFIXES)


def find_raw_files(raw_dir: Path, english_names: bool) -> tuple[RawFile, ...]:
    """All files in the class folders of ``raw_dir``, sorted by path.

    Raises:
        TracInError: the folder or its class folders are missing, or two classes would get one name.
    """
    if not raw_dir.is_dir():
        raise TracInError(
            f"There is no folder {raw_dir}. Unpack the download and give the folder whose "
            "subfolders are the classes."
        )
    folders = sorted(path for path in raw_dir.iterdir() if path.is_dir() and path.name[0] != ".")
    if len(folders) == 1 and all(path.is_dir() for path in folders[0].iterdir()):
        raise TracInError(
            f"{raw_dir} holds only the folder {folders[0].name}, which holds the classes. Give "
            f"{folders[0]} instead."
        )
    if not folders:
        raise TracInError(f"{raw_dir} has no class folders. Put the images in {raw_dir}/<class>/.")
    names = [ENGLISH.get(path.name, path.name) if english_names else path.name for path in folders]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise TracInError(
            f"{raw_dir} would have two folders for the {noun_for(len(doubled), 'class')} "
            f"{listed(doubled)}. Merge the two folders, or leave out --english_names."
        )
    raw_files = [
        raw_file
        for folder, name in zip(folders, names, strict=True)
        for raw_file in _in_class(raw_dir, folder, name)
    ]
    if not any(raw_file.is_image for raw_file in raw_files):
        raise TracInError(
            f"{raw_dir} holds no images: no file in its class folders has a name that ends in "
            f"{', '.join(IMAGE_SUFFIXES)}."
        )
    return tuple(raw_files)


def _in_class(raw_dir: Path, folder: Path, class_name: str) -> list[RawFile]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name.lower() not in _SYSTEM_FILES
    )
    stats = [path.stat() for path in files]
    targets = _unique_names(folder, files)
    return [
        RawFile(
            path=path.relative_to(raw_dir).as_posix(),
            class_name=class_name,
            target=target,
            size=stat.st_size,
            modified=stat.st_mtime_ns,
        )
        for path, target, stat in zip(files, targets, stats, strict=True)
    ]


def _unique_names(folder: Path, files: Sequence[Path]) -> list[str]:
    """A name for each file: its path without the extension, numbered where two would be equal.

    Compared without regard to case, as some file systems do.
    """
    taken: set[str] = set()
    names = []
    for path in files:
        stem = "_".join(path.relative_to(folder).with_suffix("").parts)
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return names
