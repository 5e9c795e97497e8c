"""The output folder while images are prepared: what it holds, and how a killed run continues."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from tracin.errors import TracInError
from tracin.folder_lock import LOCK, locked
from tracin.image_folder import NEAR_TABLE, SPLIT_TABLE, TEST, TRAIN
from tracin.json_file import fitted, parse_json, read_as
from tracin.places import check_folders, file_below
from tracin.prepare.convert import Converted
from tracin.prepare.raw_files import RawFile
from tracin.temporary import meant_for, remove_abandoned, replacing

STAMP = "prepared.json"
_UNFINISHED = ".unfinished"
_JOURNAL = "journal.jsonl"
_FOLDERS = (_UNFINISHED, TRAIN, TEST)


@dataclass(frozen=True)
class Workplace:
    """The output folder, and the places where an image stands on its way."""

    folder: Path

    @property
    def staging(self) -> Path:
        """Whatever is unfinished is here; train/ and test/ leave it whole, by one rename each."""
        return self.folder / _UNFINISHED

    def converted(self, raw_file: RawFile) -> Path:
        """Path of the image before it is known which side it belongs to."""
        return self.staging / "images" / raw_file.class_name / f"{raw_file.target}.jpg"

    def sorted(self, raw_file: RawFile, split: str) -> Path:
        """Path of the image once its side is known."""
        return self.staging / split / raw_file.class_name / f"{raw_file.target}.jpg"

    def final(self, raw_file: RawFile, split: str) -> Path:
        """Path of the image in the finished folder."""
        return self.folder / split / raw_file.class_name / f"{raw_file.target}.jpg"

    def check_classes(self, raw_files: Iterable[RawFile]) -> None:
        """Check the folders of the classes, on every step of the images' way.

        Raises:
            TracInError: one is a link, so that images would be written elsewhere.
        """
        first = {raw_file.class_name: raw_file for raw_file in raw_files}.values()
        ways = (self.sorted, self.final)
        places = [way(each, split) for each in first for way in ways for split in (TRAIN, TEST)]
        check_folders(self.folder, [*map(self.converted, first), *places])

    def has(self, raw_file: RawFile) -> bool:
        """Whether the image stands at one of these paths."""
        return self.converted(raw_file).is_file() or any(
            path(raw_file, split).is_file()
            for path in (self.sorted, self.final)
            for split in (TRAIN, TEST)
        )

    def sorting_began(self) -> bool:
        """Whether any image was put on its side already."""
        return any(
            (root / split).exists()
            for root in (self.staging, self.folder)
            for split in (TRAIN, TEST)
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder as its only writer; it is made where it is not there.

        Raises:
            TracInError: it holds other things, another process writes there, or nobody can.
        """
        self.read_stamp()  # before a lock is put into a folder of others
        with locked(self.folder, "name another folder as OUTPUT"):
            yield

    def read_stamp(self) -> dict[str, Any] | None:
        """The content of ``prepared.json``; None when the folder is new or empty.

        Raises:
            TracInError: the folder holds other things, or the stamp is damaged.
        """
        path = self.folder / STAMP
        check_folders(self.folder, (self.folder / name / "image" for name in _FOLDERS))
        if path.is_file():
            remedy = f"Delete {self.folder} and run the command again."
            content: dict[str, Any] = read_as(dict[str, Any], path, remedy)
            return content
        if self.folder.exists() and (not self.folder.is_dir() or any(self._others())):
            raise TracInError(
                f"{self.folder} is not empty, and was not made by this command. Name a new folder."
            )
        return None

    def _others(self) -> Iterator[Path]:
        """What is in the folder beside what we left when we were killed before the stamp stood."""
        return (
            path
            for path in self.folder.iterdir()
            if path.name != LOCK and meant_for(path.name) != STAMP
        )

    def write_stamp(self, identity: dict[str, Any], finished: bool) -> None:
        """Mark the folder as ours, with what it is made from."""
        remove_abandoned(self.folder, (STAMP, SPLIT_TABLE, NEAR_TABLE).__contains__)
        with replacing(self.folder / STAMP) as temporary:
            text = json.dumps({**identity, "finished": finished}, indent=2, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def clear(self) -> None:
        """Delete what an unfinished preparation left: only files that this command writes.

        Raises:
            TracInError: images stand in train/ or test/ already, and with them perhaps others.
        """
        for name in (TRAIN, TEST):
            if (self.folder / name).exists():
                raise TracInError(
                    f"{self.folder} holds an unfinished run with other settings, and images in "
                    f"{name}/ already. Name a new folder, or delete this one."
                )
        self.remove_unfinished()
        for name in (SPLIT_TABLE, NEAR_TABLE):
            (self.folder / name).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Delete the folder of what is unfinished, where there is one."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def open_journal(self) -> IO[str]:
        """Open the journal to append to it; a line torn by a kill is ended first."""
        self.staging.mkdir(parents=True, exist_ok=True)
        path = self.staging / _JOURNAL
        if self._journal() is None:  # a link or a pipe leads elsewhere: it goes, not its target
            path.unlink(missing_ok=True)
        torn = path.is_file() and not path.read_bytes().endswith(b"\n")
        journal = path.open("a", encoding="utf-8")
        if torn:
            journal.write("\n")
        return journal

    def _journal(self) -> Path | None:
        """The journal, None where it is no file of ours."""
        return file_below(self.folder, f"{_UNFINISHED}/{_JOURNAL}")

    def read_journal(self, raw_files: Iterable[RawFile]) -> dict[RawFile, Converted]:
        """What became of those ``raw_files`` that were done before and have not changed since."""
        path = self._journal()
        if path is None:
            return {}
        wanted = set(raw_files)
        known: dict[RawFile, Converted] = {}
        # Bytes that are no UTF-8 spoil their own line: no line of ours holds what replaces them.
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").split("\n"):
            try:
                converted: Converted = fitted(Converted, parse_json(line))
            except ValueError:
                continue  # torn by a kill
            if converted.raw_file in wanted and converted.is_whole:
                known[converted.raw_file] = converted
        return {key: value for key, value in known.items() if value.reason or self.has(key)}


def split_name(in_test: bool | np.bool_) -> str:
    """Name of the split: that of the test images or that of the training images."""
    return TEST if in_test else TRAIN


def journal_line(converted: Converted) -> str:
    """What the journal says of one raw file: a line of JSON."""
    return json.dumps(asdict(converted), ensure_ascii=False) + "\n"
