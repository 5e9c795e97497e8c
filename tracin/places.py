"""Where files may be read, written and deleted: below the folder that was meant, nowhere else.

Names that stand in a file, and folders that others filled, are not to be trusted: a name may be
absolute or climb out, and a link may lead anywhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath

from tracin.errors import TracInError


def file_below(folder: Path, name: str, *, links: bool = False) -> Path | None:
    """The regular file that ``name`` means below ``folder``; None where there is no such file.

    Args:
        folder: what the name is relative to; it may itself be reached through links.
        name: as it stands in a file, with ``/`` or ``\\`` between its parts.
        links: also follow links below ``folder``, as in a person's own data folder.
    """
    parts = PureWindowsPath(name)  # takes / and \ for separators, and knows drives
    if not name or parts.anchor or ".." in parts.parts or "\0" in name:
        return None
    path = folder / name
    try:
        if not links and link_on_the_way(folder, path) is not None:
            return None
        return path if stat.S_ISREG(path.stat().st_mode) else None
    except (OSError, ValueError):  # not there, or a name that the file system does not allow
        return None


def check_regular(path: Path) -> None:
    """Check that ``path`` is a regular file: a pipe would be waited for, a device never ends.

    Raises:
        OSError: it is something else, or not there.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.ENXIO, "it is no regular file", str(path))


def link_on_the_way(folder: Path, path: Path) -> Path | None:
    """The first link on the way from ``folder`` down to ``path``; None where there is none."""
    step = folder
    for part in path.relative_to(folder).parts:
        step = step / part
        if _is_link(step):
            return step
    return None


def _is_link(path: Path) -> bool:
    """Whether ``path`` is a link, or a junction of Windows, which is one for folders."""
    try:
        about = path.lstat()
    except OSError:
        return False
    junction = getattr(about, "st_reparse_tag", 0) == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 1)
    return stat.S_ISLNK(about.st_mode) or junction


def check_folders(root: Path, files: Iterable[Path]) -> None:
    """Refuse to write ``files`` below ``root`` where a folder on the way there is a link.

    Raises:
        TracInError: one is; nothing was written.
    """
    for folder in dict.fromkeys(file.parent for file in files):
        if (link := link_on_the_way(root, folder)) is not None:
            raise TracInError(
                f"{link} is a link that leads to {link.resolve()}, so files would be written "
                f"there. Put a folder in its place, or remove the link, and run the command again."
            )


def refuse_inside(output: Path, input_dir: Path, how: str, splits: Iterable[str]) -> None:
    """Refuse to write into a folder that is read: the next run would read what this one wrote.

    Args:
        output: the folder, or the file, that is to be written; it need not be there.
        input_dir: where the folders stand that are read.
        how: another place for ``output`` is named, such as ``with --output_dir``.
        splits: the folders of ``input_dir`` that are read, whose own folders may be links to
            elsewhere; "" for all of ``input_dir``.

    Raises:
        TracInError: ``output`` is one of them or inside one, links followed.
    """
    where = output.resolve()
    written_below = {_identity(folder) for folder in (where, *where.parents)} - {None}
    for folder in _read_folders(input_dir, splits):
        if _identity(folder) in written_below:
            raise TracInError(
                f"{output} is inside {folder}, which is read: what is written there would be taken "
                f"for data. Name a folder elsewhere {how}."
            )


def _read_folders(input_dir: Path, splits: Iterable[str]) -> Iterator[Path]:
    for split in splits:
        yield input_dir / split
        try:
            entries = sorted(os.scandir(input_dir / split), key=lambda entry: entry.name)
        except OSError:
            continue  # not there, or whoever reads it says what is wrong
        yield from (Path(entry) for entry in entries if entry.is_symlink())


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one folder from another, whatever it is called; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino
