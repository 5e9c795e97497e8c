"""Time and memory of everything after the forward pass, at the size of the whole Animals-10.

    python -m benchmarks.full_size                  20,893 training × 5,224 test images
    python -m benchmarks.full_size --train 2000 --test 500

Random factors stand for real ones: the arithmetic, the files and their sizes are the same. Writes
the results folder (1.6 GB at full size), then runs analyze_results.py on it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from tracin.compute.labels.judged import judge_labels
from tracin.compute.passed import PassedImages
from tracin.compute.scores.factors import Factors, error_signals
from tracin.compute.scores.gauss_newton import gauss_newton_scores
from tracin.compute.scores.matrix_pass import ScoringSettings, score
from tracin.compute.scores.tracin import tracin_scores
from tracin.compute.tables import write_tables
from tracin.images import Crop, ImageTable
from tracin.machine.processes import Processes
from tracin.model_check import ModelCheck, count_answers
from tracin.results import schema

ROOT = Path(__file__).parent.parent
CLASSES = 10


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train", type=int, default=20_893)
    parser.add_argument("--test", type=int, default=5_224)
    arguments = parser.parse_args()
    train, test = (
        _random_images("train", arguments.train, 0),
        _random_images("test", arguments.test, 1),
    )
    own_peak = peak_memory(os.getpid())
    print(f"peak before: {own_peak:.2f} GB, most of it random features")
    for method in (schema.TRACIN, schema.GAUSS_NEWTON):
        for matrix in (True, False):
            with tempfile.TemporaryDirectory() as name:
                _measure(method, matrix, Path(name), train, test)


def _measure(
    method: str, matrix: bool, folder: Path, train: PassedImages, test: PassedImages
) -> None:
    what = f"{method}, {'matrix' if matrix else 'no matrix'}"
    start = time.perf_counter()
    if method == schema.TRACIN:
        scores = tracin_scores(train.factors, test.factors, [1e-4])
    else:
        scores = gauss_newton_scores(train.factors[-1], test.factors[-1], 0.1)
    _row(f"{what}: factorise, self-influence", start)
    start = time.perf_counter()
    settings = ScoringSettings(10, method == schema.TRACIN, matrix)
    scored = score(folder, scores, test.table, settings, Processes(torch.device("cpu")))
    size = sum(path.stat().st_size for path in folder.iterdir())
    _row(f"{what}: blocks, top-k, CSV ({size / 1e9:.2f} GB)", start)
    start = time.perf_counter()
    answers = [
        count_answers(
            side.table.labels, side.factors[-1].logits.argmax(1).numpy(), side.table.class_names
        )
        for side in (train, test)
    ]
    judged = judge_labels(
        train.factors,
        test.factors,
        ModelCheck(answers[0], answers[1]),
        max_suspects=500,
        damping=0.1,
    )
    write_tables(folder, train, test, scored, judged, Crop())
    _row(f"{what}: duplicates, tables", start)
    if method == schema.TRACIN:
        start = time.perf_counter()
        command = [sys.executable, str(ROOT / "analyze_results.py"), "--results_dir", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            peak = 0.0
            while process.poll() is None:
                peak = max(peak, peak_memory(process.pid))
                time.sleep(0.05)
        _row(f"{what}: analyze_results.py", start, peak)


def _row(what: str, start: float, peak: float | None = None) -> None:
    peak = peak_memory(os.getpid()) if peak is None else peak
    print(f"{time.perf_counter() - start:8.1f} s   peak {peak:5.2f} GB   {what}", flush=True)


def peak_memory(process: int) -> float:
    """Gigabytes that a process has had in memory at most; 0 where Linux does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    lines = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(next(lines, "0")) / 1e6


def _random_images(split: str, n: int, seed: int) -> PassedImages:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    logits = 2 * torch.randn(n, CLASSES, generator=generator)
    logits[torch.arange(n), labels] += 4
    factors = Factors(
        torch.randn(n, 256, generator=generator), logits, error_signals(logits, labels), labels
    )
    names = tuple(f"class_{number}" for number in range(CLASSES))
    paths = tuple(f"{split}/class_{number % CLASSES}/{number:05d}.jpg" for number in range(n))
    table = ImageTable(Path("/nowhere"), split, paths, labels.numpy().astype(np.int64), names)
    return PassedImages(table, n, (factors,), torch.randn(n, 2048, generator=generator))


if __name__ == "__main__":
    main()
