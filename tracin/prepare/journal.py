"""What a preparation leaves in its folder to be recognised and continued."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from tracin.errors import TracInError
from tracin.prepare.convert import Converted
from tracin.prepare.sources import Source
from tracin.results.staging import replacing

STAMP = "prepared.json"
TRAIN, TEST = "train", "test"
SPLIT_TABLE = "split.csv"
NEAR_TABLE = "near_duplicates.csv"
_UNFINISHED = ".unfinished"
_JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Workplace:
    """The output folder while images are prepared."""

    folder: Path

    @property
    def staging(self) -> Path:
        """Everything unfinished is in here; train/ and test/ leave it whole, by a rename each."""
        return self.folder / _UNFINISHED

    def converted(self, source: Source) -> Path:
        """Where the image stands before it is known on which side it belongs."""
        return self.staging / "images" / source.class_name / f"{source.target}.jpg"

    def sorted(self, source: Source, split: str) -> Path:
        """Where it stands then."""
        return self.staging / split / source.class_name / f"{source.target}.jpg"

    def final(self, source: Source, split: str) -> Path:
        """Where it stands in the end."""
        return self.folder / split / source.class_name / f"{source.target}.jpg"

    def has(self, source: Source) -> bool:
        """Whether the image is in one of these places."""
        return self.converted(source).is_file() or any(
            place(source, split).is_file()
            for place in (self.sorted, self.final)
            for split in (TRAIN, TEST)
        )

    def sorting_began(self) -> bool:
        """Whether images were already put on their sides."""
        return any(
            (root / split).exists()
            for root in (self.staging, self.folder)
            for split in (TRAIN, TEST)
        )

    def read_stamp(self) -> dict[str, Any] | None:
        """The content of ``prepared.json``; None where the folder is new or empty.

        Raises:
            TracInError: the folder holds other things, or the stamp is damaged.
        """
        path = self.folder / STAMP
        if path.is_file():
            try:
                content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise TracInError(
                    f"{path} is damaged ({error}). Delete {self.folder} and run again."
                ) from error
            return content
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise TracInError(
                f"{self.folder} is not empty, and was not made by this command. Name a new folder."
            )
        return None

    def write_stamp(self, identity: dict[str, Any], finished: bool) -> None:
        """Make the folder known as ours."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / STAMP) as temporary:
            text = json.dumps({**identity, "finished": finished}, indent=2, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def clear(self) -> None:
        """Delete what an unfinished preparation left: what this command writes, and no more."""
        for name in (_UNFINISHED, TRAIN, TEST):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in (SPLIT_TABLE, NEAR_TABLE):
            (self.folder / name).unlink(missing_ok=True)

    def open_journal(self) -> IO[str]:
        """The journal, to write behind what is there; a torn last line is ended first."""
        self.staging.mkdir(parents=True, exist_ok=True)
        path = self.staging / _JOURNAL
        torn = path.is_file() and not path.read_bytes().endswith(b"\n")
        journal = path.open("a", encoding="utf-8")
        if torn:
            journal.write("\n")
        return journal

    def read_journal(self, sources: Iterable[Source]) -> dict[Source, Converted]:
        """What is known already of ``sources``, unchanged since, and still there."""
        path = self.staging / _JOURNAL
        if not path.is_file():
            return {}
        wanted = set(sources)
        known: dict[Source, Converted] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                converted = Converted(**{**entry, "source": Source(**entry["source"])})
            except (ValueError, TypeError, KeyError):
                continue  # torn by a kill
            if converted.source in wanted:
                known[converted.source] = converted
        return {key: value for key, value in known.items() if value.reason or self.has(key)}


def split_name(in_test: bool | np.bool_) -> str:
    """The folder of test images, or of training images."""
    return TEST if in_test else TRAIN


def journal_line(converted: Converted) -> str:
    """A line of the journal."""
    return json.dumps(asdict(converted), ensure_ascii=False) + "\n"
