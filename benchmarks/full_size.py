"""Time and memory of everything after the forward pass, at the size of the whole Animals-10.

    python -m benchmarks.full_size                  20,893 training × 5,224 test images
    python -m benchmarks.full_size --train 2000 --test 500

Random factors stand for real ones: the arithmetic, the files and their sizes are the same. Writes
the results folder (1.6 GB at full size), then runs analyze_results.py on it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from tracin import results
from tracin.compute.data import Crop, ImageTable
from tracin.compute.factors import Factors, error_signals
from tracin.compute.gauss_newton import gauss_newton_scores
from tracin.compute.influence import tracin_scores
from tracin.compute.output import OutputSettings, Side, write_files

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
    train, test = _side("train", arguments.train, 0), _side("test", arguments.test, 1)
    for method in results.METHODS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            start = time.perf_counter()
            if method == results.TRACIN:
                scores = tracin_scores(train.factors, test.factors, [1e-4])
            else:
                scores = gauss_newton_scores(train.factors, test.factors, 0.1)
            _row(f"{method}: factorise, self-influence", start)
            start = time.perf_counter()
            settings = OutputSettings(10, 500, Crop(), method == results.TRACIN)
            write_files(folder, train, test, scores, settings)
            size = (folder / results.INFLUENCE_SCORES).stat().st_size
            _row(f"{method}: blocks, CSV ({size / 1e9:.2f} GB), top-k, tables", start)
            if method == results.TRACIN:
                start = time.perf_counter()
                command = [sys.executable, str(ROOT / "analyze_results.py"), "--results_dir", name]
                subprocess.run(command, check=True, capture_output=True)
                _row("analyze_results.py", start, resource.RUSAGE_CHILDREN)


def _row(what: str, start: float, who: int = resource.RUSAGE_SELF) -> None:
    peak = resource.getrusage(who).ru_maxrss / 1e6
    print(f"{time.perf_counter() - start:8.1f} s   peak {peak:5.2f} GB   {what}", flush=True)


def _side(split: str, n: int, seed: int) -> Side:
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
    return Side(table, [factors], torch.randn(n, 2048, generator=generator))


if __name__ == "__main__":
    main()
