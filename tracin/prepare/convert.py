"""One raw file → a checked RGB JPEG, with what tells whether two images are the same."""

from __future__ import annotations

import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from tracin.hashing import picture_hash
from tracin.prepare.raw_files import RawFile

_JPEG_QUALITY = 95
"""The most that Pillow recommends: beyond it files grow and hardly change."""
_GREY_SIDE = 16
"""Pixels of the reduced image by which lookalikes are found."""
_ORIENTATION, _UPRIGHT = 0x0112, 1
"""EXIF's tag for how a picture is turned, and its value for one that is not."""


@dataclass(frozen=True)
class Converted:
    """What became of one raw file."""

    raw_file: RawFile
    reason: str
    """Why it was left out; empty where it was written."""
    pixel_hash: str = ""
    """Equal for images with equal pixels, as they are written."""
    grey_values: str = ""
    """The image reduced to 16 x 16 grey values, hexadecimal: similar for images that look alike."""


def convert(raw_dir: Path, raw_file: RawFile, target: Path, size: int | None) -> Converted:
    """Write ``raw_file`` to ``target`` as an RGB JPEG; return what became of it.

    Args:
        raw_dir: the folder that the raw file's path is relative to.
        raw_file: the image.
        target: where the JPEG goes.
        size: the shorter side is reduced to this, in pixels; None keeps the image's size.

    Raises:
        OSError: ``target`` cannot be written. A file that cannot be read is no error: the reason is
            returned.
    """
    path = raw_dir / raw_file.path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of odd palettes and big pictures
            image, untouched = _decode(path, size)
    # Pillow's decoders raise what they like on damaged files: SyntaxError, struct.error, ...
    except Exception as error:
        message = str(error).replace(str(path), path.name)
        reason = f"cannot be read: {type(error).__name__}: {message}"
        return Converted(raw_file, reason)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    if untouched:
        shutil.copyfile(path, temporary)
    else:
        image.save(temporary, format="JPEG", quality=_JPEG_QUALITY)
    temporary.replace(target)
    return Converted(
        raw_file=raw_file,
        reason="",
        pixel_hash=picture_hash(image).hex(),
        grey_values=_grey_values(image),
    )


def _decode(path: Path, size: int | None) -> tuple[Image.Image, bool]:
    """(image in RGB at the wanted size, whether the file holds exactly that already).

    Turned upright according to its EXIF orientation, since the JPEG that we write carries no EXIF.
    """
    with Image.open(path) as opened:
        opened.load()
        plain = opened.format == "JPEG" and opened.mode == "RGB"
        plain = plain and opened.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT
        image = ImageOps.exif_transpose(opened).convert("RGB")
    shorter = min(image.size)
    if size is None or shorter <= size:
        # Never enlarged: that adds no detail, and the model's own transform does it anyway.
        return image, plain
    scale = size / shorter
    width, height = (max(size, round(extent * scale)) for extent in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS), False


def _grey_values(image: Image.Image) -> str:
    reduced = image.convert("L").resize((_GREY_SIDE, _GREY_SIDE), Image.Resampling.BOX)
    return reduced.tobytes().hex()
