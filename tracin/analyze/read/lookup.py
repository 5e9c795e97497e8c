"""What a user calls an image → the row of the test image that is meant. Pure but for links."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from tracin.errors import TracInError

MOST_NAMED = 8


def find_test_image(asked: str, paths: Sequence[str], data_dir: Path) -> int:
    """The row of the test image that ``asked`` names.

    Args:
        asked: its path as in the tables, a path on disk, the end of a path, or the file name.
        paths: (n_test,) paths of the test images, relative to ``data_dir``.
        data_dir: the data folder.

    Raises:
        TracInError: no test image is called that, or several are.
    """
    wanted = asked.replace("\\", "/")
    for name in (asked, os.path.normpath(wanted), *_relative(asked, data_dir)):
        rows = [row for row, path in enumerate(paths) if path == name]
        if len(rows) == 1:
            return rows[0]
    ending = "/" + os.path.normpath(wanted).lstrip("/")
    rows = [row for row, path in enumerate(paths) if f"/{path}".endswith(ending)]
    if len(rows) == 1:
        return rows[0]
    if rows:
        named = "\n  ".join(paths[row] for row in rows[:MOST_NAMED])
        more = f"\n  and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
        raise TracInError(
            f"{len(rows)} test images are called {asked}. Name one of them with its folder:\n  "
            f"{named}{more}"
        )
    raise TracInError(f"{asked} is not a test image of this run. {_advice(ending, paths)}")


def _relative(asked: str, data_dir: Path) -> list[str]:
    """``asked`` as a path on disk, relative to the data folder, with and without links."""
    found = []
    for path, folder in (
        (Path(asked).absolute(), data_dir.absolute()),
        (Path(asked).resolve(), data_dir.resolve()),
    ):
        if path.is_relative_to(folder):
            found.append(path.relative_to(folder).as_posix())
    return found


def _advice(ending: str, paths: Sequence[str]) -> str:
    if "/train/" in ending:
        return (
            "It looks like a training image, and --explain takes test images; report.html and "
            "train_summary.csv tell about the training images."
        )
    by_name = {path.rsplit("/", maxsplit=1)[-1]: path for path in paths}
    close = get_close_matches(ending.rsplit("/", maxsplit=1)[-1], by_name, n=3, cutoff=0.8)
    if close:
        return f"Did you mean {' or '.join(by_name[name] for name in close)}?"
    return "influence_summary.csv lists them in its column test_path."
