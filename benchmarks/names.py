"""Time and memory of finding, drawing and planning a run over as many images as ImageNet has.

    python -m benchmarks.names                       1,281,167 + 50,000 empty files, 1000 classes
    python -m benchmarks.names --folder DIR          and leave them there, or use them again

The files are empty and have ImageNet's names; nothing reads them. Peak memory is that of a process
of its own, less what it takes with ten images.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.full_size import ROOT, peak_memory
from tracin.compute.config import RunConfig
from tracin.compute.features.file_states import file_states
from tracin.compute.features.store import FeatureStore
from tracin.compute.run_images import find_run_images


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train", type=int, default=1_281_167)
    parser.add_argument("--test", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        _measure(arguments.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        large, small = arguments.folder or Path(name) / "large", Path(name) / "small"
        for folder, train, test in ((large, arguments.train, arguments.test), (small, 10, 10)):
            if not folder.exists():
                start = time.perf_counter()
                _make_files(folder, train, test, arguments.classes)
                print(f"{train + test:,} files made in {time.perf_counter() - start:.0f} s")
            command = [
                sys.executable,
                "-m",
                "benchmarks.names",
                "--measure",
                "--folder",
                str(folder),
            ]
            subprocess.run(command, check=True, cwd=ROOT)


def _make_files(folder: Path, train: int, test: int, classes: int) -> None:
    """Empty files in folders of ``classes`` classes, with ImageNet's names."""
    for split, n in (("train", train), ("test", test)):
        for number in range(min(n, classes)):
            inside = folder / split / f"n{number:08d}"
            inside.mkdir(parents=True)
            for at in range(number, n, classes):
                name = f"n{number:08d}_{at}" if split == "train" else f"ILSVRC2012_val_{at:08d}"
                (inside / f"{name}.JPEG").touch()


def _measure(folder: Path) -> None:
    """Print what each step takes."""
    import os

    steps = _Steps(os.getpid())
    config = RunConfig((), folder, folder, train_subset=None)
    images = find_run_images(config, print)
    n = len(images.train) + len(images.test)
    steps.done(f"listing of {n:,} images", n)
    drawn = find_run_images(RunConfig((), folder, folder, train_subset=n // 2), lambda _: None)
    steps.done(f"listing again, {len(drawn.train):,} drawn", n)
    del drawn
    states = file_states(images.train) + file_states(images.test)
    steps.done("size and time of every file", n)
    with tempfile.TemporaryDirectory() as name, FeatureStore(Path(name)) as store:
        assert store.count("key", states) == 0
    steps.done("look-up of what is kept: nothing", n)


class _Steps:
    def __init__(self, process: int) -> None:
        self._process, self._start = process, time.perf_counter()
        self._cpu, self._peak = time.process_time(), peak_memory(process)
        print(f"{'':>8} {'':>8} peak {1000 * self._peak:5.0f} MB  imports")

    def done(self, what: str, n: int) -> None:
        seconds, cpu = time.perf_counter() - self._start, time.process_time() - self._cpu
        peak = peak_memory(self._process)
        more = 1e9 * (peak - self._peak) / n
        print(
            f"{seconds:6.1f} s {cpu:6.1f} s peak {1000 * peak:5.0f} MB  {what} "
            f"(+{more:,.0f} bytes an image)",
            flush=True,
        )
        self._start, self._cpu, self._peak = time.perf_counter(), time.process_time(), peak


if __name__ == "__main__":
    main()
