"""A run killed at ten random moments and resumed equals an uninterrupted one."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.forked import ForkServer
from tests.real_data import write_image_tree
from tracin.compute.features.store import STORE_FILE
from tracin.results import schema

IMAGES = 320
KILLS = 10
ATTEMPTS = 40
"""At most: one that was through before its kill proves nothing, and is followed by another."""

OF_A_MOMENT = ("created", "command", "seconds", "kept_features", "backbone", "run_id")
"""What run.json says of the run itself; ``backbone`` is empty where every feature was kept."""


@pytest.fixture
def flags(checkpoint_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    data_dir = tmp_path_factory.mktemp("killed")
    write_image_tree(data_dir, train_per_class=30, test_per_class=2, size=48)
    return [
        *("--model_path", str(checkpoint_path), "--data_dir", str(data_dir)),
        *("--resize_size", "40", "--crop_size", "32", "--batch_size", "3", "--num_workers", "1"),
    ]


def kept(folder: Path) -> int:
    path = folder / schema.FEATURES / STORE_FILE
    if not path.exists():
        return 0
    database = sqlite3.connect(path)
    try:
        return int(database.execute("SELECT COUNT(*) FROM images").fetchone()[0])
    except sqlite3.OperationalError:  # killed before the table was there
        return 0
    finally:
        database.close()


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / schema.RUN_INFO).read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if name not in OF_A_MOMENT}


def assert_whole_or_absent(folder: Path, expected: Path) -> None:
    """Whatever has its final name is complete, and run.json comes last of all."""
    present = {path.name for path in folder.iterdir() if path.name in schema.COMPUTE_FILES}
    if schema.RUN_INFO in present:
        assert present == set(schema.files_of_run(matrix=True))
        assert record(folder) == record(expected)
    for name in present - {schema.RUN_INFO}:
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


def run(server: ForkServer, flags: list[str], folder: Path) -> float:
    """Seconds that an undisturbed run took."""
    start = time.monotonic()
    end = server.start([*flags, "--output_dir", str(folder)]).end()
    assert end.status == 0, end.errors
    return time.monotonic() - start


def test_killed_ten_times_and_resumed(
    flags: list[str], fork_server: ForkServer, tmp_path: Path
) -> None:
    expected, folder = tmp_path / "undisturbed", tmp_path / "killed"
    fork_server.start(["--version"]).end()  # it has imported all: what follows can be timed
    whole = run(fork_server, flags, expected)
    warm = run(fork_server, flags, expected)  # all features are kept
    assert kept(expected) == IMAGES
    folder.mkdir()
    chance = random.Random(6)
    shares = [(number + chance.random()) / KILLS for number in range(KILLS)]
    chance.shuffle(shares)  # of the time that the rest of the work takes
    killed = served = 0
    with_results = set()
    for attempt in range(ATTEMPTS):
        # Half of what kept features save is the making ready of the backbone: all of it or none.
        left = warm if served == IMAGES else warm + (whole - warm) * (1 - served / IMAGES / 2)
        process = fork_server.start([*flags, "--output_dir", str(folder)])
        time.sleep(shares[attempt % KILLS] * left)
        killed += process.kill()
        assert_whole_or_absent(folder, expected)
        with_results.add((folder / schema.RUN_INFO).exists())
        assert kept(folder) >= served
        served = kept(folder)
        if killed == KILLS:
            break
    assert killed == KILLS
    assert False in with_results
    run(fork_server, flags, folder)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([*schema.files_of_run(matrix=True), schema.FEATURES])
    assert_whole_or_absent(folder, expected)
    assert kept(folder) == IMAGES
