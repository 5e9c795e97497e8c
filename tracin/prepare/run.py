"""A preparation from raw photos to train/ and test/: its steps in order."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tracin.errors import TracInError
from tracin.image_folder import IMAGE_SUFFIXES
from tracin.prepare.convert import Converted, Settings, convert
from tracin.prepare.duplicates import AlikePair, alike_pairs, group_equal
from tracin.prepare.journal import TEST, TRAIN, Workplace, journal_line, split_name
from tracin.prepare.sources import Source, find_sources
from tracin.prepare.split import draw_test
from tracin.prepare.tables import write_pairs, write_split

Say = Callable[[str], None]
"""Where notices to the user go, one sentence at a time."""

_FILES_PER_CALL = 16


@dataclass(frozen=True)
class PrepareConfig:
    """What the user asked for: the flags of python -m tracin.prepare."""

    raw_dir: Path
    output_dir: Path
    english_names: bool = False
    settings: Settings = field(default_factory=Settings)
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
    left_out: tuple[Converted, ...]
    equal_images: int
    """Images with the pixels of another one, counted without the first of each."""
    equal_across_classes: int
    """Groups of equal images that stand under more than one class."""
    alike_pairs: int
    alike_across_split: int
    """Of these, pairs with one image on each side."""


def prepare(config: PrepareConfig, say: Say) -> PrepareResult | None:
    """What was done; None where it had been done before.

    Raises:
        TracInError: the raw folder is not as expected, or the output folder is another's.
    """
    sources = find_sources(config.raw_dir, config.english_names)
    place = Workplace(config.output_dir)
    identity = _identity(config, sources)
    if _resume_or_clear(place, identity, say):
        return None
    place.write_stamp(identity, finished=False)
    entries = _convert_all(place, sources, config, say)
    images = [entry for entry in entries if not entry.reason]
    if not images:
        raise TracInError(
            f"No image of {config.raw_dir} can be read; the first: {entries[0].source.path} "
            f"{entries[0].reason}."
        )
    groups = group_equal([image.pixel_hash for image in images])
    pairs = alike_pairs([image.look for image in images], groups)
    classes = [image.source.class_name for image in images]
    in_test = draw_test(classes, groups, config.test_share, config.seed)
    result = _result(entries, images, groups, pairs, in_test)
    _sort_images(place, images, in_test)
    write_split(place, entries, images, groups, in_test)
    write_pairs(place, images, pairs, in_test)
    _publish(place)
    place.write_stamp(identity, finished=True)
    shutil.rmtree(place.staging, ignore_errors=True)
    return result


def _identity(config: PrepareConfig, sources: Sequence[Source]) -> dict[str, Any]:
    """The settings and the files by name, size and time: what makes two preparations equal."""
    files = [(source.path, source.size, source.modified) for source in sources]
    digest = hashlib.sha256(repr(files).encode())
    return {
        "raw_dir": str(config.raw_dir.resolve()),
        "english_names": config.english_names,
        **asdict(config.settings),
        "test_share": config.test_share,
        "seed": config.seed,
        "files": len(sources),
        "files_sha256": digest.hexdigest(),
    }


def _resume_or_clear(place: Workplace, identity: dict[str, Any], say: Say) -> bool:
    """Whether all is done already; else the folder is ready to be worked in."""
    stamp = place.read_stamp()
    if stamp is None:
        return False
    changed = [key for key in identity if stamp.get(key) != identity[key]]
    if stamp.get("finished"):
        if not changed:
            return True
        facts = ", ".join(
            "other contents"
            if key == "files_sha256"
            else f"{key} {stamp.get(key)}, now {identity[key]}"
            for key in changed
        )
        raise TracInError(
            f"{place.folder} was made from other files or with other settings ({facts}). Name a "
            "new folder, or delete this one."
        )
    files_changed = {"files", "files_sha256"} >= set(changed)
    if changed and not (files_changed and not place.sorting_began()):
        say(f"{place.folder} holds an unfinished preparation with other settings: starting anew.")
        place.clear()
    return False


def _convert_all(
    place: Workplace, sources: Sequence[Source], config: PrepareConfig, say: Say
) -> list[Converted]:
    """What came of each source, in order; what the journal knows is not done again."""
    known = place.read_journal(sources)
    if known:
        say(f"Going on: {len(known):,} of {len(sources):,} files are done.")
    waiting = [source for source in sources if source not in known and source.is_image]
    for source in waiting:
        place.converted(source).parent.mkdir(parents=True, exist_ok=True)
    work = partial(_convert_one, config.raw_dir, place, config.settings)
    workers = config.workers or _cores()
    with (
        place.open_journal() as journal,
        _mapping(work, waiting, workers) as results,
        tqdm(total=len(waiting), desc="Converting", unit="image", disable=None) as bar,
    ):
        for converted in results:
            known[converted.source] = converted
            journal.write(journal_line(converted))
            bar.update()
    reason = f"no image: its name does not end in {', '.join(IMAGE_SUFFIXES)}"
    return [known.get(source) or Converted(source, reason) for source in sources]


def _convert_one(raw_dir: Path, place: Workplace, settings: Settings, source: Source) -> Converted:
    return convert(raw_dir, source, place.converted(source), settings)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def _mapping(
    work: Callable[[Source], Converted], sources: Sequence[Source], workers: int
) -> Iterator[Iterable[Converted]]:
    """``work`` done on each of ``sources``, by several processes where that pays."""
    if workers == 1 or len(sources) <= _FILES_PER_CALL:
        yield map(work, sources)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        with _interrupts_held_back():  # the processes start here, and inherit that for good
            results = pool.map(work, sources, chunksize=_FILES_PER_CALL)
        yield results
    except BrokenProcessPool as error:
        raise TracInError(
            "A process that converts images died, perhaps for want of memory. Run again, with "
            "fewer --workers: it goes on where it stopped."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C reaches every process of the group; only the parent shall answer, once, and later."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(
    entries: Sequence[Converted],
    images: Sequence[Converted],
    groups: Sequence[Sequence[int]],
    pairs: Sequence[AlikePair],
    in_test: npt.NDArray[np.bool_],
) -> PrepareResult:
    classes = [image.source.class_name for image in images]
    return PrepareResult(
        train_images=int((~in_test).sum()),
        test_images=int(in_test.sum()),
        class_names=tuple(sorted(set(classes))),
        left_out=tuple(entry for entry in entries if entry.reason),
        equal_images=len(images) - len(groups),
        equal_across_classes=sum(len({classes[at] for at in group}) > 1 for group in groups),
        alike_pairs=len(pairs),
        alike_across_split=sum(bool(in_test[p.first] != in_test[p.second]) for p in pairs),
    )


def _sort_images(
    place: Workplace, images: Sequence[Converted], in_test: npt.NDArray[np.bool_]
) -> None:
    """Move each image to its side; those that a killed run moved already stay."""
    for image, test in zip(images, in_test, strict=True):
        waiting = place.converted(image.source)
        if waiting.is_file():
            target = place.sorted(image.source, split_name(test))
            target.parent.mkdir(parents=True, exist_ok=True)
            waiting.replace(target)


def _publish(place: Workplace) -> None:
    for split in (TRAIN, TEST):
        if (place.staging / split).is_dir():
            (place.staging / split).replace(place.folder / split)
