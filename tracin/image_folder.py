"""A data folder on disk: the names of its splits, which files are images, and why others are not.

One walk serves all commands. No torch.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tracin.places import check_regular
from tracin.wording import first_few, remaining

TRAIN = "train"
TEST = "test"
TEST_FOLDERS = (TEST, "val", "valid", "validation")
"""The test images stand in the first of these that holds any."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What torchvision's ImageFolder takes for an image, whatever the case of the letters."""

SPLITS = (TRAIN, *TEST_FOLDERS)
"""All folders of a data folder that are read."""

SPLIT_TABLE = "split.csv"
SPLIT_COLUMNS = ("source", "class", "split", "path", "reason", "duplicate_of")
"""What ``tracin.prepare`` leaves in a data folder: where each raw photo went, or why nowhere."""

NEAR_TABLE = "near_duplicates.csv"
NEAR_COLUMNS = (
    *("source", "other_source", "likeness"),
    *("class", "other_class", "split", "other_split"),
)
"""And which photos look alike without being equal."""

MAX_FILE_BYTES = 2**31
"""A file beyond this is no image: the largest that Pillow decodes, 179 million pixels, takes 1.4 GB
with 16 bits and four channels."""

NO_IMAGES = "a class folder without images"
_NO_CLASS = "in no class folder"
_SYSTEM_FOLDERS = {"__macosx", "@eadir"}
"""What macOS packs into archives, and the thumbnails of a Synology; compared in small letters."""
_SPECIAL = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_REASONS_SHOWN = 5


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not used, and why."""

    path: str
    """Relative to the data folder, with forward slashes; bytes that are no UTF-8 as ``\\xff``."""
    reason: str


@dataclass(frozen=True)
class Listing:
    """What stands below a folder; paths are relative to it, with forward slashes."""

    files: tuple[str, ...]
    """All regular files, in the order in which ImageFolder would number them."""
    folders: tuple[str, ...]
    """The folders directly in it, sorted, hidden ones excepted."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class SplitFiles:
    """The images of one side, training or test; paths are relative to the data folder."""

    where: str
    """The folder or the list that tells of them, for messages."""
    images: tuple[str, ...] = ()
    """Of a folder in the order in which ImageFolder numbers them, of a list in its own."""
    labels: tuple[str, ...] = ()
    """The class of each image."""
    classes: tuple[str, ...] = ()
    """All classes in their order, with the class folders that hold no image."""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that have images, in their order."""
        present = set(self.labels)
        return tuple(name for name in self.classes if name in present)


def find_split(data_dir: Path, split: str) -> SplitFiles:
    """The images in the class folders of ``split``, and whatever else stands there, with reasons.

    Images are those of torchvision's ImageFolder, in its order, but for hidden folders and for
    links that would bring a folder in twice. With "" the class folders are the data folder's own.
    """
    root = data_dir / split
    if not root.is_dir():
        return SplitFiles(str(root))
    before = f"{split}/" if split else ""
    # A link from the training images to the test images would teach the model the test.
    apart = [data_dir / name for name in TEST_FOLDERS] if split == TRAIN else []
    listing = list_files(root, apart=apart)
    reasons = {file: why_no_image(file) for file in listing.files}
    images = [file for file, reason in reasons.items() if not reason]
    labels = tuple(file.split("/")[0] for file in images)
    left_out = [*listing.left_out, *(LeftOut(file, why) for file, why in reasons.items() if why)]
    explained = {*labels, *(each.path for each in listing.left_out)}
    left_out += [LeftOut(name, NO_IMAGES) for name in listing.folders if name not in explained]
    left_out.sort(key=lambda each: each.path)
    return SplitFiles(
        str(root),
        tuple(before + file for file in images),
        labels,
        listing.folders,
        tuple(LeftOut(before + each.path, each.reason) for each in left_out),
    )


def images_in_order(folder: Path) -> Sequence[str]:
    """Paths relative to ``folder``'s parent, in the order in which ImageFolder numbers them."""
    return find_split(folder.parent, folder.name).images


def why_no_image(path: str) -> str:
    """Why the regular file ``path``, relative to the folder of the classes, is not taken for an
    image; "" where it is.
    """
    return why_not_so_called(path) or ("" if "/" in path else _NO_CLASS)


def why_not_so_called(path: str) -> str:
    """Why no image is called ``path``, in whatever folder; "" where one may be."""
    name = path.rpartition("/")[2]
    if name.startswith("._"):
        return "not an image: what macOS notes about a file"
    if not name.lower().endswith(IMAGE_SUFFIXES):
        ending = PurePosixPath(name).suffix
        return f"not an image: its name {f'ends in {ending}' if ending else 'has no ending'}"
    return ""


