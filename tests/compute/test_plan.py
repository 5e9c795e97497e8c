"""The plan counts what a run does, and stops one that the disk cannot hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.compute.factories import random_factors
from tracin.compute.config import RunConfig
from tracin.compute.features.loading import checkpoint_loader
from tracin.compute.plan import RESERVE, RunPlan, expected_matrix_bytes, free_bytes, make_plan
from tracin.compute.run import run
from tracin.compute.run_images import RunImages
from tracin.compute.scores.tracin import tracin_scores
from tracin.compute.settle import settle
from tracin.errors import TracInError
from tracin.images import ImageTable, find_images
from tracin.machine.processes import Processes
from tracin.results import schema
from tracin.results.matrix import MatrixWriter

PLAN = RunPlan(100, 10, 30, 110, 14_400, 57_500, 660_000, 10**9)


def planned(config: RunConfig, train: ImageTable, test: ImageTable) -> RunPlan:
    """The plan of one process on the CPU."""
    device = torch.device("cpu")
    images, settled = RunImages(train, test, train, test), settle(config)
    normalization = settled.preprocessing.normalization
    with checkpoint_loader(config, normalization, train.class_names, device) as load:
        return make_plan(config, settled, images, load, Processes(device))


def test_plan_in_words() -> None:
    text = PLAN.describe()
    assert "100 training × 10 test images" in text
    assert "80 to do, 30 already kept" in text
    assert "731.9 kB (matrix 14.4 kB, tables 57.5 kB, kept features 660.0 kB), 1.0 GB free" in text


def test_a_disk_too_small_is_refused() -> None:
    PLAN.check_disk(Path("results"))
    small = replace(PLAN, free_bytes=PLAN.bytes_to_write + RESERVE - 1)
    with pytest.raises(TracInError, match=r"results has 64.7 MB free.*731.9 kB.*--output_dir"):
        small.check_disk(Path("results"))


def test_expected_bytes_of_the_matrix(tmp_path: Path) -> None:
    """Within 5 % of the file, for scores of the usual size."""
    train, test = (
        random_factors(600, 0, width=256, classes=10),
        random_factors(150, 1, width=256, classes=10),
    )
    path = tmp_path / "m.csv"
    with MatrixWriter(path, range(150)) as writer:
        for block in tracin_scores([train], [test], [1e-6]).blocks():
            writer.write(block.numpy())
    expected = expected_matrix_bytes(600, 150)
    assert abs(expected / path.stat().st_size - 1) < 0.05


@pytest.mark.usefixtures("no_search")
def test_bytes_of_a_real_run(
    checkpoint_path: Path, untrained_path: Path, image_tree: Path, tmp_path: Path
) -> None:
    """The matrix's file within 5 %; without it no bytes for one, but some for the class means."""
    config = RunConfig((checkpoint_path,), image_tree, tmp_path, resize_size=40, crop_size=32)
    train, test = find_images(image_tree)
    plan = planned(config, train, test)
    assert (plan.passes, plan.kept) == (80, 0)
    assert run(config, lambda _: None) is not None
    real = (tmp_path / schema.INFLUENCE_SCORES).stat().st_size
    assert abs(plan.matrix_bytes / real - 1) < 0.05

    said: list[str] = []
    without = replace(config, matrix=False)
    small = planned(without, train, test)
    assert (small.matrix_bytes, small.kept) == (0, 80)
    means = small.table_bytes - plan.table_bytes  # 60 rows, and the 10 classes of the test images
    run(without, said.append)
    assert "(matrix none, tables " in said[0]
    real = (tmp_path / schema.CLASS_INFLUENCE).stat().st_size
    assert abs(means / real - 1) < 0.05
    assert not (tmp_path / schema.INFLUENCE_SCORES).exists()
    untrained = replace(config, model_paths=(untrained_path,), output_dir=tmp_path / "untrained")
    run(untrained, lambda _: None)  # its scores are of the size with the longest text
    real = (tmp_path / "untrained" / schema.INFLUENCE_SCORES).stat().st_size
    assert abs(plan.matrix_bytes / real - 1) < 0.09

    few = test.take(np.flatnonzero(test.labels < 4))
    with_means, without_means = (
        planned(each, train, few).table_bytes for each in (without, config)
    )
    assert with_means - without_means == pytest.approx(0.4 * means, abs=1)


def test_free_bytes_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") == pytest.approx(free_bytes(tmp_path), rel=0.1)


def test_dry_run_and_kept_features(checkpoint_path: Path, image_tree: Path, tmp_path: Path) -> None:
    config = RunConfig(
        (checkpoint_path,),
        image_tree,
        tmp_path / "out",
        train_subset=20,
        test_subset=10,
        resize_size=40,
        crop_size=32,
    )
    said: list[str] = []
    assert run(replace(config, dry_run=True), said.append) is None
    assert "30 to do, 0 already kept" in said[-1]
    assert not (tmp_path / "out").exists()

    first = run(config, said.append)
    assert first is not None
    scores = (tmp_path / "out" / schema.INFLUENCE_SCORES).read_bytes()
    assert run(replace(config, dry_run=True, train_subset=25), said.append) is None
    assert "5 to do, 30 already kept" in said[-1]
    again = run(config, said.append)
    assert again is not None
    assert (first.kept_features, again.kept_features) == (0, 30)
    assert (tmp_path / "out" / schema.INFLUENCE_SCORES).read_bytes() == scores
    without = run(replace(config, use_cache=False, output_dir=tmp_path / "other"), said.append)
    assert without is not None
    assert (tmp_path / "other" / schema.INFLUENCE_SCORES).read_bytes() == scores
    assert not (tmp_path / "other" / schema.FEATURES).exists()


def test_gauss_newton_from_kept_features(
    checkpoint_path: Path, image_tree: Path, tmp_path: Path
) -> None:
    """Another method needs no forward pass, and its files say which it was."""
    config = RunConfig(
        (checkpoint_path,), image_tree, tmp_path, resize_size=40, crop_size=32, top_k=3
    )
    run(config, lambda _: None)
    tracin_table = schema.read_table(tmp_path, schema.TOP_INFLUENCES_TABLE)
    info = run(replace(config, method="gauss_newton", damping=0.2), lambda _: None)
    assert info is not None
    assert (info.method, info.damping, info.kept_features) == ("gauss_newton", 0.2, 80)
    table = schema.read_table(tmp_path, schema.TOP_INFLUENCES_TABLE)
    for frame, key in ((tracin_table, "normalized_score"), (table, "score")):
        proponents = frame[frame["direction"] == schema.PROPONENT]
        opponents = frame[frame["direction"] == schema.OPPONENT]
        assert (proponents["score"] > 0).all()
        assert (opponents["score"] < 0).all()
        assert frame.groupby(["test_idx", "direction"]).size().max() == 3
        for _, group in proponents.groupby("test_idx"):
            assert np.all(np.diff(group[key]) <= 0)
        for _, group in opponents.groupby("test_idx"):
            assert np.all(np.diff(group["score"]) >= 0)
    matrix = np.loadtxt(tmp_path / schema.INFLUENCE_SCORES, delimiter=",", skiprows=1)
    entries = matrix[table["train_idx"].to_numpy(), table["test_idx"].to_numpy()]
    np.testing.assert_array_equal(entries.astype(np.float32), table["score"].to_numpy())
    assert torch.isfinite(torch.tensor(matrix)).all()
