"""One raw file → a checked RGB JPEG, with what tells whether two images are the same."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from tracin.prepare.sources import Source

QUALITY = 95
LOOK_SIDE = 16
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Settings:
    """How images are written."""

    size: int | None = 224
    """The shorter side is reduced to this, in pixels; None keeps every image's size."""


@dataclass(frozen=True)
class Converted:
    """What came of one source."""

    source: Source
    reason: str
    """Why it was left out; empty where it was written."""
    pixel_hash: str = ""
    """Equal for images with equal pixels, as they are written."""
    look: str = ""
    """The image reduced to 16 x 16 grey values, hexadecimal: alike for images that look alike."""


def convert(raw_dir: Path, source: Source, target: Path, settings: Settings) -> Converted:
    """What came of ``source``, whose RGB JPEG is then at ``target``.

    Raises:
        OSError: ``target`` cannot be written. An unreadable source is no error but a reason.
    """
    path = raw_dir / source.path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of odd palettes and big pictures
            image, untouched = _decode(path, settings)
    # Pillow's decoders raise what they like on damaged files: SyntaxError, struct.error, ...
    except Exception as error:
        fact = str(error).replace(str(path), path.name)
        reason = f"cannot be read: {type(error).__name__}: {fact}"
        return Converted(source, reason)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    if untouched:
        shutil.copyfile(path, temporary)
    else:
        image.save(temporary, format="JPEG", quality=QUALITY)
    temporary.replace(target)
    return Converted(
        source=source,
        reason="",
        pixel_hash=_pixel_hash(image),
        look=_look(image),
    )


def _decode(path: Path, settings: Settings) -> tuple[Image.Image, bool]:
    """(RGB image as it shall be, whether the file is that already).

    Turned upright as its EXIF orientation says, since the JPEG we write carries no EXIF.
    """
    with Image.open(path) as opened:
        opened.load()
        plain = opened.format == "JPEG" and opened.mode == "RGB"
        plain = plain and opened.getexif().get(_ORIENTATION, 1) == 1
        image = ImageOps.exif_transpose(opened).convert("RGB")
    shorter = min(image.size)
    if settings.size is None or shorter <= settings.size:
        # Never enlarged: that adds no detail, and the model's own transform does it anyway.
        return image, plain
    scale = settings.size / shorter
    width, height = (max(settings.size, round(extent * scale)) for extent in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS), False


def _pixel_hash(image: Image.Image) -> str:
    digest = hashlib.blake2b(f"{image.size}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.hexdigest()


def _look(image: Image.Image) -> str:
    small = image.convert("L").resize((LOOK_SIDE, LOOK_SIDE), Image.Resampling.BOX)
    return small.tobytes().hex()
