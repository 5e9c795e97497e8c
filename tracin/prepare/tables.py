"""The tables of a preparation: where each file went, and which images look alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tracin.image_folder import NEAR_COLUMNS, NEAR_TABLE, SPLIT_COLUMNS, SPLIT_TABLE, LeftOut
from tracin.prepare.convert import Converted
from tracin.prepare.duplicates import AlikePair
from tracin.prepare.journal import Workplace, split_name
from tracin.results.cells import write_csv
from tracin.temporary import replacing


def write_split(
    workplace: Workplace,
    entries: Sequence[Converted],
    left_out: Sequence[LeftOut],
    groups: Sequence[Sequence[int]],
    in_test: npt.NDArray[np.bool_],
) -> None:
    """Write where each file went, why it was left out, and which image it is equal to.

    Args:
        workplace: gets the table.
        entries: what became of the images.
        left_out: what was taken for none.
        groups: positions of images with equal pixels, among the entries without a reason.
        in_test: whether each of these is a test image.
    """
    images = [entry for entry in entries if not entry.reason]
    original = {
        position: images[group[0]].raw_file.path for group in groups for position in group[1:]
    }
    position_of = {image.raw_file: position for position, image in enumerate(images)}
    rows: list[dict[str, str]] = []
    for entry in entries:
        position = position_of.get(entry.raw_file)
        split = "" if position is None else split_name(in_test[position])
        path = workplace.final(entry.raw_file, split).relative_to(workplace.folder).as_posix()
        rows.append(
            {
                "source": entry.raw_file.path,
                "class": entry.raw_file.class_name,
                "split": split,
                "path": path if split else "",
                "reason": entry.reason,
                "duplicate_of": "" if position is None else original.get(position, ""),
            }
        )
    rows += [{"source": each.path, "reason": each.reason} for each in left_out]
    rows.sort(key=lambda row: row["source"])
    frame = pd.DataFrame(rows, columns=[*SPLIT_COLUMNS]).fillna("")
    _write_table(workplace.folder / SPLIT_TABLE, frame)


def write_pairs(
    workplace: Workplace,
    images: Sequence[Converted],
    pairs: Sequence[AlikePair],
    in_test: npt.NDArray[np.bool_],
) -> None:
    """Write the pairs of images that look alike, most alike first."""
    rows = [
        (
            images[pair.first].raw_file.path,
            images[pair.second].raw_file.path,
            round(pair.likeness, 4),
            images[pair.first].raw_file.class_name,
            images[pair.second].raw_file.class_name,
            split_name(in_test[pair.first]),
            split_name(in_test[pair.second]),
        )
        for pair in pairs
    ]
    _write_table(workplace.folder / NEAR_TABLE, pd.DataFrame(rows, columns=[*NEAR_COLUMNS]))


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    with replacing(path) as temporary:
        write_csv(frame, temporary)
