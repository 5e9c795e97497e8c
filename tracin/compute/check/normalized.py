"""Inputs that something else prepares, normalised otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tracin.compute.check.shown import NORMALIZATIONS
from tracin.images import Normalization, PreparedInputs

IMAGENET, TO_ONE, NONE = NORMALIZATIONS

MOST_NORMALIZED = 20.0
"""No usual normalisation leads so far, and pixels from 0 to 255, which nobody divided, do."""

LOOKED_AT = 16
"""Images whose values tell."""


@dataclass(frozen=True)
class Renormalized:
    """Inputs that were normalised in one way, as if in another."""

    inputs: PreparedInputs
    known: Normalization
    """What was done to them."""
    normalization: Normalization
    """What is to be."""

    @property
    def name(self) -> str:
        """Of whatever prepares them."""
        return self.inputs.name

    def take(self, rows: npt.NDArray[np.int64]) -> Renormalized:
        """Those of these rows, in their order."""
        return Renormalized(self.inputs.take(rows), self.known, self.normalization)

    def __getitem__(self, row: int) -> Tensor:
        """(3, h, w), float32."""
        now, then = (
            [torch.tensor(values).view(3, 1, 1) for values in (each.mean, each.std)]
            for each in (self.known, self.normalization)
        )
        return (self.inputs[row] * now[1] + now[0] - then[0]) / then[1]


def normalization_of_inputs(inputs: PreparedInputs, images: int) -> Normalization | None:
    """What was done to the pixels, 0 to 1: what is known, else what their values tell.

    None where they have other than three channels, or none of the first can be read.

    Args:
        inputs: the model's.
        images: how many there are.
    """
    values = []
    for row in range(min(images, LOOKED_AT)):
        try:
            values.append(inputs[row])
        except Exception:  # of foreign code
            continue
    if not values or len(values[0]) != 3:
        return None
    known = inputs.normalization
    pixels = torch.stack(values)  # of one size, as one network takes
    if known is not None:
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (known.mean, known.std))
        pixels = pixels * std + mean
    lowest, highest = float(pixels.min()), float(pixels.max())
    if highest > MOST_NORMALIZED:
        return _times(known or NONE, 1 / 255)
    if known is not None or (lowest >= 0 and highest <= 1):
        return known or NONE
    return TO_ONE if max(-lowest, highest) <= 1 else IMAGENET


def _times(normalization: Normalization, factor: float) -> Normalization:
    """What was done to pixels, where their range is greater by the inverse of ``factor``."""
    red, green, blue = (factor * each for each in normalization.mean)
    spread = [factor * each for each in normalization.std]
    return Normalization((red, green, blue), (spread[0], spread[1], spread[2]))
