"""Which images are training images and which are test images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


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
