"""TracIn_Resnet50.py in several processes, as a user runs it, against one process."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import TracIn_Resnet50
from tests.forked import ROOT, SCRIPT, Child, Ended, ForkServer
from tests.real_data import CLASS_NAMES, fit_head, write_image_tree
from tracin.compute.features.store import STORE_FILE, STORE_FILES
from tracin.images import draw_subset, find_images
from tracin.machine.held_rows import ROWS_PER_BLOCK
from tracin.results import schema
from tracin.results.run_info import RunInfo, read_run_info

TRAIN, TEST = 529, 20
"""More training images than a block of the matrix has rows, so that both processes compute some,
and an odd number."""


@dataclass(frozen=True)
class World:
    """Images, a model that learnt them, and what one process alone makes of them."""

    flags: tuple[str, ...]
    """With a subset of TRAIN images."""
    alone: Path
    """Results folder."""


@pytest.fixture(scope="module")
def world(model: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    data_dir = folder / "data"
    write_image_tree(data_dir, train_per_class=53, test_per_class=2, size=48)
    torch.save(fit_head(model, data_dir, 80).state_dict(), folder / "model.pth")
    for number, (name, wrong) in enumerate(itertools.pairwise(CLASS_NAMES)):  # for suspects.csv
        image = data_dir / "train" / name / f"{name}_{number:05d}.jpg"
        image.rename(data_dir / "train" / wrong / image.name)
    first, *_, last, _ = sorted((data_dir / "train").rglob("*.jpg"))  # held by two processes
    Image.open(first).save(last, quality=90)
    flags = (
        *("--model_path", str(folder / "model.pth"), "--data_dir", str(data_dir)),
        *("--train_subset", str(TRAIN), "--resize_size", "40", "--crop_size", "32"),
    )
    assert TracIn_Resnet50.main([*flags, "--output_dir", str(folder / "alone"), "--no_cache"]) == 0
    return World(flags, folder / "alone")


def torchrun(*flags: str) -> subprocess.Popen[str]:
    command = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"{SCRIPT}.py"]
    return subprocess.Popen(
        [sys.executable, *command, *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Ended:
    """How it ended; it must do so."""
    try:
        output, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    return Ended(process.returncode, output, errors)


def matrix_of(folder: Path) -> np.ndarray:
    return pd.read_csv(folder / schema.INFLUENCE_SCORES).to_numpy(np.float32)


def assert_same_results(one: Path, other: Path) -> None:
    """Scores to rounding; which images are named, and in which order, exactly."""
    scores, expected = matrix_of(one), matrix_of(other)
    assert scores.shape == expected.shape == (TRAIN, TEST)
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    for name, at_least in ((schema.TOP_INFLUENCES_TABLE, TEST * 10), (schema.SUSPECTS, 5)):
        table, expected_table = schema.read_table(one, name), schema.read_table(other, name)
        assert len(expected_table) >= at_least
        exact = table.select_dtypes(exclude="float32").columns
        assert {"rank", "train_path"} <= set(exact)
        pd.testing.assert_frame_equal(table[exact], expected_table[exact])
        pd.testing.assert_frame_equal(table, expected_table, rtol=1e-3, atol=1e-6)
    for name in (schema.INFLUENCE_SUMMARY, schema.TRAIN_SUMMARY, schema.PREDICTIONS):
        table, expected_table = schema.read_table(one, name), schema.read_table(other, name)
        pd.testing.assert_frame_equal(table, expected_table, rtol=1e-3, atol=1e-6)


def kept(folder: Path, pattern: str = STORE_FILES) -> int:
    """Features in the stores of the results folder."""
    count = 0
    for path in (folder / schema.FEATURES).glob(pattern):
        database = sqlite3.connect(path, timeout=60)
        try:
            count += database.execute("SELECT COUNT(*) FROM images").fetchone()[0]
        except sqlite3.OperationalError:  # the table is not there yet
            pass
        finally:
            database.close()
    return count


def results_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name in schema.COMPUTE_FILES)


def contents(folder: Path) -> dict[str, bytes]:
    """Of all files but the one that tells of the run itself."""
    names = [name for name in results_in(folder) if name != schema.RUN_INFO]
    return {name: (folder / name).read_bytes() for name in names}


def run_alone(folder: Path, flags: Sequence[str]) -> RunInfo:
    assert TracIn_Resnet50.main([*flags, "--output_dir", str(folder)]) == 0
    return read_run_info(folder)


def test_two_processes_equal_one(world: World, fork_server: ForkServer, tmp_path: Path) -> None:
    assert TRAIN > ROWS_PER_BLOCK
    end = ended(torchrun(*world.flags, "--output_dir", str(tmp_path)))
    assert end.status == 0, end.errors
    assert end.output.count("Plan: ") == end.output.count("Next: ") == 1
    assert f"Influence of {TRAIN} training images on {TEST} test images." in end.output
    assert results_in(tmp_path) == sorted(schema.files_of_run(matrix=True))
    assert_same_results(tmp_path, world.alone)
    info = read_run_info(tmp_path)
    assert (info.processes, info.kept_features) == (2, 0)
    assert kept(tmp_path) == TRAIN + TEST

    # With the same features all files are the same, also for the other method.
    before = contents(tmp_path)
    assert not schema.read_table(tmp_path, schema.DUPLICATES)["identical_pixels"].all()
    again = run_alone(tmp_path, world.flags)
    assert (again.processes, again.kept_features, again.backbone) == (1, TRAIN + TEST, "")
    assert contents(tmp_path) == before
    other = [*world.flags, "--method", schema.GAUSS_NEWTON, "--no_matrix"]
    other += [
        "--output_dir",
        str(tmp_path / "other"),
        "--cache_dir",
        str(tmp_path / schema.FEATURES),
    ]
    for process in fork_server.start_ranks(other):
        other_end = process.end()
        assert other_end.status == 0, other_end.errors
    before = contents(tmp_path / "other")
    assert run_alone(tmp_path / "other", other).kept_features == TRAIN + TEST
    assert contents(tmp_path / "other") == before


def test_unreadable_images_and_uneven_shares(
    checkpoint_path: Path, image_tree: Path, fork_server: ForkServer, tmp_path: Path
) -> None:
    """23 training images, and fewer test images than processes; each share with a broken one."""
    data_dir, folder = tmp_path / "data", tmp_path / "results"
    shutil.copytree(image_tree, data_dir)
    subset = draw_subset(find_images(data_dir)[0], 23, seed=0).paths
    flags = [
        *("--model_path", str(checkpoint_path), "--data_dir", str(data_dir), "--batch_size", "2"),
        *("--train_subset", "23", "--test_subset", "1", "--resize_size", "40", "--crop_size", "32"),
    ]
    broken = data_dir / subset[21]  # the last of the second process
    broken.write_bytes(broken.read_bytes()[:200])
    started = fork_server.start_ranks([*flags, "--output_dir", str(folder)])
    ends = [process.end() for process in started]
    errors = "".join(end.errors for end in ends)
    assert all(end.status for end in ends)
    assert errors.count(f"{broken} cannot be read") == 1
    assert errors.count("or leave such images out with --on_error skip.") == 1
    assert not any("Next: " in end.output for end in ends)
    assert results_in(folder) == []
    served = kept(folder)
    assert 10 <= served <= 22  # all but the broken one of the second process, before it

    also = data_dir / subset[0]  # the first of the first process
    also.write_bytes(b"no image")
    flags += ["--on_error", "skip"]
    info = run_alone(folder, flags)
    assert [image.path for image in info.skipped] == [subset[0], subset[21]]
    assert served - 1 <= info.kept_features <= served  # the image that broke since is not served

    means = tmp_path / "means"
    flags += ["--no_matrix", "--cache_dir", str(folder / schema.FEATURES)]
    flags += ["--output_dir", str(means)]
    for process in fork_server.start_ranks(flags):
        end = process.end()
        assert end.status == 0, end.errors
    shared = read_run_info(means)
    assert shared.skipped == info.skipped
    assert (shared.train_images, shared.test_images, shared.processes) == (21, 1, 2)
    assert results_in(means) == sorted(schema.files_of_run(matrix=False))
    table = pd.read_csv(means / schema.CLASS_INFLUENCE)
    expected = matrix_of(folder)
    assert expected.shape == (21, 1)
    assert list(table.columns) == [CLASS_NAMES[0]]
    difference = np.abs(table.to_numpy(np.float32) - expected).max()
    assert difference <= 1e-5 * np.abs(expected).max()
    before = contents(means)  # of two processes of which one held no training image
    run_alone(means, flags)
    assert contents(means) == before


def wait_for_features(folder: Path, pattern: str, process: Child | subprocess.Popen[str]) -> None:
    """Until some are kept; the process must still be running then."""
    deadline = time.monotonic() + 120
    while kept(folder, pattern) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(process: subprocess.Popen[str]) -> list[int]:
    """Numbers of the processes that it started, in order."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = (line.split() for line in listed.stdout.splitlines())
    return sorted(int(child) for child, parent in pairs if int(parent) == process.pid)


