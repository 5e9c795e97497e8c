"""Row blocks of the matrix → its figures, its strongest pairs, and the rows of a file.

Of several processes each computes the rows that it holds; the first takes in what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, distributed
from tqdm import tqdm

from tracin.compute.scores.strongest import Strongest, StrongestFinder
from tracin.compute.scores.tracin import (
    MatrixFigures,
    Scores,
    column_sums,
    normalizer,
)
from tracin.images import ImageTable
from tracin.machine.held_rows import ROWS_PER_BLOCK, HeldRows
from tracin.machine.processes import Processes
from tracin.results import schema
from tracin.results.class_means import class_means_writer
from tracin.results.manifest import FileRecord
from tracin.results.matrix import Float32Array, MatrixWriter

VALUES_PER_BLOCK = 16_000_000
"""Of a block at most: 64 MB, and some copies of it, however many test images there are."""


@dataclass(frozen=True)
class ScoringSettings:
    """What is gathered from the matrix."""

    top_k: int
    """Proponents and opponents per test image."""
    normalize_proponents: bool
    """Rank proponents by the normalised score; opponents go by the raw score in any case."""
    matrix: bool = True
    """Write the matrix; else, in its place, the mean over each class of test images."""


@dataclass(frozen=True)
class Scored:
    """What was gathered from the matrix."""

    figures: MatrixFigures
    pairs: dict[str, Strongest]
    """By direction."""
    self_influence: Tensor
    """(n_train,), float32, on the CPU"""
    written: dict[str, FileRecord] = field(default_factory=dict)
    """The record of the file by its name; in other processes than the first there is none."""


def score(
    folder: Path | None,
    scores: Scores,
    test: ImageTable,
    settings: ScoringSettings,
    processes: Processes,
    held: HeldRows | None = None,
) -> Scored:
    """Compute the matrix, write its file into ``folder``, and return what was gathered on the way.

    Block n is written in a thread while block n + 1 is computed.

    Args:
        folder: where the file goes; None in all processes but the first.
        scores: the matrix to be computed, of the training images that this process holds.
        test: the matrix's columns.
        settings: what is gathered.
        processes: those that share the rows. What others than the first return is their part.
        held: the training images that each of them holds; None: this one alone holds all.

    Raises:
        TracInError: a score is NaN or infinite.
    """
    held = held or HeldRows.alone(len(scores))
    gathered = _Gathered(scores, len(test), settings, held)
    columns, content = _file_content(test, settings.matrix)
    step = max(1, min(ROWS_PER_BLOCK, VALUES_PER_BLOCK // len(test)))
    with (
        _Delivery(
            _writer(folder, settings, columns, held.total), columns, len(test), processes
        ) as delivery,
        tqdm(
            total=held.total,
            desc="Writing scores",
            unit="row",
            disable=None if processes.first else True,
        ) as bar,
    ):
        for source, start, stop in _steps(held, step):
            if source == processes.rank:
                at = int(np.searchsorted(held.rows, start))
                block = scores.rows(at, at + stop - start).cpu()
                sums = gathered.add(at, block)
                delivery.own(content(block.numpy()), sums)
            elif processes.first:
                gathered.figures.add_sums(delivery.of(source, stop - start))
            bar.update(stop - start)
    return replace(gathered.merged(processes), written=delivery.written)


def _steps(held: HeldRows, most: int) -> Iterator[tuple[int, int, int]]:
    """(who holds it, first row, row after the last) of each part of the matrix, in its order."""
    for first in range(0, held.total, held.block):
        last = min(first + held.block, held.total)
        for start in range(first, last, most):
            yield int(held.holder(np.array(start))), start, min(start + most, last)


class _Gathered:
    """What this process found in its rows."""

    def __init__(
        self, scores: Scores, n_test: int, settings: ScoringSettings, held: HeldRows
    ) -> None:
        self._settings, self._held = settings, held
        self._self_influence = held.of_all(scores.self_influence)
        self._scale = normalizer(scores.self_influence).unsqueeze(1)  # (m, 1)
        self.figures = MatrixFigures(held.total, n_test)
        self._finders = {
            direction: StrongestFinder(n_test, settings.top_k)
            for direction in (schema.PROPONENT, schema.OPPONENT)
        }

    def add(self, at: int, block: Tensor) -> npt.NDArray[np.float64]:
        """Take in rows from ``at`` on of the held ones; return their sums, for the first process,
        which has taken in its own.
        """
        start = int(self._held.rows[at])
        keys = block
        if self._settings.normalize_proponents:
            keys = block * self._scale[at : at + len(block)]
        self._finders[schema.PROPONENT].add(start, keys, block)
        self._finders[schema.OPPONENT].add(start, -block, block)
        self.figures.add_but_sums(start, block.numpy())
        sums = column_sums(block.numpy())
        if self._held.processes.first:
            self.figures.add_sums(sums)
        return sums

    def merged(self, processes: Processes) -> Scored:
        """What all processes found, in the first; in others this one's part."""
        found = {direction: finder.candidates() for direction, finder in self._finders.items()}
        for figures, candidates in processes.gather((self.figures, found))[1:]:
            self.figures.merge(figures)
            for direction, finder in self._finders.items():
                finder.merge(candidates[direction])
        pairs = {direction: finder.result() for direction, finder in self._finders.items()}
        return Scored(self.figures, pairs, self._self_influence)


