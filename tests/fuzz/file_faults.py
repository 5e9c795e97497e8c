"""Faults of any file: its bytes, and what stands in its place."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random

ByteFault = Callable[[Random, bytes], bytes]
PlaceFault = Callable[[Path, Path], None]
"""Of a path, and the canary's folder."""


def _flip(random: Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 4, 64))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _truncate(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(max(1, len(content)))]


def _cut_out(random: Random, content: bytes) -> bytes:
    start = random.randrange(max(1, len(content)))
    return content[:start] + content[start + random.randrange(1, 200) :]


def _insert(random: Random, content: bytes) -> bytes:
    start = random.randrange(len(content) + 1)
    inserted = random.choice(
        (
            b"\0",
            b"\xff\xfe",
            b'"',
            b"\r",
            b"\n\n",
            b"\x1b[31m",
            b"\xe2\x80\xae",
            random.randbytes(9),
        )
    )
    return content[:start] + inserted + content[start:]


def _zeros(random: Random, content: bytes) -> bytes:
    start = random.randrange(max(1, len(content)))
    length = random.randrange(1, 4096)
    return content[:start] + bytes(min(length, len(content) - start)) + content[start + length :]


def _transcode(random: Random, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(random.choice(("utf-8-sig", "utf-16", "utf-32", "cp037")), "replace")


BYTE_FAULTS: dict[str, ByteFault] = {
    "bits flipped": _flip,
    "cut off": _truncate,
    "a piece missing": _cut_out,
    "bytes inserted": _insert,
    "zeros inside": _zeros,
    "another encoding": _transcode,
    "empty": lambda _random, _content: b"",
    "twice": lambda _random, content: content * 2,
    "lines ended with CR LF": lambda _random, content: content.replace(b"\n", b"\r\n"),
    "lines ended with CR": lambda _random, content: content.replace(b"\n", b"\r"),
    "random bytes": lambda random, _content: random.randbytes(random.randrange(1, 2000)),
    "a web page": lambda _random, _content: b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
    "an LFS pointer": lambda _random, _content: b"version https://git-lfs.github.com/spec/v1\n",
}


def damage_bytes(random: Random, path: Path) -> str:
    """Replace the file by a damaged one; return the fault's name."""
    name = random.choice(list(BYTE_FAULTS))
    content = path.read_bytes()
    path.unlink()  # it may be a second name of a pristine file
    path.write_bytes(BYTE_FAULTS[name](random, content))
    return name


def _folder(path: Path, _canary: Path) -> None:
    (path / "inside").mkdir(parents=True)


def _socket(path: Path, _canary: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # its address must be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(before)


PLACE_FAULTS: dict[str, PlaceFault] = {
    "not there": lambda _path, _canary: None,
    "a folder": _folder,
    "a dangling link": lambda path, _canary: path.symlink_to("nowhere"),
    "a link to itself": lambda path, _canary: path.symlink_to(path.name),
    "a link to a foreign file": lambda path, canary: path.symlink_to(canary / "secret.txt"),
    "a link to a foreign folder": lambda path, canary: path.symlink_to(canary),
    "a pipe": lambda path, _canary: os.mkfifo(path),
    "a socket": _socket,
    "a device": lambda path, _canary: path.symlink_to("/dev/zero"),
}


def replace_place(random: Random, path: Path, canary: Path) -> str:
    """Put something else where the file or folder stands; return the fault's name."""
    name = random.choice(list(PLACE_FAULTS))
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    PLACE_FAULTS[name](path, canary)
    return name
