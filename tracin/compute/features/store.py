"""Kept features: each image's pooled feature on disk, so that no forward pass is done twice.

One SQLite file, and one more for each further machine of a run. A feature is found again only for
the same weights, preprocessing and precision (the key) and the same file (path, size, time of last
change, and its place on the disk or else its content); anything else, and what no longer agrees
with its checksum, is computed anew. SQLite commits a batch whole or not at all, serves several
processes, and needs no code of ours to survive a kill: docs/benchmarks.md has the comparison.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from tracin.compute.features.file_states import FileState
from tracin.compute.model.network import Backbone
from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.hashing import HASH_BYTES, content_hash
from tracin.images import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE_FILE = "features.sqlite"
STORE_FILES = "features*.sqlite"
"""Pattern of the stores of all machines of a run."""

_LAYOUT = 2
"""Part of every key: raise it when the meaning of a stored value changes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    key TEXT, path TEXT, size INTEGER, changed INTEGER, place TEXT,
    hashes BLOB, value BLOB, checksum INTEGER,
    PRIMARY KEY (key, path)
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX files ON images (key, path, size, changed)"
"""What is kept, without the features: told in seconds, where reading past a million of them takes
half a minute. A store of an earlier version has none, and does without."""
_FORMER = "DROP TABLE IF EXISTS features"
"""An earlier version's, for whose keys this one does not ask: it goes when something new comes."""

OTHERWISE = "name another folder with --cache_dir (--no_cache does without)"
"""What the first script's user can do about a store that cannot be used."""

_ROWS_PER_BLOCK = 256
"""Two megabytes of the usual features."""

_PAGE = 65536
"""Bytes of a page of the file: seven features each. In pages of 4 kB each feature was strewn over
three, and a million took twice as long to write and to read."""

_PATIENCE = 120
"""Seconds to wait for another process that writes to the same file."""


def weights_hash(backbone: nn.Module) -> str:
    """The hash of all weights that evaluation uses, and of the architecture that uses them."""
    digest = hashlib.sha256()
    if isinstance(backbone, Backbone):
        if backbone.architecture != DEFAULT_ARCHITECTURE:  # as before there were others
            digest.update(backbone.architecture.encode())
        backbone = backbone.network
    for name, value in sorted(backbone.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy())
    return digest.hexdigest()


def feature_key(weights: str, preprocessing: Preprocessing, precision: str) -> str:
    """The hash that names everything but the image on which a pooled feature depends.

    Args:
        weights: the hash of the backbone's and of its architecture.
        preprocessing: of the images.
        precision: of the backbone.
    """
    shown = asdict(preprocessing)
    if shown["crop"]["interpolation"] == "bilinear":  # as before there were others
        del shown["crop"]["interpolation"]
    facts = {"layout": _LAYOUT, "weights": weights, **shown, "precision": precision}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_PATIENCE)
    database.execute(f"PRAGMA page_size = {_PAGE}")  # of a file that is not there yet
    # Readers and a writer go on side by side; a commit waits for no disk, and a killed process
    # loses nothing. Where a file system cannot do this, SQLite keeps its default.
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'images'").fetchall():
        with suppress(sqlite3.OperationalError):  # another process made both a moment ago
            database.executescript(f"BEGIN; {_SCHEMA}; {_INDEX}; COMMIT")
    database.executescript(_SCHEMA)
    return database