def describe_left_out(left_out: Sequence[LeftOut]) -> str:
    """What is not used, by reason with an example of each, in one line; "" for nothing."""
    if not left_out:
        return ""
    return f"Not used, {len(left_out):,} in all: {'; '.join(reasons_in_words(left_out))}."


def reasons_in_words(left_out: Sequence[LeftOut]) -> list[str]:
    """``train/a/1.gif and 2 more (not an image)`` for each reason, whole folders first; the last
    one counts the reasons that are not told.
    """
    by_reason: dict[str, list[str]] = {}
    for each in left_out:
        by_reason.setdefault(each.reason, []).append(each.path)
    order = sorted(by_reason, key=lambda reason: "folder" not in reason)
    told = [f"{first_few(by_reason[why], limit=1)} ({why})" for why in order[:_REASONS_SHOWN]]
    more = remaining(len(order), _REASONS_SHOWN)
    return [*told, *([f"{more} reasons"] if more else [])]


def read_image_file(path: Path) -> bytes:
    """The bytes of ``path``, which is never opened where that could wait for ever.

    Raises:
        OSError: it cannot be read, or is no regular file, or too large for an image.
    """
    check_regular(path)
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise OSError(f"it has {size:,} bytes, more than any image")
    return path.read_bytes()


def list_files(root: Path, apart: Sequence[Path] = ()) -> Listing:
    """What stands below ``root``: each real folder once, linked folders after all others.

    Args:
        root: a folder.
        apart: folders that no link may lead into.
    """
    real_root = root.resolve()
    # Whatever leads to a folder above leads back here.
    known = {_identity(parent): f"{parent}, above it" for parent in real_root.parents}
    forbidden = [path for path in (each.resolve() for each in apart) if path != real_root]
    files: dict[str, list[str]] = {}
    left_out: list[LeftOut] = []
    folders: list[str] = []
    waiting, links = [""], deque[str]()
    while waiting or links:
        inside = waiting.pop() if waiting else links.popleft()
        try:
            identity = _identity(root / inside)
            if identity in known:
                left_out.append(LeftOut(inside, f"a link back to {known[identity]}"))
                continue
            known[identity] = inside or str(root)
            if astray := _leads_into(root / inside, forbidden):
                left_out.append(LeftOut(inside, f"a link into {astray}"))
                continue
            with os.scandir(root / inside) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            left_out.append(LeftOut(inside, f"a folder that cannot be read: {_words(error)}"))
            continue
        for entry in found:
            path = f"{inside}/{entry.name}" if inside else entry.name
            if reason := _why_not(entry):
                left_out.append(LeftOut(as_utf8(path), reason))
            elif not entry.is_dir():
                files.setdefault(inside, []).append(path)
            else:
                (links if entry.is_symlink() else waiting).append(path)
                folders += [path] if not inside else []
    in_order = sorted(files, key=lambda inside: (inside.split("/")[0], inside))
    return Listing(
        tuple(path for inside in in_order for path in files[inside]),
        tuple(folders),
        tuple(sorted(left_out, key=lambda each: each.path)),
    )


def _identity(path: Path) -> tuple[int, int]:
    """What tells one folder from another, whatever the path that leads to it."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _leads_into(path: Path, forbidden: Sequence[Path]) -> str:
    if not forbidden:
        return ""
    real = path.resolve()
    return next((str(each) for each in forbidden if real.is_relative_to(each)), "")


def _why_not(entry: os.DirEntry[str]) -> str:
    """Why a file or folder cannot be used, whatever its ending; "" where it can."""
    if as_utf8(entry.name) != entry.name:
        return "its name is not in UTF-8: rename it"
    try:
        if entry.is_dir():
            hidden = entry.name.startswith(".")
            system = entry.name.casefold() in _SYSTEM_FOLDERS
            return "a hidden folder" if hidden else "a system's folder" if system else ""
        if entry.is_file():
            return ""
        kind = stat.S_IFMT(entry.stat().st_mode)
    except FileNotFoundError:
        return "a link to what is not there"
    except OSError as error:
        return f"cannot be read: {_words(error)}"
    return f"{_SPECIAL.get(kind, 'a device')}, no regular file"


def _words(error: OSError) -> str:
    return "a link to itself" if error.errno == errno.ELOOP else error.strerror or str(error)


def as_utf8(name: str) -> str:
    """``name`` as any file can hold it: bytes that are no UTF-8 as ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
