"""The steps of benchmarks/gpu_check.py: each yields rows (what, value, verdict)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torchvision.models import resnet50

from benchmarks.photo_set import ANIMALS, CLASSES, write_photo_set
from tracin.compute.features.backbone import Forward
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.decoding import PixelDataset, collate
from tracin.images import Crop, find_images, normalize
from tracin.machine.device import choose_device, default_workers, device_name
from tracin.machine.reading import Reader, Reading, in_order
from tracin.results import float_text
from tracin.results.matrix import read_blocks
from tracin.results.run_info import read_run_info
from tracin.results.schema import INFLUENCE_SCORES

ROOT = Path(__file__).resolve().parent.parent
SMALL = 200
"""Images of the runs that are compared: 160 training and 40 test images."""
EXACT = 1e-5
"""Largest difference of float32 scores, of the largest score."""
SECONDS_OF_A_RATE = 4.0
"""So long each rate is measured."""
COMMAND_TARGET = 30.0
"""Seconds from command to results for Animals-10 on an H100 or H200."""

Found = tuple[str, str, str]
"""(what, value, verdict)"""

# The command in a process that says what it took, GPU memory included.
_PROGRAM = """
import json, resource, sys, time
start = time.perf_counter()
import TracIn_Resnet50
status = TracIn_Resnet50.main(sys.argv[2:])
import torch
peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
readers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
name = sys.argv[1] + "." + __import__("os").environ.get("RANK", "0")
open(name, "w").write(json.dumps([time.perf_counter() - start, peak, rss, readers]))
sys.exit(status)
"""


@dataclass(frozen=True)
class Bench:
    """Where the check works, and on what."""

    folder: Path
    device: str
    photos: int

    @cached_property
    def checkpoint(self) -> Path:
        """A ResNet50 with the Animals-10 head, in the user's form: its weights are random, but for
        the last Linear's, which tell the classes' tints apart.
        """
        torch.manual_seed(0)
        model = resnet50(weights=None)
        model.fc = nn.Sequential(
            *(nn.Linear(2048, 512), nn.LeakyReLU(), nn.Linear(512, 256), nn.LeakyReLU()),
            nn.Linear(256, len(CLASSES)),
        )
        model.train()
        with torch.no_grad():  # real statistics for batch norm: scores of the size of a trained one
            for _ in range(5):
                model(torch.randn(16, 3, 64, 64))
        model.eval()
        table, _ = find_images(self.small)
        decoded = PixelDataset(table, range(len(table)), Crop())
        batches = [collate([decoded[row] for row in part]) for part in in_order(len(table), 16)]
        with torch.no_grad():
            pixels = [normalize(batch.pixels) for batch in batches]
            last, model.fc[4] = model.fc[4], nn.Identity()
            activations = torch.cat([model(part) for part in pixels]).double()
        wanted = 8 * nn.functional.one_hot(torch.from_numpy(table.labels), len(CLASSES)).double()
        centred = activations - activations.mean(dim=0)
        gram = centred.T @ centred
        gram += 0.01 * gram.diagonal().mean() * torch.eye(len(gram))
        fitted = torch.linalg.solve(gram, centred.T @ (wanted - wanted.mean(dim=0)))
        last.weight.data = fitted.T.float()
        last.bias.data = (wanted.mean(dim=0) - activations.mean(dim=0) @ fitted).float()
        model.fc[4] = last
        state = {f"model.{key}": value for key, value in model.state_dict().items()}
        torch.save(state, self.folder / "animals10.pth")
        return self.folder / "animals10.pth"

    @cached_property
    def small(self) -> Path:
        """A folder of ``SMALL`` photos."""
        write_photo_set(self.folder / "small", SMALL, coloured=True)
        return self.folder / "small"

    @cached_property
    def forward(self) -> Forward:
        """The backbone on the device, in float32."""
        return self.forward_in("float32")

    def forward_in(self, precision: str) -> Forward:
        """The backbone on the device."""
        device = choose_device("cuda" if self.device == "cuda" else "cpu")
        backbone = load_checkpoint(self.checkpoint, CLASSES).backbone
        return Forward(backbone, device, precision)


@dataclass(frozen=True)
class Measured:
    """What a run of the command took."""

    seconds: float
    gpu_bytes: int
    bytes: int
    reader_bytes: int


def machine(bench: Bench) -> str:
    """The machine in a line."""
    device = device_name(choose_device("cuda" if bench.device == "cuda" else "cpu"))
    parts = [device, f"{os.cpu_count()} cores", f"Python {platform.python_version()}"]
    return "; ".join([*parts, f"torch {torch.__version__}", f"cuDNN {_cudnn()}"])


def _cudnn() -> str:
    return str(torch.backends.cudnn.version() or "none")


def command(
    bench: Bench, name: str, data: Path, *flags: str, processes: int = 1, device: str = ""
) -> list[Measured]:
    """Run the command into the folder ``name``; what each process took.

    Raises:
        RuntimeError: it failed; its last lines are the message.
    """
    results = bench.folder / name
    words = ["--model_path", str(bench.checkpoint), "--data_dir", str(data), *flags]
    words += ["--output_dir", str(results), "--no_cache", "--device", device or bench.device]
    (bench.folder / "measured.py").write_text(_PROGRAM, encoding="utf-8")
    begin = [sys.executable]
    if processes > 1:
        begin += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    report = bench.folder / f"{name}.took"
    done = subprocess.run(
        [*begin, str(bench.folder / "measured.py"), str(report), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(" | ".join(done.stderr.strip().splitlines()[-4:]))
    files = sorted(bench.folder.glob(f"{name}.took.*"))
    return [Measured(*json.loads(file.read_text())) for file in files]


def scores(bench: Bench, name: str) -> npt.NDArray[np.float64]:
    """The matrix of the run ``name``."""
    blocks = list(read_blocks(bench.folder / name / INFLUENCE_SCORES))
    return np.concatenate(blocks).astype(np.float64)


def _difference(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    return float(np.abs(one - other).max() / np.abs(other).max())


def _verdict(met: bool) -> str:
    return "met" if met else "NOT met"


def parity(bench: Bench, _seconds: float) -> Iterator[Found]:
    """float32 scores of the device against the CPU's."""
    command(bench, "reference", bench.small, device="cpu")
    took = command(bench, "float32", bench.small)[0]
    difference = _difference(scores(bench, "float32"), scores(bench, "reference"))
    yield (
        "float32 scores, largest difference from the CPU's",
        f"{difference:.1e}",
        _verdict(difference <= EXACT),
    )
    yield "peak GPU memory of that run", _megabytes(took.gpu_bytes), ""


