"""Row blocks of the matrix → its figures, its strongest pairs, and the rows of a file.

Of several processes each computes blocks in turn; the first takes in what they find.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, distributed
from tqdm import tqdm

from tracin.compute.scores.strongest import Strongest, StrongestFinder
from tracin.compute.scores.tracin import ROWS_PER_BLOCK, MatrixFigures, Scores, normalizer
from tracin.images import ImageTable
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
) -> Scored:
    """Compute the matrix, write its file into ``folder``, and return what was gathered on the way.

    Block n is written in a thread while block n + 1 is computed.

    Args:
        folder: where the file goes; None in all processes but the first.
        scores: the matrix to be computed.
        test: the matrix's columns.
        settings: what is gathered.
        processes: those that share the blocks. What others than the first return is their part.

    Raises:
        TracInError: a score is NaN or infinite.
    """
    gathered = _Gathered(scores, len(test), settings)
    columns, content = _file_content(test, settings.matrix)
    step = max(1, min(ROWS_PER_BLOCK, VALUES_PER_BLOCK // len(test)))
    with (
        _Delivery(_writer(folder, settings, columns, len(scores)), columns, processes) as delivery,
        tqdm(
            total=len(scores),
            desc="Writing scores",
            unit="row",
            disable=None if processes.first else True,
        ) as bar,
    ):
        for number, start in enumerate(range(0, len(scores), step)):
            stop = min(start + step, len(scores))
            source = number % processes.count
            if source == processes.rank:
                block = scores.rows(start, stop).cpu()
                gathered.add(start, block)
                delivery.own(content(block.numpy()))
            else:
                delivery.of(source, stop - start)
            bar.update(stop - start)
    return replace(gathered.merged(processes), written=delivery.written)


class _Gathered:
    """What this process found in its blocks."""

    def __init__(self, scores: Scores, n_test: int, settings: ScoringSettings) -> None:
        self._settings, self._self_influence = settings, scores.self_influence
        self._scale = normalizer(scores.self_influence).unsqueeze(1)  # (n_train, 1)
        self._figures = MatrixFigures(len(scores), n_test)
        self._finders = {
            direction: StrongestFinder(n_test, settings.top_k)
            for direction in (schema.PROPONENT, schema.OPPONENT)
        }

    def add(self, start: int, block: Tensor) -> None:
        scale = self._scale[start : start + len(block)]
        keys = block * scale if self._settings.normalize_proponents else block
        self._finders[schema.PROPONENT].add(start, keys, block)
        self._finders[schema.OPPONENT].add(start, -block, block)
        self._figures.add(start, block.numpy())

    def merged(self, processes: Processes) -> Scored:
        """What all processes found, in the first; in others this one's part."""
        found = {direction: finder.candidates() for direction, finder in self._finders.items()}
        for figures, candidates in processes.gather((self._figures, found))[1:]:
            self._figures.merge(figures)
            for direction, finder in self._finders.items():
                finder.merge(candidates[direction])
        pairs = {direction: finder.result() for direction, finder in self._finders.items()}
        return Scored(self._figures, pairs, self._self_influence)


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
        self, writer: MatrixWriter | None, columns: list[object], processes: Processes
    ) -> None:
        self._processes, self._width = processes, len(columns)
        self._stack = ExitStack()
        self._sent: tuple[distributed.Work | None, Float32Array] | None = None
        self._written: Future[None] | None = None
        if writer is not None:
            self._writer = self._stack.enter_context(writer)
            self._pool = self._stack.enter_context(ThreadPoolExecutor(max_workers=1))

    @property
    def written(self) -> dict[str, FileRecord]:
        """The record of the file by its name, in the first process and at the end."""
        return {self._writer.name: self._writer.record} if self._processes.first else {}

    def own(self, content: Float32Array) -> None:
        """Write the content of a block of this process, or send it on its way."""
        if self._processes.first:
            self._write(content)
        else:
            self._await_sent()
            self._sent = self._processes.send(content), content

    def of(self, source: int, rows: int) -> None:
        """In the first process: receive and write ``rows`` rows of process ``source``."""
        if self._processes.first:
            self._write(self._processes.receive((rows, self._width), source))

    def _write(self, content: Float32Array) -> None:
        if self._written is not None:
            self._written.result()
        self._written = self._pool.submit(self._writer.write, content)

    def _await_sent(self) -> None:
        if self._sent is not None and self._sent[0] is not None:
            self._sent[0].wait()

    def __enter__(self) -> _Delivery:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        with self._stack:
            if kind is None:
                self._await_sent()
                if self._written is not None:
                    self._written.result()
