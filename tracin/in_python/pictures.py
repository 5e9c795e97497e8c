"""Images without files of their own → PNG files, for the page and for ``--apply``."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from tracin.temporary import replacing
from tracin.vision import functional as transforms

PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
Colours = tuple[Sequence[float], Sequence[float]]
"""(mean, std), a value for each channel."""


def write_picture(picture: Image.Image, folder: Path, number: int) -> Path:
    """Write a picture into ``folder`` unless it is there; return its file.

    Its name tells its content, so that an earlier run's pictures never stand for other images.
    """
    content = io.BytesIO()
    picture.save(content, "png", compress_level=1)  # a third of the time, a tenth larger
    digest = hashlib.sha256(content.getvalue()).hexdigest()[:8]
    file = folder / f"{number:06d}-{digest}.png"
    if not file.exists():
        with replacing(file) as temporary:
            temporary.write_bytes(content.getvalue())
    return file


def picture_of(values: Tensor, colours: Colours | None) -> Image.Image:
    """An input of a network as a picture.

    Args:
        values: (c, h, w), float32.
        colours: what was taken off the pixels, 0 to 1, and what they were divided by; None: where
            they lie between 0 and 1 they are taken as they are, else from the lowest to the
            highest.
    """
    if colours is not None and len(colours[0]) in (1, len(values)):
        mean, std = (torch.tensor(each).view(-1, 1, 1) for each in colours)
        values = values * std + mean
    elif values.min() < 0 or values.max() > 1:
        values = (values - values.min()) / (values.max() - values.min()).clamp(min=1e-12)
    if len(values) not in (1, 3):
        values = values.mean(dim=0, keepdim=True)
    pixels = (values.clamp(0, 1) * 255).round().to(torch.uint8)
    picture: Image.Image = transforms.to_pil_image(pixels)
    return picture


def as_png_can(picture: Image.Image) -> Image.Image:
    """The picture in a mode that PNG holds without loss."""
    return picture if picture.mode in PNG_MODES else picture.convert("RGB")
