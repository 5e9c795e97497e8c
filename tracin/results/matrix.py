"""The influence matrix as text: ``influence_scores.csv`` in row blocks, exact in float32.

The file's header is ``0,1,…,n_test−1``, without an index column; line i + 2 holds training image i.
``class_influence.csv`` has the same form with class names for a header.
"""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib import format as npy

from tracin.errors import TracInError
from tracin.places import check_regular
from tracin.results.cells import as_it_was, csv_line
from tracin.results.float_text import csv_rows
from tracin.results.manifest import FileRecord
from tracin.wording import count, first_sentence

Float32Array = npt.NDArray[np.float32]

VALUES_PER_WRITE = 8192
"""Values turned into text at a time, in whole rows: some 100 kB. Larger pieces took twice as long,
since the memory for each came from the operating system anew."""

VALUES_PER_BLOCK = 4_000_000
"""Default size of a block that is read: 16 MB as float32, whatever the shape of the matrix."""


class MatrixWriter:
    """Writes a matrix in row blocks, in order; use as a context manager.

    Args:
        path: of the file.
        columns: its header.
        rows: of the whole matrix, which is written as numpy's ``.npy``; None: as text.
    """

    def __init__(self, path: Path, columns: Sequence[object], *, rows: int | None = None) -> None:
        self._width, self._size, self._as_text = len(columns), 0, rows is None
        self.name = path.name
        self._sha256 = hashlib.sha256()
        self._file = path.open("wb")
        text = csv_line([str(column) for column in columns]).encode()
        self._put(text if rows is None else _array_header((rows, len(columns))))

    @property
    def record(self) -> FileRecord:
        """Of what was written so far: to read a large file once more would take minutes."""
        return FileRecord(self._size, self._sha256.hexdigest())

    def write(self, block: Float32Array) -> None:
        """Append ``block`` (rows, columns), float32.

        Raises:
            ValueError: another number of columns than the header has, or another dtype.
            TracInError: a score is NaN or infinite.
        """
        if block.ndim != 2 or block.shape[1] != self._width or block.dtype != np.float32:
            raise ValueError(f"a block is (rows, {self._width}) float32, not {block.shape}")
        if not np.isfinite(block).all():
            raise TracInError(
                "Some influence scores are NaN or infinite. The weights or the learning rate are "
                "too large for float32: check the checkpoint and --learning_rate."
            )
        if not self._as_text:
            self._put(np.ascontiguousarray(block, dtype="<f4").tobytes())
            return
        step = max(1, VALUES_PER_WRITE // self._width)
        for start in range(0, len(block), step):
            rows = np.ascontiguousarray(block[start : start + step])
            self._put(csv_rows(rows) + b"\n")

    def _put(self, text: bytes) -> None:
        self._file.write(text)
        self._sha256.update(text)
        self._size += len(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def _array_header(shape: tuple[int, int]) -> bytes:
    header = io.BytesIO()
    npy.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return header.getvalue()


def read_shape(path: Path, seen: Callable[[bytes], object] = lambda _: None) -> tuple[int, int]:
    """(n_train, n_test) of the matrix in ``path``, from its header and its number of lines.

    Args:
        path: the file.
        seen: is given all of it, piece by piece, to hash it on the way.

    Raises:
        TracInError: the file is missing or empty, or its header does not number the test images.
    """
    try:
        check_regular(path)
        with path.open("rb") as file:
            header = file.readline()
            seen(header)
            lines, last = 0, b"\n"
            while chunk := file.read(1 << 22):
                seen(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
    except FileNotFoundError:
        raise TracInError(
            f"{path} is not there. Run TracIn_Resnet50.py first, or name its folder with "
            "--results_dir."
        ) from None
    if not header.strip():
        raise TracInError(f"{path} is empty. Run TracIn_Resnet50.py again.")
    return lines + (last != b"\n"), _columns(path, header)


def _columns(path: Path, header: bytes) -> int:
    """Number of columns in the matrix whose first line is ``header``.

    Raises:
        TracInError: it is not 0,1,2,…; where it shows which program wrote the file in which way,
            the message says so.
    """
    cells = [cell.strip().strip('"') for cell in header.decode("utf-8-sig", "replace").split(",")]
    if cells == list(map(str, range(len(cells)))):
        return len(cells)
    reason = f"it begins with {cells[0][:40]!r}"
    if cells[1:] and cells[1:] == list(map(str, range(len(cells) - 1))):
        name = f"is called {cells[0]!r}" if cells[0] else "has no name"
        reason = (
            f"there is an index column too many, the first, which {name} (with pandas, write the "
            "file with to_csv(path, index=False))"
        )
    elif all(map(_is_number, cells)):
        numbered = ",".join(map(str, range(min(len(cells), 3))))
        reason = (
            "the file has no header: its first line holds scores (with numpy, write it with "
            f"header='{numbered},…' and comments='')"
        )
    raise TracInError(
        f"{path} is no matrix of scores. Its first line must number the test images, 0,1,2,…, and "
        f"{reason}. Correct it, or run TracIn_Resnet50.py again."
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_blocks(path: Path, rows: int | None = None) -> Iterator[Float32Array]:
    """The matrix in ``path`` as blocks (rows, n_test), float32, in order.

    Args:
        path: an ``influence_scores.csv``, ours or another program's in the same format.
        rows: rows of a block; as many as give 16 MB where None.

    Raises:
        TracInError: no such file, no rows, a cell that is no finite number, or a short row.
    """
    _, n_test = read_shape(path)
    yield from _blocks(path, rows or max(1, VALUES_PER_BLOCK // n_test), "0,1,2,…", "test image")


def read_class_means(path: Path, classes: Sequence[str], n_train: int) -> Float32Array:
    """The means in ``path``, (n_train, classes), float32; positive = helps.

    Args:
        path: a ``class_influence.csv``.
        classes: of the test images; columns come back in this order, whatever the file's.
        n_train: number of training images.

    Raises:
        TracInError: the columns are not these classes, a cell is no finite number, or there are
            more or fewer rows.
    """
    header = _header(path)
    _check_classes(path, header, classes)
    rows = max(1, VALUES_PER_BLOCK // len(header))
    means = np.concatenate(list(_blocks(path, rows, "the names of the classes", "class")))
    if len(means) != n_train:
        raise TracInError(
            f"{path} has {count(len(means), 'row')}, but the run has "
            f"{count(n_train, 'training image')}: they come from different runs, or the file was "
            "cut off. Run TracIn_Resnet50.py again."
        )
    return np.take(means, [header.index(name) for name in classes], axis=1)


def _header(path: Path) -> list[str]:
    check_regular(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header = [as_it_was(cell) for cell in next(csv.reader(file, strict=True), [])]
    except (csv.Error, UnicodeDecodeError) as error:
        raise TracInError(
            f"The header of {path} cannot be read ({error}). Run TracIn_Resnet50.py again."
        ) from error
    if not header:
        raise TracInError(f"{path} is empty. Run TracIn_Resnet50.py again.")
    return header


def _check_classes(path: Path, header: list[str], classes: Sequence[str]) -> None:
    wrong = [f"has no column for class {name}" for name in classes if name not in header]
    wrong += [
        f"has a column {name}, and no test image is of that class"
        for name in header
        if name not in classes
    ]
    wrong += [f"has two columns {name}" for name in header if header.count(name) > 1]
    if wrong:
        raise TracInError(
            f"{path} {wrong[0]}: it comes from another run than the table of the test images, or "
            "was damaged. Run TracIn_Resnet50.py again."
        )


def _blocks(path: Path, rows: int, header: str, each: str) -> Iterator[Float32Array]:
    """The numbers below the first line of ``path`` as blocks (rows, columns), in order.

    Args:
        path: a CSV file without an index column.
        rows: rows of a block.
        header: what the first line holds, in words.
        each: what a column is for, in words.
    """
    done = 0
    try:
        with (
            warnings.catch_warnings(),
            pd.read_csv(path, dtype=np.float32, chunksize=rows, index_col=False) as reader,
        ):
            # pandas only warns where a line has more cells than the header.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            for frame in reader:
                block: Float32Array = np.ascontiguousarray(frame.to_numpy())
                if not np.isfinite(block).all():
                    row, column = np.argwhere(~np.isfinite(block))[0]
                    raise TracInError(
                        f"{path}, line {done + row + 2}, column {frame.columns[column]}: not a "
                        f"finite number. Every row needs a number for every {each}. Run "
                        "TracIn_Resnet50.py again."
                    )
                yield block
                done += len(block)
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise TracInError(
            f"{path} is not a matrix of numbers ({first_sentence(error)}). Its header must be "
            f"{header}, and each further line must hold one training image's scores. Run "
            "TracIn_Resnet50.py again."
        ) from error
    if done == 0:
        raise TracInError(f"{path} has a header but no rows. Run TracIn_Resnet50.py again.")
