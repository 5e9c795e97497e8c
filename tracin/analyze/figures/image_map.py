"""Where each image stands on the map, and which of them are suspects or mistakes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.scan import Float64Array, Int64Array
from tracin.image_folder import TEST, TRAIN


@dataclass(frozen=True)
class ImageMap:
    """n images, the training images first, in the order of their rows and columns."""

    paths: tuple[str, ...]
    """(n,), relative to the data folder."""
    places: Float64Array
    """(n, 2)."""
    class_names: tuple[str, ...]
    label: Int64Array
    """(n,): the given label, an index into ``class_names``."""
    is_test: npt.NDArray[np.bool_]
    is_suspect: npt.NDArray[np.bool_]
    """(n,): training or test images whose label is listed as looking wrong."""
    is_mistake: npt.NDArray[np.bool_]
    """(n,): test images for which the model names another class than their label."""
    variance: tuple[float, float]
    """Shares of the variance of the training images' features along x and y, 0 to 1."""

    @property
    def is_marked(self) -> npt.NDArray[np.bool_]:
        """(n,)."""
        return self.is_suspect | self.is_mistake

    def thinned(self, most: int) -> ImageMap:
        """All suspects, and of the other images as many, drawn by chance, as make ``most``; the
        same each time."""
        if len(self.paths) <= most:
            return self
        chance = np.random.default_rng(0).random(len(self.paths))
        order = np.argsort(np.where(self.is_suspect, -1, chance), kind="stable")
        return self.take(np.sort(order[:most]))

    def take(self, rows: Int64Array) -> ImageMap:
        """The map of these images alone."""
        return ImageMap(
            tuple(self.paths[row] for row in rows),
            self.places[rows],
            self.class_names,
            self.label[rows],
            self.is_test[rows],
            self.is_suspect[rows],
            self.is_mistake[rows],
            self.variance,
        )


def make_image_map(inputs: Inputs, table: pd.DataFrame | None) -> ImageMap | None:
    """The map of a run; None where a file that it needs is not there, or is about other images.

    Args:
        inputs: what is known about the images.
        table: ``map.csv``.
    """
    train, test, run = inputs.train, inputs.test, inputs.run
    labels = train.all_labels
    if table is None or run is None or labels is None or train.paths is None or test.paths is None:
        return None
    paths = (*train.paths, *test.paths)
    splits = [TRAIN] * len(train.paths) + [TEST] * len(test.paths)
    if tuple(table["path"].tolist()) != paths or table["split"].tolist() != splits:
        return None
    names = tuple(dict.fromkeys((*run.class_names, *labels, *test.groups)))
    index = {name: at for at, name in enumerate(names)}
    of_test = np.array([index[group] for group in test.groups])[test.group_of]
    known = train.by_label
    of_train = np.array([index[name] for name in known.names])[known.of] if known else of_test[:0]
    suspects = [row for row, _ in train.suspects or ()]
    suspects += [inputs.n_train + column for column, _ in test.suspects or ()]
    is_suspect = np.zeros(len(paths), dtype=bool)
    is_suspect[suspects] = True
    wrong = np.zeros(inputs.n_test, bool) if test.correct is None else ~test.correct
    return ImageMap(
        paths=paths,
        places=table[["x", "y"]].to_numpy(np.float64),
        class_names=names,
        label=np.concatenate([of_train, of_test]),
        is_test=np.arange(len(paths)) >= inputs.n_train,
        is_suspect=is_suspect,
        is_mistake=np.concatenate([np.zeros(inputs.n_train, bool), wrong]),
        variance=run.map_variance,
    )
