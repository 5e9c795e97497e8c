"""Two real processes that talk through gloo, once; each test looks at a part of what they got."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.forked import ForkServer
from tests.machine import two_ranks
from tests.machine.two_ranks import CROP, IMAGES, ROWS, SETTINGS, STEP, found_by
from tests.real_data import CLASS_NAMES
from tracin.compute.features.backbone import Forward
from tracin.compute.features.file_states import file_states
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.features.store import FeatureStore, feature_key, weights_hash
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.compute.scores.matrix_pass import score
from tracin.hashing import HASH_BYTES
from tracin.images import Preprocessing, find_images
from tracin.machine.processes import Counter, Processes
from tracin.results import schema
from tracin.results.matrix import read_blocks

Ranks = list[dict[str, Any]]
KEPT = [2, 4, 5]
"""Images that the second machine kept, with a value that no backbone returns."""


@pytest.fixture(scope="module")
def folder(
    checkpoint_path: Path, image_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "model.pth").symlink_to(checkpoint_path)
    (folder / "data").symlink_to(image_tree)
    for name in ("files", "refused"):
        (folder / name).mkdir()
    states = file_states(find_images(image_tree)[0])
    weights = weights_hash(load_checkpoint(checkpoint_path, CLASS_NAMES).backbone)
    key = feature_key(weights, Preprocessing(CROP), "float32")
    with FeatureStore(folder / "kept", machine=1, machines=2) as store:
        hashes = torch.zeros(len(KEPT), 2, HASH_BYTES, dtype=torch.uint8)
        values = torch.full((len(KEPT), 2048), -3.0)
        store.save(key, [states[row] for row in KEPT], values, hashes)
    return folder


@pytest.fixture(scope="module")
def ranks(folder: Path, fork_server: ForkServer) -> Ranks:
    """What each of the two processes left."""
    for process in fork_server.start_ranks([str(folder)], two_ranks.__name__, machines=2):
        end = process.end()
        assert end.status == 0, end.errors
    return [torch.load(folder / f"rank{rank}.pt", weights_only=False) for rank in (0, 1)]


def test_processes_know_their_places(ranks: Ranks) -> None:
    assert [rank["facts"] for rank in ranks] == [(0, 2, True, 0, 2), (1, 2, False, 1, 2)]
    assert [rank["share"] for rank in ranks] == [[0, 2, 4, 6], [1, 3, 5]]


def test_values_of_all_processes(ranks: Ranks) -> None:
    words = [(0, "long " * 1000), (1, "long " * 2000)]
    for rank in ranks:
        assert rank["exchange"] == words
        assert rank["sum"].tolist() == [2.0, 1.0]
    assert [rank["gather"] for rank in ranks] == [[10, 11], []]


def test_rows_are_shared(ranks: Ranks) -> None:
    expected = [[10 * row + column for column in range(3)] for row in range(7)]
    expected[3] = expected[4] = [-1] * 3
    for rank in ranks:
        assert rank["values"].tolist() == expected
        assert rank["one_sided"].tolist() == [[1.0, 1.0]] * 4


def test_what_is_sent_is_received_in_order(ranks: Ranks) -> None:
    first, second = ranks[0]["received"]
    assert (first.dtype, second.dtype) == (torch.float32, torch.float64)
    assert first.tolist() == [[7.5] * 3] * 2
    assert second.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_one_number_counts_for_all(ranks: Ranks) -> None:
    assert [rank["total"] for rank in ranks] == [50 * (1 + 2)] * 2
    assert [rank["second counter"] for rank in ranks] == [0, 0]


def test_the_first_that_has_a_feature_owns_it(ranks: Ranks) -> None:
    for rank in ranks:
        assert rank["owners"].tolist() == [0, -1, 1, 0]
        assert rank["owners at home"].tolist() == [0, -1, 1, 1]
        assert rank["nobody"].tolist() == [-1, -1]


def test_what_one_machine_kept_serves_both(ranks: Ranks, folder: Path) -> None:
    """The images that neither kept are shared, and a later run on one machine finds all."""
    table = find_images(folder / "data")[0].take(np.arange(IMAGES))
    checkpoint = load_checkpoint(folder / "model.pth", CLASS_NAMES)
    forward = Forward(checkpoint.backbone, torch.device("cpu"), "float32")
    expected = pooled_features(
        forward, table, PassSettings(preprocessing=Preprocessing(CROP))
    ).values
    expected[KEPT] = -3.0
    for rank in ranks:
        for name in ("first", "second"):
            torch.testing.assert_close(rank[f"{name} values"], expected, rtol=1e-4, atol=1e-5)
            assert torch.equal(rank[f"{name} values"], ranks[0]["first values"])
        assert (rank["first kept"], rank["second kept"]) == (len(KEPT), IMAGES)
        assert rank["first ran"] == forward.ran  # of the four missing images each took two
        assert rank["second ran"] == ""
    key = feature_key(forward.weights, Preprocessing(CROP), "float32")
    counts = []
    for machine in (0, 1):
        with FeatureStore(folder / "kept", machine, machines=2) as store:
            counts.append(store.count(key, file_states(table)))
    assert counts == [2, len(KEPT) + 2]
    loaded = torch.zeros(IMAGES, 2048)
    hashes = torch.zeros(IMAGES, 2, HASH_BYTES, dtype=torch.uint8)
    with FeatureStore(folder / "kept") as store:
        assert store.load(key, file_states(table), loaded, hashes).all()
    assert torch.equal(loaded, ranks[0]["first values"])


def test_blocks_of_two_processes_give_the_files_of_one(
    ranks: Ranks, folder: Path, tmp_path: Path
) -> None:
    starts = list(range(0, ROWS, STEP))
    assert [rank["asked"] for rank in ranks] == [starts[0::2] * 2, starts[1::2] * 2]
    scores = two_ranks.matrix()
    alone = Processes(torch.device("cpu"))
    expected = found_by(score(tmp_path, scores, two_ranks.columns(), SETTINGS, alone))
    for mode in ("matrix True", "matrix False"):
        found = ranks[0][mode]
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            if name == "mean":  # its terms were added in another order
                np.testing.assert_allclose(found[name], values, rtol=1e-12)
            else:
                np.testing.assert_array_equal(found[name], values, name)
    name = schema.INFLUENCE_SCORES
    assert (folder / "files" / name).read_bytes() == (tmp_path / name).read_bytes()
    matrix = np.concatenate(list(read_blocks(folder / "files" / name)))
    np.testing.assert_array_equal(matrix, scores.rows(0, ROWS).numpy())
    table = pd.read_csv(folder / "files" / schema.CLASS_INFLUENCE)
    assert list(table.columns) == ["x", "y", "z"]
    labels = two_ranks.columns().labels
    for label, column in enumerate(table.columns):
        means = matrix[:, labels == label].mean(axis=1, dtype=np.float64).astype(np.float32)
        np.testing.assert_array_equal(table[column].to_numpy(np.float32), means)


def test_a_refused_score_ends_all_processes(ranks: Ranks) -> None:
    assert ranks[0]["error"].startswith("Some influence scores are NaN or infinite.")
    assert ranks[1]["error"].startswith("Another process of this run ended; its own message says")


def test_one_process_alone_needs_no_other() -> None:
    alone = Processes(torch.device("cpu"))
    assert alone.first
    assert list(range(5))[alone.share] == [0, 1, 2, 3, 4]
    assert (alone.exchange("a"), alone.gather("b")) == (["a"], ["b"])
    assert alone.sum(torch.ones(2)).tolist() == [1.0, 1.0]
    values = torch.ones(2, 3)
    alone.share_rows(values, np.array([1]))
    assert (values == 1).all()
    counter = Counter(alone)
    assert [counter.add(amount) for amount in (3, 0, 4)] == [3, 3, 7]
    alone.wait(lambda: pytest.fail("there is nobody to wait for"))
