"""How an architecture's pretrained weights were shown images."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

from tracin.architectures import SCALED_TO_ONE, TIMM_PREFIX, timm_if_installed
from tracin.flags import DEFAULT_ARCHITECTURE, Interpolation
from tracin.images import Crop, Normalization, Preprocessing
from tracin.vision import models


def usual_preprocessing(name: str, side: int | None = None) -> Preprocessing:
    """How ``name`` is shown images where nobody says otherwise: as its pretrained weights were.

    Args:
        name: in full.
        side: of its images, where that is not the usual.
    """
    if name == DEFAULT_ARCHITECTURE:
        return Preprocessing()
    if name.startswith(TIMM_PREFIX):
        return _of_timm(name, side)
    weights = models.get_model_weights(name)
    known = [_shown(each.transforms()) for each in (weights.DEFAULT, *weights)]
    if side is not None:
        known = [each for each in known if each.crop.crop_size == side]
        known.append(Preprocessing(Crop(side, side)))
    half = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return replace(known[0], normalization=half) if name in SCALED_TO_ONE else known[0]


def _shown(transform: Any) -> Preprocessing:
    """What torchvision's ``ImageClassification`` does to an image."""
    resized, cut = transform.resize_size[0], transform.crop_size[0]
    crop = Crop(resized, cut, interpolation=transform.interpolation.value)
    return Preprocessing(crop, Normalization(tuple(transform.mean), tuple(transform.std)))


def _of_timm(name: str, side: int | None) -> Preprocessing:
    timm = timm_if_installed()
    stored = timm.get_pretrained_cfg(name.removeprefix(TIMM_PREFIX)) if timm else None
    if stored is None:
        return Preprocessing(Crop(side, side)) if side else Preprocessing()
    cut = side or stored.input_size[-1]
    resized = math.floor(cut / stored.crop_pct)
    kinds = get_args(Interpolation)
    crop = Crop(
        resized,
        cut,
        "square" if stored.crop_mode == "squash" else "shorter",
        stored.interpolation if stored.interpolation in kinds else kinds[0],
    )
    return Preprocessing(crop, Normalization(tuple(stored.mean), tuple(stored.std)))
