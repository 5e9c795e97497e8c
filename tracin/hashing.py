"""Hashes by which a changed file is noticed, and the same picture in two files. No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from tracin.places import check_regular

HASH_BYTES = 16
"""Of a short hash: enough that no two of a trillion images share one by chance."""

_LOSSLESS = ("1", "L", "RGB")
"""Modes that become RGB without losing anything. Pictures in others, such as 16-bit grey or with
transparency, are compared as they stand in the file: looking the same in RGB is not being so."""


def file_sha256(path: Path) -> str:
    """SHA-256 of the bytes of a regular file, 64 hexadecimal digits."""
    check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(content: bytes) -> bytes:
    """``HASH_BYTES`` that tell one file's content from another."""
    return hashlib.blake2b(content, digest_size=HASH_BYTES).digest()


def picture_hash(image: Image.Image) -> bytes:
    """``HASH_BYTES`` that tell one picture from another, whatever file it was in."""
    plain = image.mode == "P" and "transparency" not in image.info
    if (plain or image.mode in _LOSSLESS) and image.mode != "RGB":
        image = image.convert("RGB")
    about = f"{image.mode} {image.width}x{image.height}:"
    digest = hashlib.blake2b(about.encode(), digest_size=HASH_BYTES)
    digest.update(image.tobytes())
    if palette := image.getpalette():
        digest.update(bytes(palette))
    return digest.digest()