def _file_content(
    test: ImageTable, matrix: bool
) -> tuple[list[object], Callable[[Float32Array], Float32Array]]:
    """(the header of the file, what becomes of a block of the matrix before it is written)."""
    if matrix:
        return list(range(len(test))), lambda block: block
    present, counts = np.unique(test.labels, return_counts=True)
    in_order = bool((np.diff(test.labels) >= 0).all())  # as ImageFolder brings them
    order = None if in_order else np.argsort(test.labels, kind="stable")
    names: list[object] = [test.class_names[label] for label in present]
    return names, lambda block: class_means(block, order, counts)


def class_means(
    block: Float32Array, order: npt.NDArray[np.int64] | None, counts: npt.NDArray[np.int64]
) -> Float32Array:
    """Mean (rows, classes), float32, of each row of ``block`` over each class's columns.

    Args:
        block: (rows, n_test) of the matrix.
        order: (n_test,) the columns, class after class; None: they stand so already.
        counts: (classes,) columns of each class, at least one.
    """
    starts = np.cumsum(counts) - counts
    ordered = block if order is None else np.take(block, order, axis=1)
    sums = np.add.reduceat(ordered, starts, axis=1, dtype=np.float64)
    means: Float32Array = (sums / counts).astype(np.float32)
    return means


def _writer(
    folder: Path | None, settings: ScoringSettings, columns: list[object], n_train: int
) -> MatrixWriter | None:
    """Of the matrix or the class means; None in all processes but the first."""
    if folder is None:
        return None
    if settings.matrix:
        return MatrixWriter(folder / schema.INFLUENCE_SCORES, columns)
    return class_means_writer(folder, n_train, columns)


class _Delivery:
    """Brings the content of every block to the first process, which writes it in a thread."""

    def __init__(
        self,
        writer: MatrixWriter | None,
        columns: list[object],
        n_test: int,
        processes: Processes,
    ) -> None:
        self._processes, self._width, self._n_test = processes, len(columns), n_test
        self._stack = ExitStack()
        self._sent: list[tuple[distributed.Work | None, Tensor]] = []
        self._written: Future[None] | None = None
        if writer is not None:
            self._writer = self._stack.enter_context(writer)
            self._pool = self._stack.enter_context(ThreadPoolExecutor(max_workers=1))

    @property
    def written(self) -> dict[str, FileRecord]:
        """The record of the file by its name, in the first process and at the end."""
        return {self._writer.name: self._writer.record} if self._processes.first else {}

    def own(self, content: Float32Array, sums: npt.NDArray[np.float64]) -> None:
        """Write the content of a block of this process, or send it and the block's sums."""
        if self._processes.first:
            self._write(content)
        else:
            self._await_sent()
            for part in (torch.from_numpy(content), torch.from_numpy(sums)):
                self._sent.append((self._processes.send(part), part))

    def of(self, source: int, rows: int) -> npt.NDArray[np.float64]:
        """In the first process: receive ``rows`` rows of process ``source`` and write them; return
        their sums.
        """
        content = self._processes.receive(torch.empty(rows, self._width), source)
        sums = self._processes.receive(torch.empty(self._n_test, dtype=torch.float64), source)
        self._write(content.numpy())
        return sums.numpy()

    def _write(self, content: Float32Array) -> None:
        if self._written is not None:
            self._written.result()
        self._written = self._pool.submit(self._writer.write, content)

    def _await_sent(self) -> None:
        for work, _ in self._sent:
            if work is not None:
                work.wait()
        self._sent.clear()

    def __enter__(self) -> _Delivery:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        with self._stack:
            if kind is None:
                self._await_sent()
                if self._written is not None:
                    self._written.result()
