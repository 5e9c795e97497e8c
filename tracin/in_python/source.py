"""Modules and data sets as the source of a run."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tracin.compute.config import RunConfig
from tracin.compute.features.backbone import Forward
from tracin.compute.features.loading import Loaded
from tracin.compute.run_images import RunImages, find_run_images
from tracin.compute.settle import Settled, how_shown, rates_of_flag, stored_beside
from tracin.compute.source import Load
from tracin.decoding import PixelDataset, PreparedImages
from tracin.errors import TracInError
from tracin.images import Crop, ImageTable, Normalization, Preprocessing, normalize
from tracin.in_python.data_set import DataSetInputs
from tracin.in_python.listed import ListedSide
from tracin.in_python.module import checkpoint_of, with_weights
from tracin.weights import read_outline
from tracin.weights_file import check_there
from tracin.wording import Say

NOT_NORMALIZED = Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""For the record: what a data set did before it gave an input is not known."""


class InMemory:
    """A module, with several checkpoints where there are such files, and two data sets."""

    def __init__(
        self,
        config: RunConfig,
        module: nn.Module,
        weights: Sequence[Path],
        layer: str,
        sides: tuple[ListedSide, ListedSide],
    ) -> None:
        """Nothing is read yet.

        Args:
            config: of the run; its lists are those of ``sides``.
            module: images → logits.
            weights: files of its weights in the order of training; none: it is used as it is.
            layer: the name of its last Linear; "" finds it.
            sides: training and test images.
        """
        self._config, self._module, self._layer = config, module, layer
        self._weights = tuple(weights)
        self._sides = sides
        self._train: ImageTable | None = None

    def images(self, say: Say) -> RunImages:
        """Those that the lists name, with the inputs that the data sets prepare."""
        found = find_run_images(self._config, say)
        train, test = self._sides
        images = RunImages(
            _with_inputs(found.all_train, train),
            _with_inputs(found.all_test, test),
            _with_inputs(found.train, train),
            _with_inputs(found.test, test),
        )
        self._train = images.train
        return images

    def settle(self) -> Settled:
        """The module's checkpoints in the order given; pictures are shown as the arguments say, or
        as the files of weights do.
        """
        example = self._sides[0].example
        for path in self._weights:
            check_there(path)
        stored = {path: stored_beside(path, read_outline(path)) for path in self._weights}
        shown = how_shown(self._config, stored, Preprocessing()).preprocessing
        if example is not None:
            side = max(example.shape[1:])
            shown = Preprocessing(Crop(side, side), NOT_NORMALIZED)
        return Settled(
            model_paths=self._config.model_paths,
            rates=rates_of_flag(self._config),
            preprocessing=shown,
            as_stored=None,
            architecture="",
            feature_width=0,
            inputs_prepared=example is not None,
        )

    @contextmanager
    def loader(
        self, normalization: Normalization, class_names: Sequence[str], device: torch.device
    ) -> Iterator[Load]:
        """Yield what makes a checkpoint of the module, and remembers the last one."""

        @functools.lru_cache(maxsize=1)
        def load(path: Path) -> Loaded:
            module: nn.Module = self._module
            extras: dict[str, Any] = {}
            if path in self._weights:
                module, extras = with_weights(self._module, path)
            classes = (self._sides[0].classes or None, class_names)
            checkpoint = checkpoint_of(module, path, self._layer, classes, self._example())
            # As it is: what a module of anybody's does for other images, a trace cannot know.
            forward = Forward(
                *(checkpoint.backbone, device, self._config.precision, normalization), fuse=False
            )
            return Loaded(replace(checkpoint, extras=extras), forward)

        try:
            yield load
        finally:
            load.cache_clear()

    def _example(self) -> Tensor:
        """(1, c, h, w), float32: the first training image that can be read, as an input."""
        table = self._train
        if table is None:
            raise ValueError("the images are asked for before the network")
        shown = self.settle().preprocessing
        rows = range(len(table))
        images: PreparedImages | PixelDataset = PixelDataset(table, rows, shown.crop)
        if table.inputs is not None:
            images = PreparedImages(table.inputs, rows)
        pixels = (images[row].pixels for row in rows)
        first = next((each for each in pixels if each is not None), None)
        if first is None:
            raise TracInError(
                f"None of the training images can be read; of the first: {images[0].reason}."
            )
        return normalize(first[None], shown.normalization)


def _with_inputs(table: ImageTable, side: ListedSide) -> ImageTable:
    if side.example is None:
        return table
    files = (file.as_posix() for file in side.files)
    number = dict(zip(files, side.numbers, strict=True))
    begin = table.data_dir.as_posix().rstrip("/")
    rows = np.array([number[f"{begin}/{path}"] for path in table.paths], dtype=np.int64)
    return replace(table, inputs=DataSetInputs(side.data_set, rows, tuple(side.example.shape)))
