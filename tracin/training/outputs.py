"""The files of a training: their names, what is in them, and whether they are whole.

Each is written to a temporary name and renamed. ``training.json`` says from the beginning to which
training the folder belongs, and in the end that it is finished, with a hash of each file.
"""

from __future__ import annotations

import errno
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from tracin.architectures import ARCHITECTURE_KEY
from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.hashing import file_sha256
from tracin.json_file import read_as
from tracin.machine.refusals import is_lack_of_memory, reason
from tracin.temporary import remove_abandoned, replacing

MANIFEST = "training.json"
STATE = "training_state.pth"
HISTORY = "training_history.csv"
CURVE = "training_curve.png"
CHECKPOINT_PREFIX = "checkpoint_epoch_"
BEST_PREFIXES = ("Resnet50_animals10_val_", "best_val_")
"""Of the best weights: a ResNet50's, as the Animals-10 checkpoint is called, and any other's."""
_OURS = re.compile(
    rf"{re.escape(HISTORY)}|{re.escape(CURVE)}|{CHECKPOINT_PREFIX}\d+\.pth|"
    rf"({'|'.join(BEST_PREFIXES)})\w+\.pth"
)
"""Names of the files that a manifest lists."""


def checkpoint_name(epoch: int) -> str:
    """Name of the checkpoint after ``epoch`` (from 1)."""
    return f"{CHECKPOINT_PREFIX}{epoch:02d}.pth"


def best_name(accuracy: float, loss: float, architecture: str = DEFAULT_ARCHITECTURE) -> str:
    """Name of the best weights, such as ``Resnet50_animals10_val_0_9796_0_5963.pth``."""
    prefix = BEST_PREFIXES[architecture != DEFAULT_ARCHITECTURE]
    return f"{prefix}{accuracy:.4f}_{loss:.4f}".replace(".", "_") + ".pth"


@dataclass(frozen=True)
class EpochRow:
    """A row of the history."""

    epoch: int
    """From 1."""
    stage: str
    """``head`` or ``all``."""
    learning_rate: float
    """Of the head, mean over the epoch's steps."""
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    best: bool
    """Better than every epoch before."""


def write_history(folder: Path, history: list[EpochRow]) -> None:
    """Write the history as CSV."""
    with writing(folder / HISTORY) as temporary:
        pd.DataFrame([asdict(row) for row in history]).to_csv(
            temporary, index=False, lineterminator="\n", encoding="utf-8"
        )


@dataclass(frozen=True)
class Manifest:
    """The content of ``training.json``."""

    identity: dict[str, Any]
    """The recipe and the images, as plain values: what makes one training another than the next."""
    finished: bool = False
    files: dict[str, str] = field(default_factory=dict)
    """Name → SHA-256; empty text for one that may be half-way, before the training is finished."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What was done, for the reader."""


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in ``folder``, or None where there is none.

    Raises:
        TracInError: it is damaged.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    remedy = "Delete it, or give another --output_dir."
    manifest: Manifest = read_as(Manifest, path, remedy)
    for name in manifest.files:
        if not _OURS.fullmatch(name):  # the files that it lists are deleted one day
            raise TracInError(f"{path} is damaged: {name} is no file of a training. {remedy}")
    # Earlier versions trained nothing else, and did not say so.
    identity = {ARCHITECTURE_KEY: DEFAULT_ARCHITECTURE, **manifest.identity}
    return replace(manifest, identity=identity)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``training.json``."""
    with writing(folder / MANIFEST) as temporary:
        text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def announce(folder: Path, manifest: Manifest, name: str) -> Manifest:
    """Add ``name`` to the manifest before that file is written, so that no kill leaves a file that
    nobody knows; return the manifest.
    """
    if name in manifest.files:
        return manifest
    longer = replace(manifest, files={**manifest.files, name: ""})
    write_manifest(folder, longer)
    return longer


def finish(folder: Path, manifest: Manifest, facts: dict[str, Any]) -> Manifest:
    """Write the manifest of a finished training and delete its state; return the manifest."""
    files = {
        name: file_sha256(folder / name) for name in manifest.files if (folder / name).is_file()
    }
    whole = Manifest(manifest.identity, True, files, facts)
    write_manifest(folder, whole)
    remove_state(folder)
    return whole


def remove_state(folder: Path) -> None:
    """Delete what only a training that is to go on needs."""
    (folder / STATE).unlink(missing_ok=True)


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """Whether the training is finished and its weights and history are as it left them."""
    return manifest.finished and all(
        (folder / name).is_file() and file_sha256(folder / name) == digest
        for name, digest in manifest.files.items()
    )


def discard(folder: Path, manifest: Manifest) -> None:
    """Delete a training's files: those that its manifest lists, and no other."""
    for name in filter(_is_ours, (*manifest.files, STATE, MANIFEST)):
        (folder / Path(name).name).unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of a training that was killed while it wrote."""
    remove_abandoned(folder, _is_ours)


def _is_ours(name: str) -> bool:
    weights = name.startswith((CHECKPOINT_PREFIX, *BEST_PREFIXES)) and name.endswith(".pth")
    return weights or name in (MANIFEST, STATE, HISTORY, CURVE)


def remove_worse(folder: Path, manifest: Manifest, best: str) -> Manifest:
    """Delete the best weights of earlier epochs; return the manifest without them."""
    worse = [name for name in manifest.files if name.startswith(BEST_PREFIXES) and name != best]
    if not worse:
        return manifest
    for name in worse:
        (folder / name).unlink(missing_ok=True)
    files = {name: digest for name, digest in manifest.files.items() if name not in worse}
    shorter = replace(manifest, files=files)
    write_manifest(folder, shorter)
    return shorter


def write_tensors(content: Any, path: Path) -> None:
    """Write ``content`` with torch.save, whole or not at all; equal contents give equal bytes."""
    # Given a path, torch.save would write its name into the file.
    with writing(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


def read_state(folder: Path) -> dict[str, Any] | None:
    """What a training needs to go on, or None where there is nothing to go on from.

    Raises:
        TracInError: it is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    with intact(path):
        with zipfile.ZipFile(path) as archive:
            if changed := archive.testzip():  # torch.load checks no sums
                raise ValueError(f"{changed} was changed")
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Take whatever fails in the block for a fault of the state in ``path``.

    Raises:
        TracInError: it is damaged. Lack of memory, and what the disk refuses, stay what they are.
    """
    try:
        yield
    except Exception as error:
        # A short file makes its reader seek to before its beginning (EINVAL), which tells of
        # the file, not of the disk.
        refused = isinstance(error, OSError) and error.errno != errno.EINVAL
        if refused or is_lack_of_memory(error):
            raise
        fact = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TracInError(
            f"{path} is damaged ({fact}), so the training cannot go on. Begin it anew with "
            "--restart."
        ) from error


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to ``path`` when the block ends.

    Raises:
        TracInError: the disk does not take it.
    """
    try:
        with replacing(path) as temporary:
            yield temporary
    except (OSError, RuntimeError) as error:
        refused = _refused_write(error)
        if refused is None:
            raise
        raise TracInError(
            f"{path} cannot be written ({reason(refused)}). Put that right, and the same command "
            "goes on after the last finished epoch."
        ) from error


def _refused_write(error: BaseException | None) -> OSError | None:
    """What the disk refused; torch.save tells of it in other words, at the second attempt."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict on the CPU, in the usual memory layout."""
    return {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
