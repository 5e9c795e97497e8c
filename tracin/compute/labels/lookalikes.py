"""Which images look alike: the rows of neighbours.csv and duplicates.csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels.neighbours import (
    DUPLICATE_GREY_LEVELS,
    MAX_CANDIDATES,
    MAX_COMPARISONS,
    PAIRS_PER_STEP,
    near_duplicates,
    nearest_of_class,
    pixel_differences,
)
from tracin.compute.labels.prepared import PathPair, prepared_pairs
from tracin.images import Crop, ImageTable
from tracin.machine.held_rows import HeldRows
from tracin.results import schema
from tracin.wording import Say

NEIGHBOURS_OF_A_SUSPECT = 3

RowPair = tuple[int, int]
"""(row of the training images, row of the other table)"""


@dataclass(frozen=True)
class Pictures:
    """The images of one split, as far as it matters which of them look alike."""

    table: ImageTable
    features: Tensor
    """(m, width), float32, on the CPU: pooled features of those that this process holds."""
    hashes: Tensor
    """(m, 2, ``HASH_BYTES``), uint8: of each file, and of the picture in it."""
    divided: HeldRows | None = None
    """Which images this process holds; None: all."""

    @property
    def held(self) -> HeldRows:
        """Which images this process holds."""
        return self.divided or HeldRows.alone(len(self.features))


def neighbours_table(
    table: ImageTable,
    features: Tensor,
    suspects: Sequence[int],
    suggested: Sequence[int],
    held: HeldRows | None = None,
) -> pd.DataFrame:
    """A row per suspect, class (given or suggested) and rank: the images nearest to it there.

    Args:
        table: the training images.
        features: (m, width), pooled features of those that this process holds.
        suspects: (m,) rows of the table.
        suggested: (m,) the class that each suspect may belong to.
        held: which images this process holds; None: all.
    """
    labels = torch.from_numpy(table.labels)
    given = [int(labels[row]) for row in suspects]
    parts = []
    for kind, classes in ((schema.GIVEN, given), (schema.SUGGESTED, suggested)):
        k = NEIGHBOURS_OF_A_SUSPECT
        found = nearest_of_class(features, labels, suspects, classes, k, held)
        parts.append(
            pd.DataFrame(
                {
                    "train_path": [table.paths[row] for row in found.image.tolist()],
                    "kind": kind,
                    "rank": found.rank.numpy(),
                    "neighbour_path": [table.paths[row] for row in found.neighbour.tolist()],
                    "similarity": found.similarity.numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def comparable(train: ImageTable, test: ImageTable) -> bool:
    """Whether there are few enough pairs of images to compare them all by their features."""
    return len(train) * (len(train) + len(test)) <= MAX_COMPARISONS


def duplicates_table(train: Pictures, test: Pictures, crop: Crop, say: Say) -> pd.DataFrame:
    """A row per pair of images that are the same, or nearly, with a training image first.

    Equal pictures are found by the hash of their pixels, whatever the model; nearly equal ones by
    features and then pixels, where there are not too many pairs to compare, and in what
    ``tracin.prepare`` left in the data folder.
    """
    processes = train.held.processes
    prepared = prepared_pairs(train.table.data_dir) if processes.first else []
    parts = [pd.DataFrame({column: [] for column in schema.DUPLICATES_COLUMNS})]
    for kind, other in ((schema.TRAIN_TEST, test), (schema.TRAIN_TRAIN, train)):
        equal = _equal(train, other)
        alike: list[RowPair] = []
        if comparable(train.table, test.table):
            alike, all_compared = _alike(train, other, equal, crop)
            if not all_compared:
                say(
                    f"Note: so many images look alike that only the {MAX_CANDIDATES:,} most alike "
                    f"pairs of kind {kind} were compared by their pixels. {schema.DUPLICATES} may "
                    "lack others."
                )
        known = _rows_of(prepared, train.table, other.table)
        near = processes.of_first(
            dict.fromkeys(pair for pair in (*alike, *known) if pair not in equal)
        )
        parts.append(_pairs(kind, (train, other), [*equal], identical=True))
        parts.append(_pairs(kind, (train, other), [*near], identical=False))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _equal(train: Pictures, other: Pictures) -> dict[RowPair, None]:
    """Pairs of equal pictures, as of ``equal_pictures``."""
    ours = train.held.of_all(train.hashes[:, 1])
    theirs = None if other is train else other.hashes[:, 1]
    processes = train.held.processes
    return processes.of_first(equal_pictures(ours, theirs) if processes.first else {})


def equal_pictures(left: Tensor, right: Tensor | None = None) -> dict[RowPair, None]:
    """Pairs (row of left, row of right) with equal hashes; of those of left only the first.

    Args:
        left: (n, ``HASH_BYTES``), uint8.
        right: (m, ``HASH_BYTES``), likewise; None: pairs within ``left``.
    """
    first: dict[bytes, int] = {}
    repeated = []
    for row, value in enumerate(left.numpy()):
        earlier = first.setdefault(value.tobytes(), row)
        if earlier != row:
            repeated.append((earlier, row))
    if right is None:
        return dict.fromkeys(repeated)
    hashes = [value.tobytes() for value in right.numpy()]
    return {(first[value], row): None for row, value in enumerate(hashes) if value in first}


def _alike(
    train: Pictures, other: Pictures, equal: Iterable[RowPair], crop: Crop
) -> tuple[list[RowPair], bool]:
    """Pairs that are alike by features and pixels, of images that equal no earlier one; whether
    the pixels of all that are alike by features were compared. The first process compares pixels.
    """
    repeated = np.array(sorted({row for _, row in equal}), dtype=np.int64)
    among = np.setdiff1d(np.arange(other.held.total), repeated)
    if len(among) == 0:
        return [], True
    if other is train:
        pairs = near_duplicates(train.features, held=train.held, left_out=repeated)
        rows, columns = pairs[0].tolist(), pairs[1].tolist()
    else:
        some = other.features[torch.from_numpy(among)]
        pairs = near_duplicates(train.features, some, held=train.held)
        rows, columns = pairs[0].tolist(), among[pairs[1].numpy()].tolist()
    if not train.held.processes.first:
        return [], True
    difference = pixel_differences(train.table, rows, other.table, columns, crop)
    found = zip(rows, columns, difference, strict=True)
    alike = [(row, column) for row, column, value in found if value <= DUPLICATE_GREY_LEVELS]
    return alike, len(rows) < MAX_CANDIDATES


def _rows_of(pairs: Sequence[PathPair], left: ImageTable, right: ImageTable) -> Iterator[RowPair]:
    """Those of the pairs, in either order, of which one image is in each table."""
    row_of, column_of = (
        {path: row for row, path in enumerate(table.paths)} for table in (left, right)
    )
    for first, second in pairs:
        if left is right and first in row_of and second in row_of:
            yield min(row_of[first], row_of[second]), max(row_of[first], row_of[second])
        elif first in row_of and second in column_of:
            yield row_of[first], column_of[second]
        elif second in row_of and first in column_of:
            yield row_of[second], column_of[first]


def _pairs(
    kind: str,
    sides: tuple[Pictures, Pictures],
    pairs: Sequence[RowPair],
    *,
    identical: bool,
) -> pd.DataFrame:
    columns = {}
    for number, (side, name) in enumerate(zip(sides, "ab", strict=True)):
        rows = [pair[number] for pair in pairs]
        columns[f"path_{name}"] = [side.table.paths[row] for row in rows]
        columns[f"class_{name}"] = [side.table.class_names[side.table.labels[row]] for row in rows]
    similarity = [torch.empty(0)]
    for start in range(0, len(pairs), PAIRS_PER_STEP):
        some = np.array(pairs[start : start + PAIRS_PER_STEP], dtype=np.int64)
        left, right = (
            side.held.bring(side.features, rows) for side, rows in zip(sides, some.T, strict=True)
        )
        similarity.append(functional.cosine_similarity(left, right, dim=1))
    return pd.DataFrame(
        {
            "kind": kind,
            **columns,
            "similarity": torch.cat(similarity).numpy(),
            "identical_pixels": identical,
        }
    )
