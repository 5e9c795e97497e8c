"""What a user calls an image → the row of the test image that is meant. Pure but for links."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from tracin.errors import TracInError
from tracin.image_folder import TRAIN
from tracin.results.schema import INFLUENCE_SUMMARY, REPORT, TRAIN_SUMMARY
from tracin.wording import count, quotable, remaining

MOST_NAMED = 8
"""So many images of one name are listed: they stay readable in a terminal."""

MOST_MEANT, LIKE_ENOUGH = 3, 0.8
"""So many names are offered for one that is not known, from this likeness on (0 to 1, of difflib):
one or two wrong letters."""


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
        more = remaining(len(rows), MOST_NAMED)
        raise TracInError(
            f"{count(len(rows), 'test image')} are called {asked}. Name the one you mean with its "
            f"folder:\n  {named}" + (f"\n  and {more}" if more else "")
        )
    advice = _advice(ending, paths)
    raise TracInError(f"{quotable(asked)} is not a test image of this run. {advice}")


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
    if f"/{TRAIN}/" in ending:
        return (
            "It looks like a training image, but --explain takes test images; for the training "
            f"images see {REPORT} and {TRAIN_SUMMARY}."
        )
    by_name = {path.rsplit("/", maxsplit=1)[-1]: path for path in paths}
    name = ending.rsplit("/", maxsplit=1)[-1]
    close = get_close_matches(name, by_name, n=MOST_MEANT, cutoff=LIKE_ENOUGH)
    if close:
        return f"Did you mean {' or '.join(by_name[name] for name in close)}?"
    return f"{INFLUENCE_SUMMARY} lists them in its column test_path."
