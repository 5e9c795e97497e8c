"""The steps of benchmarks/gpu_check.py: each yields rows (what, value, verdict)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.gpu_bench import Bench, command, scores
from benchmarks.photo_set import ANIMALS, write_photo_set
from tracin.decoding import PixelDataset, collate
from tracin.images import Crop, find_images
from tracin.machine.device import choose_device, default_workers
from tracin.machine.reading import Reader, Reading, in_order
from tracin.results import float_text
from tracin.results.run_info import read_run_info

EXACT = 1e-5
"""Largest difference of float32 scores, of the largest score."""
SECONDS_OF_A_RATE = 4.0
"""So long each rate is measured."""
COMMAND_TARGET = 30.0
"""Seconds from command to results for Animals-10 on an H100 or H200."""

Found = tuple[str, str, str]
"""(what, value, verdict)"""


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
    truth = _same_order(scores(bench, "bfloat16"), scores(bench, "float32"))
    # One in twenty such intervals may miss it: no verdict on the program.
    yield (
        f"same order of two training images (of all: {truth:.2%})",
        f"{error.same_order:.2%} ({low:.2%} to {high:.2%})",
        "holds it" if low <= truth <= high else "misses it",
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
