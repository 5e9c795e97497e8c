"""Which images look alike: the rows of neighbours.csv and duplicates.csv."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from tracin.compute.labels.near_pairs import (
    MAX_CANDIDATES,
    PAIRS_PER_STEP,
    NearPairs,
    near_pairs,
)
from tracin.compute.labels.neighbours import nearest_of_class
from tracin.compute.labels.prepared import PathPair, prepared_pairs
from tracin.decoding import PixelDataset
from tracin.images import Crop, ImageTable
from tracin.machine.held_rows import HeldRows
from tracin.results import schema
from tracin.wording import Say

NEIGHBOURS_OF_A_SUSPECT = 3

DUPLICATE_GREY_LEVELS = 4.0
"""Mean absolute difference of the pixels, 0 to 255, up to which they are. A re-saved JPEG is below
(tested); how often two different pictures do was not measured."""

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


def duplicates_table(train: Pictures, test: Pictures, crop: Crop, say: Say) -> pd.DataFrame:
    """A row per pair of images that are the same, or nearly, with a training image first.

    Equal pictures are found by the hash of their pixels, whatever the model; nearly equal ones by
    features and then pixels, and in what ``tracin.prepare`` left in the data folder.
    """
    processes = train.held.processes
    prepared = prepared_pairs(train.table.data_dir) if processes.first else []
    parts = [pd.DataFrame({column: [] for column in schema.DUPLICATES_COLUMNS})]
    for kind, other in ((schema.TRAIN_TEST, test), (schema.TRAIN_TRAIN, train)):
        equal = _equal(train, other)
        near_in_features = _near(train, other, equal)
        alike = _alike_in_pixels(train, other, near_in_features, crop)
        if near_in_features.undone:
            say(
                f"Note: of pairs of kind {kind}, {schema.DUPLICATES} lists equal pictures only; "
                f"nearly equal ones were not looked for: {near_in_features.undone}."
            )
        elif len(near_in_features.row) == MAX_CANDIDATES:
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


def _near(train: Pictures, other: Pictures, equal: Iterable[RowPair]) -> NearPairs:
    """Pairs that are alike by features, of images that equal no earlier one."""
    repeated = np.array(sorted({row for _, row in equal}), dtype=np.int64)
    if other is train:
        return near_pairs(train.features, held=train.held, left_out=repeated)
    among = torch.from_numpy(np.setdiff1d(np.arange(other.held.total), repeated))
    pairs = near_pairs(train.features, other.features[among], held=train.held)
    return replace(pairs, column=among[pairs.column])


def _alike_in_pixels(
    train: Pictures, other: Pictures, pairs: NearPairs, crop: Crop
) -> list[RowPair]:
    """Those of the pairs whose pixels are alike, too; the first process reads them."""
    if not train.held.processes.first:
        return []
    rows, columns = pairs.row.tolist(), pairs.column.tolist()
    difference = pixel_differences(train.table, rows, other.table, columns, crop)
    found = zip(rows, columns, difference, strict=True)
    return [(row, column) for row, column, value in found if value <= DUPLICATE_GREY_LEVELS]


def pixel_differences(
    left: ImageTable, rows: Sequence[int], right: ImageTable, columns: Sequence[int], crop: Crop
) -> list[float]:
    """Mean absolute difference (0 to 255) of each pair's pixels as the model sees them.

    Infinite where an image can no longer be read.
    """
    seen: dict[tuple[str, int], Tensor | None] = {}

    def pixels(table: ImageTable, row: int) -> Tensor | None:
        key = (table.split, row)
        if key not in seen:
            seen[key] = PixelDataset(table, [row], crop)[0].pixels
        return seen[key]

    differences = []
    for row, column in zip(rows, columns, strict=True):
        first, second = pixels(left, row), pixels(right, column)
        if first is None or second is None:
            differences.append(math.inf)
        else:
            differences.append(float((first.float() - second.float()).abs().mean()))
    return differences


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
