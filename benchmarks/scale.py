"""Rows per second of the top-k code at the size of ImageNet, in bounded memory.

    python -m benchmarks.scale                        1,281,167 × 50,000, head 2048→1000, one minute
    python -m benchmarks.scale --seconds 0            the same to the end
    python -m benchmarks.scale --train 20893 --test 5224 --width 256 --classes 10

Random factors stand for real ones and are made block by block, so that no training side is ever in
memory; figures, strongest pairs and class means go through the code of a --no_matrix run. Streams
as many rows as fit into the time and works out the rest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.full_size import peak_memory
from tracin.compute.scores.factors import Factors, error_signals
from tracin.compute.scores.matrix_pass import ScoringSettings, score
from tracin.compute.scores.tracin import Scores, influence_rows
from tracin.images import ImageTable
from tracin.machine.device import choose_device, device_name
from tracin.machine.processes import Processes
from tracin.results import schema
from tracin.wording import duration

CALIBRATION_ROWS = 1600


@dataclass(frozen=True)
class Case:
    """The size of the problem."""

    train: int
    test: int
    width: int
    classes: int
    device: torch.device


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train", type=int, default=1_281_167)
    parser.add_argument("--test", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=2048, help="input of the last Linear")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="to stream; 0: all rows")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    case = Case(arguments.train, arguments.test, arguments.width, arguments.classes, device)
    print(f"{case.train:,} × {case.test:,}, {case.width}→{case.classes}, on {device_name(device)}")
    test = _factors(case, case.test, torch.Generator().manual_seed(0))
    print(
        f"test factors {_bytes(test) / 1e9:.2f} GB, peak memory {_peak():.2f} GB before the blocks"
    )
    rows = case.train
    if arguments.seconds:
        seconds, _ = _stream(case, test, min(rows, CALIBRATION_ROWS))
        rows = min(rows, round(CALIBRATION_ROWS / seconds * arguments.seconds))
    seconds, size = _stream(case, test, rows)
    flops = 2 * rows * case.test * (case.width + case.classes)
    print(
        f"{rows:,} rows in {seconds:.1f} s: {rows / seconds:,.0f} rows/s, "
        f"{flops / seconds / 1e9:,.0f} GFLOP/s, peak memory {_peak():.2f} GB\n"
        f"the matrix product alone: {_product(case, test):,.0f} rows/s\n"
        f"all {case.train:,} rows at this rate: {duration(case.train * seconds / rows)}, "
        f"{schema.CLASS_INFLUENCE} {size / rows * case.train / 1e9:.1f} GB"
    )


def _stream(case: Case, test: Factors, rows: int) -> tuple[float, int]:
    """(seconds, bytes of the file) for so many training rows, the code of a run."""
    names = tuple(f"class_{number}" for number in range(case.classes))
    paths = tuple(map(str, range(case.test)))
    labels = np.sort(test.labels.cpu().numpy())
    table = ImageTable(Path("/nowhere"), "test", paths, labels, names)
    scores = Scores(_random_rows(case, test), torch.ones(rows))
    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        settings = ScoringSettings(10, normalize_proponents=True, matrix=False)
        score(Path(name), scores, table, settings, Processes(case.device))
        seconds = time.perf_counter() - start
        return seconds, (Path(name) / schema.CLASS_INFLUENCE).stat().st_size


def _random_rows(case: Case, test: Factors) -> Callable[[int, int], Tensor]:
    """Rows of the matrix, of training factors that are drawn when they are asked for."""

    def rows(start: int, stop: int) -> Tensor:
        train = _factors(case, stop - start, torch.Generator().manual_seed(1 + start))
        return influence_rows([train], [test], [1e-4])(0, len(train))

    return rows


def _factors(case: Case, n: int, generator: torch.Generator) -> Factors:
    """Random factors as a trained model's: activations after a ReLU, mostly right predictions."""
    labels = torch.randint(case.classes, (n,), generator=generator)
    logits = torch.randn(n, case.classes, generator=generator)
    logits[torch.arange(n), labels] += 8
    activations = torch.rand(n, case.width, generator=generator)
    return Factors(activations, logits, error_signals(logits, labels), labels).to(case.device)


def _product(case: Case, test: Factors) -> float:
    """Rows per second of the bare matrix products, the limit."""
    train = _factors(case, 320, torch.Generator().manual_seed(1))
    function = influence_rows([train], [test], [1e-4])
    function(0, len(train)).cpu()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < 5:
        function(0, len(train)).cpu()
        done += len(train)
    return done / (time.perf_counter() - start)


def _bytes(factors: Factors) -> int:
    return sum(
        tensor.element_size() * tensor.numel()
        for tensor in (factors.activations, factors.logits, factors.errors, factors.labels)
    )


def _peak() -> float:
    return peak_memory(os.getpid())


if __name__ == "__main__":
    main()
