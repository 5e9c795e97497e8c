"""Answers from the files of one run: nobody else writes while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.places import check_regular
from tracin.results.schema import RUN_INFO


@contextmanager
def one_run(results_dir: Path) -> Iterator[None]:
    """Hold ``results_dir`` while its files are read and what follows from them is written there.

    Raises:
        TracInError: another process writes there, or the files were replaced past the lock, as by
            a copy.
    """
    if not results_dir.is_dir():
        yield  # what reads there says what is missing
        return
    otherwise = "copy the results and name their folder with --results_dir"
    with locked(results_dir, otherwise), unchanged_run(results_dir):
        yield


@contextmanager
def unchanged_run(results_dir: Path) -> Iterator[None]:
    """Check that the files of ``results_dir`` are of the same run before and after the block.

    Raises:
        TracInError: they were replaced.
    """
    before = _run(results_dir)
    yield
    if _run(results_dir) != before:
        raise TracInError(
            f"{results_dir / RUN_INFO} was replaced while it was read, so the answer would be of "
            "two runs. Run the command again."
        )


def _run(results_dir: Path) -> bytes:
    """What tells one run from another: ``run.json`` as it stands, with the run's id."""
    path = results_dir / RUN_INFO
    try:
        check_regular(path)
        return path.read_bytes()
    except OSError:
        return b""  # without one, or what reads it says what is wrong
