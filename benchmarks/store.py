"""Where to keep 26,117 features of 2048 float32: SQLite against shards of safetensors.

    python -m benchmarks.store
    python -m benchmarks.store --images 1281167    SQLite alone, ImageNet's size: 11 GB of memory,
                                                   12 of disk

Writes them in batches of 32, as a run does, each safe from a kill once written; asks how many are
kept; then reads all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tracin.compute.features.file_states import FileState
from tracin.compute.features.store import FeatureStore
from tracin.hashing import HASH_BYTES
from tracin.temporary import replacing

IMAGES = 26_117
BATCH = 32


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=int)
    images = parser.parse_args().images
    if images is not None:
        _measure_large(images)
        return
    values = torch.randn(IMAGES, 2048)
    states = [FileState(f"/data/train/cat/{number:05d}.jpg", 1, 1) for number in range(IMAGES)]
    print(f"{'write s':>8} {'read s':>8} {'MB':>6} {'files':>6}  store")
    for name, write, read in (
        ("SQLite", write_sqlite, read_sqlite),
        ("safetensors shards", write_shards, read_shards),
    ):
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            start = time.perf_counter()
            write(folder, states, values)
            written = time.perf_counter()
            loaded = read(folder, states)
            seconds = time.perf_counter() - written
            assert torch.equal(loaded, values)
            files = [path for path in folder.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 1e6
            print(f"{written - start:8.2f} {seconds:8.2f} {size:6.0f} {len(files):6}  {name}")


def _measure_large(images: int) -> None:
    """Print what SQLite takes for so many; the same few features again and again."""
    paths = (f"/data/train/n{at // 1281:08d}/{at:08d}.JPEG" for at in range(images))  # in order
    states = [FileState(path, 1, 1) for path in paths]
    values, hashes = torch.randn(BATCH, 2048), torch.zeros(BATCH, 2, HASH_BYTES, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as text:
        start = time.perf_counter()
        with FeatureStore(Path(text)) as store:
            for first in range(0, images, BATCH):
                batch = states[first : first + BATCH]
                store.save("key", batch, values[: len(batch)], hashes[: len(batch)])
        size = sum(path.stat().st_size for path in Path(text).iterdir()) / 1e9
        start = _step(f"written, {size:.1f} GB", start)
        with FeatureStore(Path(text)) as store:
            assert store.count("key", states) == images
            start = _step("looked up", start)
            into = torch.empty(images, 2048)
            kept = torch.empty(images, 2, HASH_BYTES, dtype=torch.uint8)
            assert store.load("key", states, into, kept).all()
        _step("loaded", start)
        assert torch.equal(into[images - 1], values[(images - 1) % BATCH])


def _step(what: str, start: float) -> float:
    now = time.perf_counter()
    print(f"{now - start:8.1f} s  {what}", flush=True)
    return now


def write_sqlite(folder: Path, states: list[FileState], values: torch.Tensor) -> None:
    """One transaction per batch."""
    hashes = torch.zeros(IMAGES, 2, HASH_BYTES, dtype=torch.uint8)
    with FeatureStore(folder) as store:
        for start in range(0, IMAGES, BATCH):
            batch = slice(start, start + BATCH)
            store.save("key", states[batch], values[batch], hashes[batch])


def read_sqlite(folder: Path, states: list[FileState]) -> torch.Tensor:
    """All rows of one key."""
    into = torch.empty(IMAGES, 2048)
    hashes = torch.empty(IMAGES, 2, HASH_BYTES, dtype=torch.uint8)
    with FeatureStore(folder) as store:
        assert store.load("key", states, into, hashes).all()
    return into


def write_shards(folder: Path, states: list[FileState], values: torch.Tensor) -> None:
    """One file per batch, a tensor per image, written beside its name and renamed."""
    for start in range(0, IMAGES, BATCH):
        batch = zip(states[start : start + BATCH], values[start : start + BATCH], strict=True)
        with replacing(folder / f"{start:06d}.safetensors") as temporary:
            save_file({state.path: value.clone() for state, value in batch}, temporary)


def read_shards(folder: Path, states: list[FileState]) -> torch.Tensor:
    """All files."""
    into = torch.empty(IMAGES, 2048)
    rows = {state.path: row for row, state in enumerate(states)}
    for path in folder.iterdir():
        for name, value in load_file(path).items():
            into[rows[name]] = value
    return into


if __name__ == "__main__":
    main()
