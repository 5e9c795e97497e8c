"""Actions → a cleaned data folder; the original is only ever read.

``train/`` is laid out anew: relabelled images stand in their new class, deleted ones are left out.
The test images are carried over as they are. Files are hard links where the file system can make
them, and copies elsewhere. What is there already is left alone, so that applying twice changes
nothing and a killed run is finished by the next.
"""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tracin.clean.actions import DELETE, KEEP, RELABEL, Action
from tracin.errors import TracInError
from tracin.image_folder import TEST_FOLDERS, TRAIN, images_in_order
from tracin.results.staging import replacing

LOG = "cleaning_log.csv"
LOG_COLUMNS = ("path", "action", "new_path", "note")
STAMP = "cleaned_from.json"
"""What tells a folder of ours from a foreign one, and which data folder it was made from."""

CARRIED_OVER = "carried over"
"""What the log says of files outside train/."""


@dataclass(frozen=True)
class Step:
    """What becomes of one file of the data folder; a line of the log."""

    path: str
    """Relative to the data folder, with forward slashes."""
    action: str
    """keep, relabel, delete, or ``CARRIED_OVER``."""
    new_path: str
    """Relative to the cleaned folder; empty where the file is left out."""
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether it will stand elsewhere than in the original, or nowhere."""
        return self.new_path != self.path


@dataclass(frozen=True)
class Plan:
    """What becomes of every file."""

    data_dir: Path
    steps: tuple[Step, ...]

    @property
    def counts(self) -> Counter[str]:
        """Number of files by action."""
        return Counter(step.action for step in self.steps)


@dataclass(frozen=True)
class Applied:
    """How the cleaned folder was brought to its state."""

    linked: int
    copied: int
    unchanged: int
    """Files that stood there already."""
    removed: int
    """Files of a former application that no longer belong there."""


def training_images(data_dir: Path) -> tuple[str, ...]:
    """The training images of ``data_dir``, relative to it, in the order of their index.

    Raises:
        TracInError: there are none.
    """
    paths = tuple(images_in_order(data_dir / TRAIN))
    if not paths:
        raise TracInError(
            f"There are no images in {data_dir / TRAIN}. Name the folder that the actions speak of "
            "with --data_dir."
        )
    return paths


def class_names(train_paths: Sequence[str]) -> tuple[str, ...]:
    """The classes of the training images, each once, in order."""
    return tuple(dict.fromkeys(path.split("/")[1] for path in train_paths))


def plan_cleaning(data_dir: Path, train_paths: Sequence[str], actions: Sequence[Action]) -> Plan:
    """What becomes of every image of train/, and of every file beside it; nothing is written.

    Args:
        data_dir: the original.
        train_paths: its training images, relative to it.
        actions: checked against them; an image without one is kept.

    Raises:
        TracInError: a class would be left without any image.
    """
    decided = {action.train_path: action for action in actions}
    verbs = {path: decided[path].verb if path in decided else KEEP for path in train_paths}
    taken = {_key(path) for path, verb in verbs.items() if verb == KEEP}
    steps = []
    for path in train_paths:
        note = "" if path in decided else "no action"
        new_path = path
        if verbs[path] == DELETE:
            new_path = ""
        elif verbs[path] == RELABEL:
            wanted = _in_class(path, decided[path].new_class)
            new_path = _free(wanted, path.split("/")[1], taken)
            taken.add(_key(new_path))
            note = f"renamed: {wanted} is another image" if new_path != wanted else ""
        steps.append(Step(path, verbs[path], new_path, note))
    _check_classes(train_paths, steps)
    others = [Step(path, CARRIED_OVER, path) for path in _test_files(data_dir)]
    return Plan(data_dir, (*steps, *others))


def _in_class(path: str, name: str) -> str:
    split, _, *rest = path.split("/")
    return "/".join([split, name, *rest])


def _free(path: str, former_class: str, taken: set[str]) -> str:
    """``path``, or a name beside it that no other image has."""
    candidate, number = path, 1
    stem, dot, ending = path.rpartition(".")
    while _key(candidate) in taken:
        again = f"_{number}" if number > 1 else ""
        candidate = f"{stem}_from_{former_class}{again}{dot}{ending}"
        number += 1
    return candidate


def _key(path: str) -> str:
    """The same for names that some file systems take for one."""
    return unicodedata.normalize("NFC", path).casefold()


def _check_classes(train_paths: Sequence[str], steps: Sequence[Step]) -> None:
    left = set(class_names([step.new_path for step in steps if step.new_path]))
    if empty := [name for name in class_names(train_paths) if name not in left]:
        raise TracInError(
            f"These actions leave no training image in class {', '.join(empty)}, and nothing was "
            "done. A model needs at least one for each class: keep one, or take the class out of "
            "train/ and test/ yourself."
        )


def _test_files(data_dir: Path) -> Iterator[str]:
    for split in TEST_FOLDERS:
        for root, folders, files in os.walk(data_dir / split, followlinks=True):
            folders.sort()
            inside = Path(root).relative_to(data_dir).as_posix()
            yield from (f"{inside}/{file}" for file in sorted(files))


def check_target(data_dir: Path, cleaned_dir: Path) -> None:
    """Nothing, when ``cleaned_dir`` is new, empty, or was made from ``data_dir`` before.

    Raises:
        TracInError: it holds other things, or one of the two folders lies in the other.
    """
    original, target = data_dir.resolve(), cleaned_dir.resolve()
    if target.is_relative_to(original) or original.is_relative_to(target):
        raise TracInError(
            f"{cleaned_dir} and the data folder {data_dir} lie within one another. Name a folder "
            "elsewhere with --cleaned_dir: the original is never touched."
        )
    if not cleaned_dir.exists():
        return
    if not cleaned_dir.is_dir():
        raise TracInError(f"{cleaned_dir} is a file. Name a folder with --cleaned_dir.")
    if not any(cleaned_dir.iterdir()):
        return
    try:
        made_from = json.loads((cleaned_dir / STAMP).read_text(encoding="utf-8"))["data_dir"]
    except (OSError, ValueError, KeyError, TypeError):
        raise TracInError(
            f"{cleaned_dir} holds files that --apply did not put there. Name a new or an empty "
            "folder with --cleaned_dir."
        ) from None
    if Path(made_from) != original:
        raise TracInError(
            f"{cleaned_dir} was made from {made_from}, not from {data_dir}. Name another folder "
            "with --cleaned_dir."
        )


def apply(plan: Plan, cleaned_dir: Path) -> Applied:
    """What was done to bring ``cleaned_dir`` to the state that ``plan`` says.

    Raises:
        TracInError: see ``check_target``; or a file that is not ours stands in the way, or the
            folder cannot be written to.
    """
    check_target(plan.data_dir, cleaned_dir)
    wanted = {step.new_path: step for step in plan.steps if step.new_path}
    former = _former_files(cleaned_dir)
    try:
        cleaned_dir.mkdir(parents=True, exist_ok=True)
        for abandoned in cleaned_dir.rglob(".*.part"):  # of a run that was killed
            abandoned.unlink()
        _write_stamp(plan.data_dir, cleaned_dir)
        # In this order a run killed anywhere knows its files: what goes is in the former log,
        # what comes is in the new one.
        stale = [name for name in former if name not in wanted]
        removed = sum(_remove(cleaned_dir, name) for name in stale)
        _write_log(plan, cleaned_dir)
        done = Counter(
            _place(plan.data_dir / step.path, cleaned_dir / new_path, new_path in former)
            for new_path, step in wanted.items()
        )
    except OSError as error:
        raise TracInError(
            f"Cannot write to {cleaned_dir} ({error}). Make room there, or name another folder "
            "with --cleaned_dir; the original is as it was."
        ) from error
    return Applied(done["linked"], done["copied"], done["unchanged"], removed)


def _former_files(cleaned_dir: Path) -> frozenset[str]:
    """What the former application put there, by its log."""
    try:
        log = pd.read_csv(cleaned_dir / LOG, dtype=str, keep_default_na=False, encoding="utf-8")
        return frozenset(log["new_path"]) - {""}
    except (OSError, ValueError, KeyError):
        return frozenset()


def _write_stamp(data_dir: Path, cleaned_dir: Path) -> None:
    with replacing(cleaned_dir / STAMP) as temporary:
        text = json.dumps({"data_dir": str(data_dir.resolve())}, ensure_ascii=False, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def _write_log(plan: Plan, cleaned_dir: Path) -> None:
    rows = [(step.path, step.action, step.new_path, step.note) for step in plan.steps]
    with replacing(cleaned_dir / LOG) as temporary:
        frame = pd.DataFrame(rows, columns=list(LOG_COLUMNS))
        frame.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def _remove(cleaned_dir: Path, name: str) -> bool:
    path = cleaned_dir / name
    if ".." in Path(name).parts or not path.is_file():
        return False
    path.unlink()
    return True


def _place(source: Path, target: Path, is_ours: bool) -> str:
    """``linked``, ``copied`` or ``unchanged``: how ``target`` came to be ``source``."""
    if target.exists():
        if _same(source, target):
            return "unchanged"
        if not is_ours:
            raise TracInError(
                f"{target} is in the way: --apply did not put it there. Move it away and run "
                "again; the original is as it was."
            )
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)  # resolved: never a link to a link
    except OSError:  # another file system, or one without hard links
        with replacing(target) as temporary:
            shutil.copy2(source, temporary)
        return "copied"
    return "linked"


def _same(source: Path, target: Path) -> bool:
    if source.samefile(target):
        return True
    a, b = source.stat(), target.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)
