"""Peak memory of each process of a run after its passes, with made features.

    python -m benchmarks.memory                              200,000 × 500, one process
    python -m torch.distributed.run --nproc_per_node=2 -m benchmarks.memory

Every process makes the features of the images that it holds, block by block, so that they are the
same however many processes there are. Factors, scores, labels, tables and map go through the code
of a --no_matrix run. The digest of each file tells whether it equals that of one process.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.full_size import peak_memory
from tracin.compute.check.judge import answers
from tracin.compute.labels.judged import judge_labels
from tracin.compute.passed import PassedImages
from tracin.compute.scores.factors import Factors, error_signals
from tracin.compute.scores.matrix_pass import ScoringSettings, score
from tracin.compute.scores.tracin import tracin_scores
from tracin.compute.tables import write_map, write_tables
from tracin.hashing import HASH_BYTES
from tracin.images import Crop, ImageTable
from tracin.machine.held_rows import HeldRows
from tracin.machine.processes import Processes, joined_processes
from tracin.machine.threads import one_thread
from tracin.model_check import ModelCheck, count_answers

WIDTH, CLASSES = 2048, 10
WRONG = 50
"""Every so many-th label is wrong."""


def main() -> None:
    """Print a row for each process, and each file's digest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train", type=int, default=200_000)
    parser.add_argument("--test", type=int, default=500)
    arguments = parser.parse_args()
    with joined_processes("cpu") as processes:
        processes.exchange(0)
        before, start = peak_memory(os.getpid()), time.perf_counter()
        with tempfile.TemporaryDirectory() if processes.first else nullcontext() as name:
            folder = Path(name) if name else None
            _run(folder, processes, arguments.train, arguments.test)
            digests = {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                for path in (sorted(folder.iterdir()) if folder else ())
            }
        seconds = time.perf_counter() - start
        for rank, (first, peak) in enumerate(processes.gather((before, peak_memory(os.getpid())))):
            print(
                f"process {rank} of {processes.count}: {first:.2f} GB before, peak {peak:.2f} GB",
                flush=True,
            )
        if processes.first:
            print(f"{seconds:.0f} s")
            for file, digest in digests.items():
                print(f"{file:32} {digest}")


def _run(folder: Path | None, processes: Processes, n_train: int, n_test: int) -> None:
    train = _made_images("train", HeldRows(n_train, processes))
    test = _made_images("test", HeldRows.alone(n_test))
    scores = tracin_scores(train.factors, test.factors, [1e-4])
    settings = ScoringSettings(10, normalize_proponents=True, matrix=False)
    scored = score(folder, scores, test.table, settings, processes, train.held)
    on_both = [answers(side.factors[-1], side.held) for side in (train, test)]
    names = train.table.class_names
    counted = [count_answers(each.given, each.named, names) for each in on_both]
    judged = judge_labels(
        train.factors,
        test.factors,
        ModelCheck(counted[0], counted[1]),
        max_suspects=500,
        damping=0.1,
        held=train.held,
    )
    write_tables(folder, train, test, scored, judged, Crop())
    write_map(folder, train, test)


def _made_images(split: str, held: HeldRows) -> PassedImages:
    """Images of ten classes with features around their class's mean."""
    means = torch.randn(CLASSES, WIDTH, generator=torch.Generator().manual_seed(0))
    truth = np.arange(held.total) % CLASSES
    labels = np.where(np.arange(held.total) % WRONG == 0, (truth + 1) % CLASSES, truth)
    features = torch.empty(len(held.rows), WIDTH)
    for block in held.blocks():
        rows = held.rows[block]
        seed = int(rows[0]) + (1_000_000_000 if split == "test" else 1)
        noise = torch.randn(len(rows), WIDTH, generator=torch.Generator().manual_seed(seed))
        features[block] = means[torch.from_numpy(truth[rows])] + 2 * noise
    names = tuple(f"class_{number}" for number in range(CLASSES))
    paths = tuple(f"{split}/{names[label]}/{row:07d}.jpg" for row, label in enumerate(labels))
    table = ImageTable(Path("/nowhere"), split, paths, labels, names)
    factors = _factors(features, means / WIDTH, torch.from_numpy(labels[held.rows]), held)
    hashes = torch.from_numpy(held.rows).view(torch.uint8).view(-1, 1, 8)
    hashes = hashes.repeat(1, 2, HASH_BYTES // 8)
    return PassedImages(table, held.total, (factors,), features, hashes, divided=held)


def _factors(features: Tensor, weight: Tensor, labels: Tensor, held: HeldRows) -> Factors:
    """Those of a single Linear, whose inputs are the features themselves."""
    logits = torch.empty(len(features), CLASSES)
    for block in held.blocks():
        with one_thread():
            logits[block] = features[block] @ weight.T
    errors = torch.empty_like(logits)
    for block in held.blocks():
        errors[block] = error_signals(logits[block], labels[block])
    return Factors(features, logits, errors, labels)


if __name__ == "__main__":
    main()
