"""Which images are held back as test images where nothing says which are. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracin.hashing import content_hash
from tracin.image_folder import SplitFiles, read_image_file


def hold_back(
    files: SplitFiles, data_dir: Path, share: float, seed: int
) -> tuple[SplitFiles, SplitFiles]:
    """(training images, test images) out of ``files``, each in its order; see ``draw_test``.

    Files of equal content stay together, whatever they are called and labelled.
    """
    groups = _equal_files(data_dir, files.images)
    in_test = draw_test(files.labels, groups, share, seed)
    train, test = (
        replace(
            files,
            images=tuple(files.images[row] for row in np.flatnonzero(side)),
            labels=tuple(files.labels[row] for row in np.flatnonzero(side)),
        )
        for side in (~in_test, in_test)
    )
    return train, replace(test, left_out=())


def _equal_files(data_dir: Path, paths: Sequence[str]) -> list[list[int]]:
    """Positions of files with equal content, most of them alone; only equal sizes are read."""
    by_size: dict[int, list[int]] = {}
    for row, path in enumerate(paths):
        try:
            size = (data_dir / path).stat().st_size
        except OSError:
            size = -1 - row  # whoever reads it says so
        by_size.setdefault(size, []).append(row)
    groups: dict[bytes | int, list[int]] = {}
    for rows in by_size.values():
        for row in rows:
            key = row if len(rows) == 1 else _content(data_dir / paths[row]) or row
            groups.setdefault(key, []).append(row)
    return list(groups.values())


def _content(path: Path) -> bytes:
    try:
        return content_hash(read_image_file(path))
    except OSError:
        return b""


def draw_test(
    classes: Sequence[str], groups: Sequence[Sequence[int]], share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """(n,): whether an image is a test image; the images of a group always stay together.

    The test images are ``share`` of each class, rounded, as nearly as its groups allow. A class
    with two groups or more has at least one image on each side.

    Args:
        classes: (n,), the class of each image.
        groups: positions of images that must not be parted; each image is in one of them.
        share: of a class that become test images, 0 to 1.
        seed: of the draw; a class's draw does not depend on the other classes.
    """
    in_test = np.zeros(len(classes), dtype=bool)
    by_class: dict[str, list[Sequence[int]]] = {}
    for group in groups:
        # Equal pixels under two classes: the group goes where its first image belongs.
        by_class.setdefault(classes[group[0]], []).append(group)
    for name in sorted(by_class):
        own = by_class[name]
        images = sum(len(group) for group in own)
        wanted = min(max(1, round(share * images)), images - 1)
        taken = 0
        random = np.random.default_rng([seed, *name.encode()])
        for position in random.permutation(len(own)):
            if taken + len(own[position]) <= wanted:
                in_test[list(own[position])] = True
                taken += len(own[position])
        if taken == 0 and len(own) > 1:  # every group is larger than the share
            sizes = [len(group) for group in own]
            in_test[list(own[sizes.index(min(sizes))])] = True
    return in_test