class FeatureStore:
    """The kept features in a folder; use as a context manager."""

    def __init__(
        self, folder: Path, machine: int = 0, machines: int = 1, *, otherwise: str = OTHERWISE
    ) -> None:
        """Open the store, making it where there is none.

        SQLite's files are for one machine at a time. So each machine of a run writes and reads a
        file of its own, even in a folder that they share; a run on one machine reads them all.

        Args:
            folder: where the files are.
            machine: number of this machine in the run.
            machines: of the run.
            otherwise: how the user names another place, for messages.

        Raises:
            TracInError: a file is damaged, or the folder cannot be written.
        """
        self._otherwise = otherwise
        own = folder / (f"features.machine{machine}.sqlite" if machine else STORE_FILE)
        with _explained(own, otherwise):
            folder.mkdir(parents=True, exist_ok=True)
        paths = [own]
        if machines == 1:
            paths += (path for path in sorted(folder.glob(STORE_FILES)) if path != own)
        self._databases: dict[Path, sqlite3.Connection] = {}
        for path in paths:
            with _explained(path, self._otherwise):
                self._databases[path] = _open(path)
        self._own = own

    def load(
        self, key: str, states: Sequence[FileState], values: Tensor, hashes: Tensor
    ) -> npt.NDArray[np.bool_]:
        """Fill the rows of ``values`` and ``hashes`` that are kept; return which, (n,).

        Args:
            key: of the weights and the preprocessing.
            states: (n,) present states of the images.
            values: (n, m), float32: the features.
            hashes: (n, 2, ``HASH_BYTES``), uint8, as of ``images.DecodedImage``.
        """
        rows = {state.path: row for row, state in enumerate(states)}
        found = np.zeros(len(states), dtype=bool)
        moved: list[tuple[str, str, str]] = []
        query = (
            "SELECT path, size, changed, place, hashes, value, checksum FROM images WHERE key = ?"
        )
        block = _Block(values.numpy(), hashes.view(len(hashes), -1).numpy())
        for path, size, changed, identity, kept_hashes, value, checksum in self._select(query, key):
            row = rows.get(path)
            if row is None or checksum is None or checksum != _checksum(kept_hashes, value):
                continue
            state = states[row]
            if (state.size, state.changed) != (size, changed):
                continue
            if (
                state.identity != identity
            ):  # a moved or linked file, with the same content, or another
                if not _has_content(state, kept_hashes[:HASH_BYTES]):
                    continue
                moved.append((state.identity, key, path))
            block.put(row, value, kept_hashes)
            found[row] = True
        block.write()
        self._note_identities(moved)
        return found

    def _note_identities(self, moved: Sequence[tuple[str, str, str]]) -> None:
        """Note (identity, key, path) of files whose content was compared, to save it next time."""
        own = self._databases[self._own]
        with _explained(self._own, self._otherwise), own:
            own.executemany("UPDATE images SET place = ? WHERE key = ? AND path = ?", moved)

    def count(self, key: str, states: Sequence[FileState]) -> int:
        """How many of these images have a kept feature, as far as size and time can tell."""
        present = {state.path: (state.size, state.changed) for state in states}
        query = "SELECT path, size, changed FROM images WHERE key = ?"
        found = {
            path
            for path, size, changed in self._select(query, key)
            if present.get(path) == (size, changed)
        }
        return len(found)

    def _select(self, query: str, key: str) -> Iterator[tuple[Any, ...]]:
        for path, database in self._databases.items():
            with _explained(path, self._otherwise):
                yield from database.execute(query, (key,))

    def save(self, key: str, states: Sequence[FileState], values: Tensor, hashes: Tensor) -> None:
        """Keep the features (n, m), float32, of a batch: all of it or, at a kill, none.

        Args:
            key: of the weights and the preprocessing.
            states: (n,) of the images.
            values: (n, m), float32: the features.
            hashes: (n, 2, ``HASH_BYTES``), uint8.

        Raises:
            TracInError: the disk is full, or another process holds the store for minutes.
        """
        rows = []
        for state, value, both in zip(states, values.numpy(), hashes.numpy(), strict=True):
            blobs = both.tobytes(), value.tobytes()
            facts = (state.path, state.size, state.changed, state.identity)
            rows.append((key, *facts, *blobs, _checksum(*blobs)))
        own = self._databases[self._own]
        with _explained(self._own, self._otherwise), own:
            own.execute(_FORMER)
            own.executemany("INSERT OR REPLACE INTO images VALUES (?,?,?,?,?,?,?,?)", rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for database in self._databases.values():
            database.close()


class _Block:
    """Rows on their way into two arrays: many at a time take a third of the time."""

    def __init__(self, values: npt.NDArray[np.float32], hashes: npt.NDArray[np.uint8]) -> None:
        self._values, self._hashes = values, hashes
        self._rows: list[int] = []
        self._kept: list[bytes] = []
        self._kept_hashes: list[bytes] = []

    def put(self, row: int, value: bytes, hashes: bytes) -> None:
        self._rows.append(row)
        self._kept.append(value)
        self._kept_hashes.append(hashes)
        if len(self._rows) == _ROWS_PER_BLOCK:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        for array, parts in ((self._values, self._kept), (self._hashes, self._kept_hashes)):
            joined = np.frombuffer(b"".join(parts), dtype=array.dtype)
            array[self._rows] = joined.reshape(len(parts), array.shape[1])
            parts.clear()
        self._rows.clear()


def _checksum(hashes: object, value: object) -> int | None:
    """The checksum of what was kept; None where it is no bytes, but text or nothing."""
    if not isinstance(hashes, bytes) or not isinstance(value, bytes):
        return None
    return zlib.crc32(value, zlib.crc32(hashes))


def _has_content(state: FileState, expected: bytes) -> bool:
    try:
        return content_hash(Path(state.path).read_bytes()) == expected
    except OSError:
        return False


@contextmanager
def _explained(path: Path, otherwise: str) -> Iterator[None]:
    """Errors of the store's file ``path`` as sentences for the user."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise TracInError(
            f"{path}: the kept features cannot be written or read ({error}). Free disk space, or "
            f"{otherwise}, then run again: what was kept so far serves that run."
        ) from error
    except (sqlite3.DatabaseError, OSError) as error:
        raise TracInError(f"{path} cannot be used ({error}). Delete it, or {otherwise}.") from error