def bfloat16(bench: Bench, _seconds: float) -> Iterator[Found]:
    """What bfloat16 costs."""
    command(bench, "bfloat16", bench.small, "--precision", "bfloat16")
    difference = _difference(scores(bench, "bfloat16"), scores(bench, "reference"))
    yield "bfloat16 scores, largest difference from the CPU's float32", f"{difference:.1e}", ""
    error = read_run_info(bench.folder / "bfloat16").precision_error
    if error is None:
        raise RuntimeError("the run does not state its error")
    low, high = error.same_order_interval
    held = low <= _same_order(scores(bench, "bfloat16"), scores(bench, "reference")) <= high
    yield (
        "same order of two training images, as the run states it",
        f"{error.same_order:.2%} ({low:.2%} to {high:.2%})",
        _verdict(held),
    )
    seconds = read_run_info(bench.folder / "bfloat16").seconds["precision"]
    yield "seconds of that check", f"{seconds:.2f}", _verdict(seconds < 1.5)


def _same_order(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Of all pairs of rows, the share that keeps its order, over the columns."""
    kept = [
        np.sign(one[row] - one[row + 1 :]) == np.sign(other[row] - other[row + 1 :])
        for row in range(len(one) - 1)
    ]
    return float(np.concatenate(kept).mean())


def two_processes(bench: Bench, _seconds: float) -> Iterator[Found]:
    """Two processes that share the one device."""
    took = command(bench, "two", bench.small, processes=2)
    difference = _difference(scores(bench, "two"), scores(bench, "float32"))
    yield (
        "two processes on one device, difference from one",
        f"{difference:.1e}",
        _verdict(difference <= EXACT),
    )
    peaks = " + ".join(_megabytes(each.gpu_bytes) for each in took)
    yield "peak GPU memory of each", peaks, ""


def halving(bench: Bench, _seconds: float) -> Iterator[Found]:
    """A batch that does not fit is halved until it does: torch's own cap makes the memory small."""
    if bench.device != "cuda":
        yield "halving on a small memory", "not run: needs a GPU", "-"
        return
    pixels = torch.randint(0, 256, (512, 3, 224, 224), dtype=torch.uint8)
    expected = torch.cat([bench.forward(part) for part in pixels.split(32)])
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    capped = bench.forward_in("float32")
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 3e9) / total)
    try:
        found = capped(pixels)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    difference = float((found - expected).norm() / expected.norm())
    size = capped._chunk_size
    yield (
        f"512 images with 3 GB: {size} at a time, difference of features",
        f"{difference:.1e}",
        _verdict(difference <= EXACT and size < 512),
    )


