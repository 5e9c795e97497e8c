"""What the operating system refuses, in words for users. No torch."""

from __future__ import annotations

import errno
import os
import re

_REASONS = {
    errno.ENOENT: "is not there. Check the path; perhaps it was moved or deleted meanwhile",
    errno.EACCES: "cannot be opened: there is no permission. Change that, or name another place",
    errno.EROFS: "cannot be written: its disk can only be read. Name a place on another disk",
    errno.EISDIR: "is a folder, where a file belongs. Move it away, or name another place",
    errno.ENOTDIR: "cannot be opened: a file is in the way, where a folder belongs. Check the path",
    errno.EEXIST: "cannot be made: a file or a link is in the way. Move it away, or name another "
    "place",
    errno.ENOTEMPTY: "is a folder with other files in it. Move it away, or name another place",
    errno.ENAMETOOLONG: "is too long a name for this disk. Use a shorter one",
    errno.ELOOP: "is a link that leads back to itself. Name the file or folder itself",
    errno.ENOSPC: "cannot be written: the disk is full. Make room there",
    errno.EFBIG: "cannot be written: the disk takes no file of this size. Name another disk",
    errno.EIO: "cannot be read or written: the disk reports a fault. Move the files to another one",
    errno.EMFILE: "cannot be opened: too many files are open. Raise the limit (ulimit -n)",
    errno.ENFILE: "cannot be opened: too many files are open. End other programs",
    errno.EBUSY: "is in use by another program. End that one",
    errno.ENXIO: "is no regular file. Name another",
}
"""What is said of a file, and then what to do."""

_REASONS[errno.EPERM] = _REASONS[errno.EACCES]
if hasattr(errno, "EDQUOT"):  # not on Windows
    _REASONS[errno.EDQUOT] = _REASONS[errno.ENOSPC].replace("disk", "quota of the disk", 1)

_NO_MEMORY = re.compile(r"allocate memory|(not enough|out of) memory|bad_alloc", re.IGNORECASE)
"""How PyTorch says so: where no GPU is concerned, it has no error class of its own for that."""

_LONGEST = 100
"""Characters of a path that are shown."""


def refusal(error: BaseException) -> str | None:
    """The sentence about what the machine refused; None: ``error`` tells of something else."""
    if isinstance(error, OSError) and error.errno != errno.ENOMEM:
        return _of_a_file(error)
    if is_lack_of_memory(error):
        return (
            "The memory does not suffice. End other programs, or ask for less: a smaller "
            f"--batch_size, fewer --num_workers, fewer or smaller images ({_first_line(error)})."
        )
    # What Path.resolve raises before Python 3.13.
    if looped := re.fullmatch(r"Symlink loop from '(.+)'", str(error), re.DOTALL):
        return _of_a_file(OSError(errno.ELOOP, "", looped[1]))
    return None


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether memory could not be had: main memory, or that of a GPU."""
    if isinstance(error, RuntimeError):
        return bool(_NO_MEMORY.search(str(error)))
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    )


def reason(error: OSError) -> str:
    """Why, in a few words, to stand in brackets: those of the system."""
    return error.strerror or _first_line(error)


def _of_a_file(error: OSError) -> str:
    # A file that is replaced has a temporary name first, which tells the user nothing.
    name = error.filename if error.filename2 is None else error.filename2
    known = _REASONS.get(error.errno or 0)
    file = "A file" if name is None or isinstance(name, int) else _shortened(os.fsdecode(name))
    if known is None:
        return f"{file} cannot be used: {reason(error)}."
    return f"{file} {known}."


def _shortened(path: str) -> str:
    half = _LONGEST // 2
    return path if len(path) <= _LONGEST else f"{path[:half]}…{path[-half:]}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
