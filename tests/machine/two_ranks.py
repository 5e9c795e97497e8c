"""What two processes exchange, as test_processes.py starts them with a folder.

Each leaves what it got as ``rank<n>.pt``. The tests compare that with what it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.compute.factories import random_factors
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.features.shares import owners
from tracin.compute.features.store import FeatureStore
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.scores.matrix_pass import Scored, ScoringSettings, score
from tracin.compute.scores.tracin import Scores, tracin_scores
from tracin.errors import TracInError
from tracin.images import Crop, ImageTable, Preprocessing, find_images
from tracin.machine.held_rows import HeldRows
from tracin.machine.processes import Counter, Processes, joined_processes

ROWS, STEP = 45, 4
"""Of the matrix, and of its blocks: twelve, the last of one row."""

IMAGES = 7
CROP = Crop(40, 32)
SETTINGS = ScoringSettings(top_k=3, normalize_proponents=True)


def matrix() -> Scores:
    """Scores whose blocks do not depend on how they are cut."""
    train, test = random_factors(ROWS, 0), random_factors(9, 1)
    train.activations[30:35] = train.activations[3:8]  # ties, in blocks of both processes
    train.errors[30:35] = train.errors[3:8]
    scores = tracin_scores([train], [test], [1.0])
    whole = scores.rows(0, ROWS)
    return Scores(lambda start, stop: whole[start:stop].clone(), scores.self_influence)


def columns() -> ImageTable:
    """The test images of the matrix."""
    labels = np.array([2, 0, 1, 0, 2, 2, 0, 2, 0])
    return ImageTable(Path(), "test", tuple("abcdefghi"), labels, ("x", "y", "z"))


def found_by(scored: Scored) -> dict[str, Any]:
    """All that was gathered, by name."""
    names = ("highest", "highest_row", "lowest", "lowest_row", "mean", "positive_share")
    found = {name: getattr(scored.figures, name) for name in (*names, "train_mean")}
    for direction, pairs in scored.pairs.items():
        for name in ("test", "train", "scores", "rank"):
            found[f"{direction} {name}"] = getattr(pairs, name)
    return found


def _exchanged(processes: Processes) -> dict[str, Any]:
    rank = processes.rank
    word = "long " * 1000 * (rank + 1)
    rows = [np.array([0, 2, 6]), np.array([5, 1])][rank]  # rows 3 and 4 come from nobody
    values = torch.full((7, 3), -1.0)
    values[rows] = torch.arange(3.0) + 10 * torch.from_numpy(rows).unsqueeze(1)
    processes.share_rows(values, rows)
    one_sided = torch.full((4, 2), float(rank))
    nothing, everything = np.array([], dtype=np.int64), np.arange(4)
    processes.share_rows(one_sided, [nothing, everything][rank])
    sent = [torch.full((2, 3), 7.5), torch.arange(8.0, dtype=torch.float64).reshape(4, 2)]
    received: list[Any] = []
    if processes.first:
        received = [processes.receive(torch.empty_like(part), 1) for part in sent]
    else:
        works = [processes.send(part) for part in sent]
        for work in works:
            if work is not None:
                work.wait()
    counter, unused = Counter(processes), Counter(processes)
    for _ in range(50):
        counter.add(rank + 1)
    processes.wait()
    found = np.array([[True, False, False, True], [False, False, True, True]])[rank]
    return {
        "facts": (rank, processes.count, processes.first, processes.machine, processes.machines),
        "share": list(range(7))[processes.share],
        "exchange": processes.exchange((rank, word)),
        "gather": processes.gather(rank + 10),
        "sum": processes.sum(torch.tensor([1.0, rank])),
        "values": values,
        "one_sided": one_sided,
        "received": received,
        "total": counter.add(0),
        "second counter": unused.add(0),
        "owners": owners(found, HeldRows.alone(4), processes),
        "owners at home": owners(found, HeldRows(4, processes, 1), processes),
        "nobody": owners(np.zeros(2, dtype=bool), HeldRows.alone(2), processes),
    }


def _passed(processes: Processes, folder: Path) -> dict[str, Any]:
    """Two passes over images of which some are kept on the second machine only."""
    table = find_images(folder / "data")[0].take(np.arange(IMAGES))
    checkpoint = load_checkpoint(folder / "model.pth", table.class_names)
    settings = PassSettings(batch_size=2, preprocessing=Preprocessing(CROP), processes=processes)
    results: dict[str, Any] = {}
    for name in ("first", "second"):
        forward = Forward(checkpoint.backbone, processes.device, "float32")
        with FeatureStore(folder / "kept", processes.machine, processes.machines) as store:
            features = pooled_features(forward, table, settings, store)
        results |= {f"{name} values": features.values, f"{name} kept": features.kept}
        results |= {f"{name} ran": forward.ran}
    return results


def _scored(processes: Processes, folder: Path) -> dict[str, Any]:
    scores, found = matrix(), {}
    held = HeldRows(ROWS, processes, STEP)
    asked: list[int] = []

    def noted(start: int, stop: int) -> torch.Tensor:
        first = int(held.rows[start])
        asked.append(first)
        return scores.rows(first, first + stop - start)

    for with_matrix in (True, False):
        target = folder / "files" if processes.first else None
        settings = replace(SETTINGS, matrix=with_matrix)
        own = Scores(noted, scores.self_influence[torch.from_numpy(held.rows)])
        scored = score(target, own, columns(), settings, processes, held)
        found[f"matrix {with_matrix}"] = found_by(scored)
    return {**found, "asked": asked}


def _refused(processes: Processes, folder: Path) -> None:
    """A NaN in a block of the second process: the first refuses it, the second is left alone."""
    scores, held = matrix(), HeldRows(ROWS, processes, STEP)

    def broken(start: int, stop: int) -> torch.Tensor:
        first = int(held.rows[start])
        block = scores.rows(first, first + stop - start)
        if first == STEP:
            block[0, 0] = torch.nan
        return block

    target = folder / "refused" if processes.first else None
    own = Scores(broken, scores.self_influence[torch.from_numpy(held.rows)])
    score(target, own, columns(), SETTINGS, processes, held)


def main(arguments: Sequence[str]) -> int:
    """Exit status 0 after all was tried in the folder that is named."""
    folder, error = Path(arguments[0]), ""
    try:
        with joined_processes("cpu") as processes:
            results = _exchanged(processes) | _passed(processes, folder)
            results |= _scored(processes, folder)
            _refused(processes, folder)
    except TracInError as caught:
        error = str(caught)
    torch.save({**results, "error": error}, folder / f"rank{processes.rank}.pt")
    return 0
