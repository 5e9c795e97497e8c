"""One raw file → a checked RGB JPEG, with what tells whether two images are the same."""

from __future__ import annotations

import errno
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tracin.hashing import picture_hash
from tracin.image_folder import read_image_file
from tracin.machine.refusals import is_lack_of_memory
from tracin.prepare.raw_files import RawFile
from tracin.temporary import replacing

_JPEG_QUALITY = 95
"""The most that Pillow recommends: beyond it files grow and hardly change."""
_GREY_SIDE = 16
"""Pixels of the reduced image by which lookalikes are found."""
_ORIENTATION = 0x0112
"""EXIF's tag for how a picture is turned."""
_OF_THE_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""How a file system says that it takes no file of this name."""
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What puts it upright; 1, and anything else, is upright already."""
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)
"""Bits of a grey value, as cameras, scanners and microscopes have them."""


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

    @property
    def is_whole(self) -> bool:
        """Whether it tells all that is needed of an image; a damaged journal may not."""
        grey = re.fullmatch(rf"[0-9a-f]{{{2 * _GREY_SIDE**2}}}", self.grey_values)
        return bool(self.reason) or (bool(self.pixel_hash) and grey is not None)


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
        content = read_image_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of odd palettes and big pictures
            image, untouched = _decode(content, size)
            if not untouched:
                content = _jpeg(image)
    # Pillow's codecs raise what they like on damaged files: SyntaxError, struct.error, ...
    except Exception as error:
        if is_lack_of_memory(error):
            return Converted(raw_file, "there is not enough memory for it")
        message = str(error).replace(str(path), path.name)
        reason = f"cannot be read: {type(error).__name__}: {message}"
        return Converted(raw_file, reason)
    try:
        with replacing(target) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        if error.errno not in _OF_THE_NAME:
            raise  # the disk is full, or the folder cannot be written: so it is for the next file
        return Converted(raw_file, f"cannot be written under this name: {error.strerror}")
    return Converted(
        raw_file=raw_file,
        reason="",
        pixel_hash=picture_hash(image).hex(),
        grey_values=_grey_values(image),
    )


def _decode(content: bytes, size: int | None) -> tuple[Image.Image, bool]:
    """(image in RGB at the wanted size, whether the file holds exactly that already).

    Turned upright according to its EXIF orientation, since the JPEG that we write carries no EXIF.
    """
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        turn = _TURNS.get(_orientation(opened))
        plain = opened.format == "JPEG" and opened.mode == "RGB" and turn is None
        image = _in_rgb(opened)
    if turn is not None:
        image = image.transpose(turn)
    shorter = min(image.size)
    if size is None or shorter <= size:
        # Never enlarged: that adds no detail, and the model's own transform does it anyway.
        return image, plain
    scale = size / shorter
    width, height = (max(size, round(extent * scale)) for extent in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS), False


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_ORIENTATION)
    # A damaged note about the picture costs no picture. Pillow raises what it likes here, too.
    except Exception:
        return None


def _in_rgb(image: Image.Image) -> Image.Image:
    """``image`` in RGB, deep greys scaled to eight bits and what is transparent on white.

    Pillow's own conversion cuts deep greys off at white, and shows what lies below transparency.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _eight_bits(grey: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(h, w), uint8: grey values of 16 or 32 bits, or floats, as a picture shows them.

    Whole numbers count as of the smallest usual depth, ``_DEPTHS`` bits, that holds the largest of
    them, so that pictures of one camera keep their brightness. Floats from 0 to 1 have 1 for white,
    others up to 255 have that. Whatever lies outside, or below 0, is stretched from its smallest
    value, black, to its largest, white. What is no number becomes black.
    """
    values = grey.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    if np.issubdtype(grey.dtype, np.floating):
        whites: tuple[float, ...] = (1, 255)
    else:
        whites = tuple(2**bits - 1 for bits in _DEPTHS)
    white = next((white for white in whites if high <= white), None)
    if low < 0 or white is None:
        values, white = values - low, max(high - low, np.finfo(np.float64).tiny)
    scaled = np.nan_to_num(values * (255 / white), nan=0, posinf=0, neginf=0)
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def _grey_values(image: Image.Image) -> str:
    reduced = image.convert("L").resize((_GREY_SIDE, _GREY_SIDE), Image.Resampling.BOX)
    return reduced.tobytes().hex()
