"""Faults of images and of folders of images."""

from __future__ import annotations

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz.file_faults import damage_bytes, replace_place

MODES = ("1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F")


def _odd_mode(random: Random, path: Path) -> str:
    mode = random.choice(MODES)
    with Image.open(path) as image:
        if mode == "I;16":
            odd = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        elif mode in ("LAB", "HSV", "PA"):
            odd = Image.new(mode, image.size)
        else:
            odd = image.convert(mode)
    file = io.BytesIO()
    for kind in random.sample(("PNG", "TIFF", "WEBP", "BMP", "JPEG", "GIF", "PPM"), 7):
        try:
            odd.save(file, kind)
        except (OSError, ValueError, KeyError):
            file = io.BytesIO()
            continue
        path.write_bytes(file.getvalue())
        return f"mode {mode} as {kind}"
    return "as it was"


def png_header(width: int, height: int) -> bytes:
    """A PNG that says that it is so large, and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def _huge(random: Random, path: Path) -> str:
    size = random.choice(
        ((1, 2**31 - 1), (2**31 - 1, 1), (60_000, 60_000), (13_000, 13_000), (0, 5), (1, 1_000_000))
    )
    path.write_bytes(png_header(*size))
    return f"a header of {size}"


def _tiny(random: Random, path: Path) -> str:
    size = random.choice(((1, 1), (1, 500), (500, 1), (2, 3)))
    Image.new("RGB", size).save(path, "PNG")
    return f"{size} pixels"


def _bad_exif(random: Random, path: Path) -> str:
    with Image.open(path) as image:
        exif = random.choice(
            (b"Exif\0\0" + random.randbytes(60), b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x" * 9)
        )
        image.save(path, "JPEG", exif=exif)
    return "damaged EXIF"


def _damage(random: Random, path: Path) -> str:
    return damage_bytes(random, path)


NAMES = (
    *(
        b"caf\xe9.jpg",
        b"a\nb.jpg",
        b"a\rb.jpg",
        b"\x1b[31m.jpg",
        b"-rf.jpg",
        b"=1+1.jpg",
        b"a b.jpg",
        b"'q\".jpg",
    ),
    *(
        b"x" * 251 + b".jpg",
        "\u202egpj.jpg".encode(),
        "é.jpg".encode(),
        "e\u0301.jpg".encode(),
        b".jpg",
    ),
    *(
        b"._a.jpg",
        b".hidden.jpg",
        b"a.JPG",
        b"a.jpg.txt",
        b"noending",
        b"a.gif",
        b"nan.jpg",
        b"\xff.jpg",
    ),
    *(b"a,b.jpg", b"<b>.jpg", b"a\\b.jpg", "\u2028.jpg".encode(), b"%00.jpg", b"..jpg", b"~.jpg"),
)


def _odd_name(random: Random, path: Path) -> str:
    name = random.choice(NAMES)
    path.rename(os.path.join(os.fsdecode(path.parent), os.fsdecode(name)))  # noqa: PTH118
    return f"called {name[:20]!r}"


def _odd_class(random: Random, path: Path) -> str:
    name = os.fsdecode(random.choice(NAMES)).removesuffix(".jpg") or "x"
    name = random.choice(
        (name, "nan", "inf", "x.jpg", ".hidden", "__MACOSX", "NA", "all test images", "train")
    )
    folder = path.parent.parent / name
    if not folder.exists():
        path.parent.rename(folder)
    return f"a class called {name[:20]!a}"


def _empty_class(_random: Random, path: Path) -> str:
    for each in path.parent.iterdir():
        each.unlink()
    return "a class without images"


def _no_split(random: Random, path: Path) -> str:
    split = path.parent.parent
    if random.random() < 0.5:
        split.rename(split.parent / random.choice(("val", "Train", "valid", "tests")))
        return "a split renamed"
    shutil.rmtree(split)
    return "a split missing"


def _link_back(random: Random, path: Path) -> str:
    target = random.choice(("..", "../..", ".", "/", "../../test/cat", "../dog"))
    (path.parent / "more").symlink_to(target)
    return f"a link to {target}"


def _nested(_random: Random, path: Path) -> str:
    folder = path.parent / "deep" / "deeper"
    folder.mkdir(parents=True)
    path.rename(folder / path.name)
    return "a nested folder"


FAULTS: dict[str, Callable[[Random, Path], str]] = {
    "odd mode": _odd_mode,
    "huge": _huge,
    "tiny": _tiny,
    "exif": _bad_exif,
    "bytes": _damage,
    "more bytes": _damage,
    "name": _odd_name,
    "another name": _odd_name,
    "class": _odd_class,
    "empty class": _empty_class,
    "split": _no_split,
    "link": _link_back,
    "nested": _nested,
}


def damage_images(random: Random, folder: Path, canary: Path) -> str:
    """Spoil one to three images or folders below ``folder``; return what was done."""
    said = []
    for _ in range(random.choice((1, 1, 2, 3))):
        images = sorted(
            path for path in folder.rglob("*.jpg") if path.is_file() and not path.is_symlink()
        )
        images = [path for path in images if path.parent != folder]
        if not images:
            break
        path = random.choice(images)
        # A second fault may find that the first has left no picture to spoil.
        with suppress(OSError, ValueError, Image.DecompressionBombError):
            if random.random() < 0.15:
                said.append(replace_place(random, path, canary))
            else:
                said.append(random.choice(list(FAULTS.values()))(random, path))
    return " and ".join(said)
