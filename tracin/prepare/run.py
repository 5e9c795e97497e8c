"""A preparation from raw photos to train/ and test/: its steps in order."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tracin.errors import TracInError
from tracin.flags import CROP_SIZE
from tracin.held_back import draw_test
from tracin.image_folder import TEST, TRAIN, LeftOut, as_utf8
from tracin.machine.cores import core_count
from tracin.places import refuse_inside
from tracin.prepare.convert import Converted, convert
from tracin.prepare.duplicates import MAX_PAIRS, AlikePair, alike_pairs, group_equal
from tracin.prepare.journal import Workplace, journal_line, split_name
from tracin.prepare.raw_files import RawFile, RawFolder, find_raw_files
from tracin.prepare.tables import write_pairs, write_split
from tracin.wording import Say, count, quotable

_FILES_PER_CALL = 16
"""Files that a process is handed at a time; fewer in all are not worth a process."""


@dataclass(frozen=True)
class PrepareConfig:
    """What the user asked for: the flags of python -m tracin.prepare."""

    raw_dir: Path
    output_dir: Path
    english_names: bool = False
    size: int | None = CROP_SIZE
    """The shorter side is reduced to this, in pixels; None keeps every image's size."""
    test_share: float = 0.2
    seed: int = 0
    workers: int | None = None
    """Processes that convert images; None: one for each core."""


@dataclass(frozen=True)
class PrepareResult:
    """What was done, in numbers."""

    train_images: int
    test_images: int
    class_names: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    equal_images: int
    """Images with the pixels of another one, counted without the first of each."""
    equal_across_classes: int
    """Groups of equal images that stand under more than one class."""
    alike_pairs: int
    alike_cut: bool
    """Whether there may be more than are listed."""
    alike_across_split: int
    """Of these, pairs with one image on each side."""


def prepare(config: PrepareConfig, say: Say) -> PrepareResult | None:
    """Fill the output folder; return what was done, None where it had been done before.

    Raises:
        TracInError: the raw folder is not as expected, or the output folder holds something else.
    """
    raw = find_raw_files(config.raw_dir, config.english_names)
    refuse_inside(config.output_dir, config.raw_dir, "as OUTPUT", ("",))
    if config.raw_dir.resolve().is_relative_to(config.output_dir.resolve()):
        raise TracInError(
            f"{config.raw_dir} is inside {config.output_dir}, which is written. Name a folder "
            "elsewhere as OUTPUT."
        )
    workplace = Workplace(config.output_dir)
    with workplace.held():
        return _prepare(workplace, raw, config, say)


def _prepare(
    workplace: Workplace, raw: RawFolder, config: PrepareConfig, say: Say
) -> PrepareResult | None:
    """Do what ``prepare`` does, in a folder that nobody else writes to."""
    identity = _identity(config, raw)
    if _resume_or_clear(workplace, identity, say):
        return None
    workplace.check_classes(raw.files)
    workplace.write_stamp(identity, finished=False)
    entries = _convert_all(workplace, raw.files, config, say)
    images = [entry for entry in entries if not entry.reason]
    if not images:
        raise TracInError(
            f"None of the images in {config.raw_dir} can be used. The first, "
            f"{entries[0].raw_file.path}: {entries[0].reason}."
        )
    groups = group_equal([image.pixel_hash for image in images])
    pairs = alike_pairs([image.grey_values for image in images], groups)
    classes = [image.raw_file.class_name for image in images]
    in_test = draw_test(classes, groups, config.test_share, config.seed)
    unused = [LeftOut(entry.raw_file.path, entry.reason) for entry in entries if entry.reason]
    left_out = sorted((*raw.left_out, *unused), key=lambda each: each.path)
    result = _result(left_out, images, groups, pairs, in_test)
    _sort_images(workplace, images, in_test)
    write_split(workplace, entries, raw.left_out, groups, in_test)
    write_pairs(workplace, images, pairs, in_test)
    _publish(workplace)
    workplace.write_stamp(identity, finished=True)
    workplace.remove_unfinished()
    return result


def _identity(config: PrepareConfig, raw: RawFolder) -> dict[str, Any]:
    """The settings and the files by name, size and time: what makes two preparations equal."""
    files: list[tuple[object, ...]] = [(file.path, file.size, file.modified) for file in raw.files]
    files += [(each.path, each.reason) for each in raw.left_out]
    digest = hashlib.sha256(repr(files).encode())
    return {
        "raw_dir": as_utf8(str(config.raw_dir.resolve())),
        "english_names": config.english_names,
        "size": config.size,
        "test_share": config.test_share,
        "seed": config.seed,
        "files": len(files),
        "files_sha256": digest.hexdigest(),
    }