SLOW = ("--batch_size", "1")
"""A CPU takes chunks of eight, so that this is slow: a kill after some images is in the middle."""


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_killed_process_ends_the_run_and_the_next_goes_on(world: World, tmp_path: Path) -> None:
    process = torchrun(*world.flags, *SLOW, "--output_dir", str(tmp_path))
    wait_for_features(tmp_path, STORE_FILE, process)
    _, second = children(process)
    os.kill(second, signal.SIGKILL)
    end = ended(process)
    assert end.status != 0
    assert "Next: " not in end.output
    assert results_in(tmp_path) == []
    served = kept(tmp_path)
    assert 5 <= served < TRAIN
    assert run_alone(tmp_path, world.flags).kept_features == served
    assert_same_results(tmp_path, world.alone)


def test_a_dead_machine_ends_the_run_of_the_others(
    world: World, fork_server: ForkServer, tmp_path: Path
) -> None:
    """Where no torchrun watches over both, the first must not wait for images that never come."""
    flags = [*world.flags, "--output_dir", str(tmp_path)]
    first, second = fork_server.start_ranks([*flags, "--batch_size", "4"], machines=2)
    wait_for_features(tmp_path, "features.machine1.sqlite", second)
    second.kill()
    end = first.end()
    assert end.status == 1
    assert end.errors.count("TracIn_Resnet50.py: Another process of this run ended;") == 1
    assert "Next: " not in end.output
    assert results_in(tmp_path) == []
    assert kept(tmp_path, STORE_FILE) == TRAIN - TRAIN // 2  # it did its own part first
    assert kept(tmp_path, "features.machine1.sqlite") < TRAIN // 2
