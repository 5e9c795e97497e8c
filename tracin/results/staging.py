"""The files of a run, or of an analysis, are written beside the former ones and swapped in whole.

A list in the results folder says what an analysis wrote there, with size and hash, so that nothing
else is ever deleted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tracin.hashing import file_sha256
from tracin.json_file import read_as
from tracin.places import check_folders, file_below, link_on_the_way
from tracin.results import schema
from tracin.results.schema import ANALYSIS_FILES, COMPUTE_FILES, EXPLANATION_FILES, RUN_INFO
from tracin.temporary import remove_abandoned, replacing, unfinished_folder


@contextmanager
def staged(results_dir: Path) -> Iterator[Path]:
    """Give a folder for one run's files; they replace the former run's when the block ends.

    The former files go before the first new one comes, so that a kill at any moment leaves either
    one whole run or an incomplete one, never files of two runs side by side. When the block raises,
    the former run stays as it was.
    """
    results_dir.mkdir(parents=True, exist_ok=True)
    for record in (ANALYSIS_FILES, EXPLANATION_FILES):
        recorded_files(results_dir, record)  # a damaged one is told before the run, not after
    with unfinished_folder(results_dir) as folder:
        yield folder
        new_files = sorted(path.name for path in folder.iterdir())
        for name in (RUN_INFO, *COMPUTE_FILES):
            (results_dir / name).unlink(missing_ok=True)
        for record in (ANALYSIS_FILES, EXPLANATION_FILES):
            _remove(results_dir, recorded_files(results_dir, record))
            (results_dir / record).unlink(missing_ok=True)
        for name in sorted(new_files, key=lambda name: name == RUN_INFO):
            (folder / name).replace(results_dir / name)


class Written(NamedTuple):
    """A file that an analysis wrote."""

    path: str
    """Relative to the results folder, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str


@contextmanager
def staged_analysis(
    results_dir: Path, record: str = ANALYSIS_FILES, *, keep_former: bool = False
) -> Iterator[Path]:
    """Give a folder for an analysis's files; they go to the same places in the results folder when
    the block ends, and what ``record`` lists of a former analysis goes.

    When the block raises, the former analysis stays whole. A kill while the files are swapped loses
    track of none: the list names old and new ones until all stand where they belong.

    Args:
        results_dir: of the analysis.
        record: the file that lists what was written.
        keep_former: leave the other files of the list where they are, and on it.

    Raises:
        TracInError: a link would lead a file out of the results folder, or the record is damaged.
    """
    recorded_files(results_dir, record)  # a damaged one is told before the work, not after
    with unfinished_folder(results_dir) as folder:
        yield folder
        new = [_written(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()]
        names = {each.path for each in new}
        targets = [results_dir / name for name in names]
        check_folders(results_dir, targets)
        former = recorded_files(results_dir, record)
        # What is no file of an analysis is not carried on: nothing is ever done with it.
        former = [each for each in former if each.size >= 0 and _is_of_analysis(each.path)]
        stale = [each for each in former if each.path not in names]
        _remove_abandoned(results_dir)
        _write_record(results_dir, record, [*former, *new])
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        for each in new:
            (folder / each.path).replace(results_dir / each.path)
        if not keep_former:
            _remove(results_dir, stale)
        _write_record(results_dir, record, [*(stale if keep_former else []), *new])


def _written(folder: Path, path: Path) -> Written:
    name = path.relative_to(folder).as_posix()
    return Written(name, path.stat().st_size, file_sha256(path))


def _write_record(results_dir: Path, record: str, files: Iterable[Written]) -> None:
    with replacing(results_dir / record) as temporary:
        text = json.dumps([each._asdict() for each in files], indent=0, ensure_ascii=False)
        temporary.write_text(text, encoding="utf-8")


def recorded_files(results_dir: Path, record: str) -> list[Written]:
    """What ``record`` lists.

    Raises:
        TracInError: the record is damaged.
    """
    path = file_below(results_dir, record)
    if path is None:
        return []
    remedy = "Remove it and what the last analysis drew, which it lists."
    content = read_as(tuple[Any, ...], path, remedy)
    return [_entry(each) for each in content]


def _entry(content: Any) -> Written:
    """An entry of a record; earlier versions wrote the path alone, which is no leave to delete."""
    if not isinstance(content, dict):
        return Written(str(content), -1, "")
    size = content.get("size")
    return Written(
        str(content.get("path", "")),
        size if isinstance(size, int) else -1,
        str(content.get("sha256", "")),
    )


_OF_ANALYSIS = (
    *(schema.DASHBOARD, schema.MAP_PICTURE, schema.REPORT, schema.ANALYSIS),
    *(schema.WHAT_IF, schema.WHAT_IF_ANSWERS),
    *(schema.FIFTYONE_LABELS, schema.LABEL_STUDIO_TASKS, schema.LABEL_STUDIO_CONFIG),
)


def _is_of_analysis(name: str) -> bool:
    """Whether an analysis writes files of this name, whatever a record says."""
    parts = PurePosixPath(name).parts or ("",)
    if parts[0] == schema.TOP_INFLUENCES:
        return parts[-1].startswith(schema.RANK_PREFIX)
    if parts[0] == schema.EXPLANATIONS:
        return name.endswith(".png")
    return name in _OF_ANALYSIS or (len(parts) == 1 and name.endswith(schema.CLASS_SUMMARY_SUFFIX))


def _remove(results_dir: Path, files: Iterable[Written]) -> None:
    """Delete those files that are as they were written, and the folders that stand empty then."""
    for each in files:
        path = file_below(results_dir, each.path) if _is_of_analysis(each.path) else None
        if path is None or each != _written_again(results_dir, path, each):
            continue
        path.unlink()
    # Not only those of these files: a kill may have come between a file's end and its folder's.
    for root in _folders(results_dir):
        with suppress(OSError):  # it is not empty
            root.rmdir()


def _written_again(results_dir: Path, path: Path, former: Written) -> Written | None:
    """What stands at ``path`` now; None where its size already differs from ``former``'s."""
    if path.stat().st_size != former.size:
        return None
    return _written(results_dir, path)._replace(path=former.path)


def _remove_abandoned(results_dir: Path) -> None:
    """Delete the temporary files that killed analyses left, where they write."""
    records = (ANALYSIS_FILES, EXPLANATION_FILES)
    remove_abandoned(results_dir, lambda stem: stem in records or _is_of_analysis(stem))
    for root in _folders(results_dir):
        remove_abandoned(root, partial(_is_in, root.relative_to(results_dir).as_posix()))


def _folders(results_dir: Path) -> Iterator[Path]:
    """The folders that an analysis fills in the results folder, inner ones first."""
    for name in (schema.TOP_INFLUENCES, schema.EXPLANATIONS, schema.EXPORTS):
        if link_on_the_way(results_dir, results_dir / name) is None:
            for root, _, _ in os.walk(results_dir / name, topdown=False):
                yield Path(root)


def _is_in(folder: str, stem: str) -> bool:
    return _is_of_analysis(f"{folder}/{stem}")