def _resume_or_clear(workplace: Workplace, identity: dict[str, Any], say: Say) -> bool:
    """Make the folder ready to be worked in; return whether everything was done already."""
    stamp = workplace.read_stamp()
    if stamp is None:
        return False
    changed = [key for key in identity if stamp.get(key) != identity[key]]
    if stamp.get("finished"):
        if not changed:
            workplace.remove_unfinished()  # of a run that was killed after its last step
            return True
        changes = ", ".join(
            "other contents"
            if key == "files_sha256"
            else f"{key} {quotable(stamp.get(key))}, now {identity[key]}"
            for key in changed
        )
        raise TracInError(
            f"{workplace.folder} was made from other files or with other settings ({changes}). "
            "Name a new folder, or delete this one."
        )
    files_changed = {"files", "files_sha256"} >= set(changed)
    if changed and not (files_changed and not workplace.sorting_began()):
        say(f"{workplace.folder} holds an unfinished run with other settings; starting over.")
        workplace.clear()
    return False


def _convert_all(
    workplace: Workplace, raw_files: Sequence[RawFile], config: PrepareConfig, say: Say
) -> list[Converted]:
    """Convert each raw file that the journal does not know; return what became of all, in order."""
    known = workplace.read_journal(raw_files)
    if known:
        say(f"Continuing: {len(known):,} of {count(len(raw_files), 'file')} already done.")
    waiting = [raw_file for raw_file in raw_files if raw_file not in known]
    for raw_file in waiting:
        workplace.converted(raw_file).parent.mkdir(parents=True, exist_ok=True)
    work = partial(_convert_one, config.raw_dir, workplace, config.size)
    workers = config.workers or core_count()
    with (
        workplace.open_journal() as journal,
        _mapping(work, waiting, workers) as results,
        tqdm(total=len(waiting), desc="Converting", unit="image", disable=None) as bar,
    ):
        for converted in results:
            known[converted.raw_file] = converted
            journal.write(journal_line(converted))
            bar.update()
    return [known[raw_file] for raw_file in raw_files]


def _convert_one(
    raw_dir: Path, workplace: Workplace, size: int | None, raw_file: RawFile
) -> Converted:
    return convert(raw_dir, raw_file, workplace.converted(raw_file), size)


@contextmanager
def _mapping(
    work: Callable[[RawFile], Converted], raw_files: Sequence[RawFile], workers: int
) -> Iterator[Iterable[Converted]]:
    """Do ``work`` on each of ``raw_files``, in several processes where that is faster."""
    if workers == 1 or len(raw_files) <= _FILES_PER_CALL:
        yield map(work, raw_files)
        return
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent
    )
    try:
        with _interrupts_held_back():  # the processes start here, and inherit that for good
            results = pool.map(work, raw_files, chunksize=_FILES_PER_CALL)
        yield results
    except BrokenProcessPool as error:
        raise TracInError(
            "A process that converts images was killed, perhaps because memory ran out. Run the "
            "same command with fewer --workers: it continues where it stopped."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this process as soon as the one that started it ended, whatever ended that."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back: it reaches every process of the group, and only the parent shall answer."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(
    left_out: Sequence[LeftOut],
    images: Sequence[Converted],
    groups: Sequence[Sequence[int]],
    pairs: Sequence[AlikePair],
    in_test: npt.NDArray[np.bool_],
) -> PrepareResult:
    classes = [image.raw_file.class_name for image in images]
    return PrepareResult(
        train_images=int((~in_test).sum()),
        test_images=int(in_test.sum()),
        class_names=tuple(sorted(set(classes))),
        left_out=tuple(left_out),
        equal_images=len(images) - len(groups),
        equal_across_classes=sum(
            len({classes[position] for position in group}) > 1 for group in groups
        ),
        alike_pairs=len(pairs),
        alike_cut=len(pairs) == MAX_PAIRS,
        alike_across_split=sum(bool(in_test[pair.first] != in_test[pair.second]) for pair in pairs),
    )


def _sort_images(
    workplace: Workplace, images: Sequence[Converted], in_test: npt.NDArray[np.bool_]
) -> None:
    """Move each image to its side; those that a killed run moved already stay."""
    for image, test in zip(images, in_test, strict=True):
        waiting = workplace.converted(image.raw_file)
        if waiting.is_file():
            target = workplace.sorted(image.raw_file, split_name(test))
            target.parent.mkdir(parents=True, exist_ok=True)
            waiting.replace(target)


def _publish(workplace: Workplace) -> None:
    for split in (TRAIN, TEST):
        if (workplace.staging / split).is_dir():
            (workplace.staging / split).replace(workplace.folder / split)