def bare_pass(bench: Bench, _seconds: float) -> Iterator[Found]:
    """Images a second of the pass alone, pixels in memory, and what it takes of the GPU."""
    for precision in ("float32", "bfloat16"):
        forward = bench.forward_in(precision)
        for size in (32, 128) if bench.device == "cuda" else (32,):
            pixels = torch.randint(0, 256, (size, 3, 224, 224), dtype=torch.uint8)
            if bench.device == "cuda":
                pixels = pixels.pin_memory()
                torch.cuda.reset_peak_memory_stats()
            forward(pixels)
            rate, start, done = 0.0, time.perf_counter(), 0
            waiting: list[Any] = []
            while rate == 0.0:
                waiting.append(forward.start(pixels))
                if len(waiting) > forward.in_flight:
                    waiting.pop(0).result()
                    done += size
                if (spent := time.perf_counter() - start) > SECONDS_OF_A_RATE:
                    rate = done / spent
            peak = torch.cuda.max_memory_allocated() if bench.device == "cuda" else 0
            ran = f"{rate:,.0f} images/s"
            yield f"bare pass, {precision}, batches of {size}", ran, f"peak {_megabytes(peak)}"


def decoding(bench: Bench, _seconds: float) -> Iterator[Found]:
    """Images a second of reading alone, with as many processes as a run takes."""
    table, _ = find_images(bench.small)
    device = choose_device("cuda" if bench.device == "cuda" else "cpu")
    workers = default_workers(device)
    rows = [*range(len(table))] * (20 * workers)
    reading = Reading(workers, 32, Crop().crop_size, pin_memory=bench.device == "cuda")
    batches = in_order(len(rows), 32)
    reader = Reader(PixelDataset(table, rows, Crop()), batches, collate, reading)
    start, done = 0.0, 0
    for number, batch in enumerate(reader):
        if number == 2 * workers:  # all processes have begun
            start, done = time.perf_counter(), 0
        done += len(batch.rows)
        if start and time.perf_counter() - start > 2 * SECONDS_OF_A_RATE:
            break
    rate = done / (time.perf_counter() - start)
    yield f"decoding alone, {workers} processes", f"{rate:,.0f} images/s", ""


def whole_command(bench: Bench, seconds: float) -> Iterator[Found]:
    """The command on all photos, its parts, and its peaks."""
    data = bench.folder / "large"
    start = time.perf_counter()
    write_photo_set(data, bench.photos, coloured=True)
    spent = time.perf_counter() - start
    yield f"making {bench.photos:,} photos", f"{spent:.0f} s", ""
    if seconds - spent < 60:
        yield "the command on them", "not run: out of time", "-"
        return
    matrix = [] if float_text.FAST else ["--no_matrix"]  # without orjson its text takes minutes
    left = "" if float_text.FAST else " (no matrix: orjson is not installed)"
    took = command(bench, "whole", data, "--precision", "bfloat16", *matrix)[0]
    info = read_run_info(bench.folder / "whole")
    target = _verdict(took.seconds <= COMMAND_TARGET) if bench.photos == ANIMALS else ""
    yield f"command to results, bfloat16{left}", f"{took.seconds:.1f} s", target
    for name, part in info.seconds.items():
        if name != "total":
            yield f"  of it {name}", f"{part:.1f} s", ""
    rate = bench.photos / info.seconds["features"]
    yield "images/s while images are read and passed", f"{rate:,.0f}", ""
    peaks = (_megabytes(took.gpu_bytes), _megabytes(took.bytes), _megabytes(took.reader_bytes))
    yield "peak of GPU, of the process, of its largest reader", ", ".join(peaks), ""


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.0f} MB"


STEPS: dict[str, Callable[[Bench, float], Iterator[Found]]] = {
    "parity": parity,
    "bfloat16": bfloat16,
    "two processes": two_processes,
    "halving": halving,
    "bare pass": bare_pass,
    "decoding": decoding,
    "whole command": whole_command,
}
