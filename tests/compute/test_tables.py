"""The files of a run of several blocks, against the whole matrix in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.compute.factories import can_judge, random_factors
from tracin.compute.labels.judged import judge_labels
from tracin.compute.passed import PassedImages
from tracin.compute.scores.matrix_pass import ScoringSettings, score
from tracin.compute.scores.tracin import normalizer, self_influence, tracin_scores
from tracin.compute.tables import write_tables
from tracin.images import Crop, ImageTable
from tracin.machine.processes import Processes
from tracin.results import schema
from tracin.results.matrix import read_blocks

N_TRAIN, N_TEST = 1300, 9


def side(split: str, n: int, seed: int) -> PassedImages:
    factors = random_factors(n, seed)
    names = tuple("abc")
    paths = tuple(f"{split}/{row}.png" for row in range(n))
    table = ImageTable(Path("/nowhere"), split, paths, factors.labels.numpy(), names)
    features = torch.randn(n, 2048, generator=torch.Generator().manual_seed(seed))
    return PassedImages(table, n, (factors,), features)


@pytest.mark.parametrize("normalize", [True, False])
def test_files_of_several_blocks(normalize: bool, tmp_path: Path) -> None:
    """Where stderr is no terminal, too: the rows of a block must not hang on the progress bar."""
    train, test = side("train", N_TRAIN, 0), side("test", N_TEST, 1)
    scores = tracin_scores(train.factors, test.factors, [1.0])
    settings = ScoringSettings(5, normalize_proponents=normalize)
    scored = score(tmp_path, scores, test.table, settings, Processes(torch.device("cpu")))
    judged = judge_labels(train.factors, test.factors, can_judge(), max_suspects=50, damping=0.1)
    write_tables(tmp_path, train, test, scored, judged, Crop())

    matrix = torch.cat(list(scores.blocks())).numpy()
    np.testing.assert_array_equal(
        np.concatenate(list(read_blocks(tmp_path / schema.INFLUENCE_SCORES))), matrix
    )
    scale = normalizer(self_influence(train.factors, [1.0])).numpy()[:, None]
    table = schema.read_table(tmp_path, schema.TOP_INFLUENCES_TABLE)
    for direction, keys in (
        (schema.PROPONENT, matrix * scale if normalize else matrix),
        (schema.OPPONENT, -matrix),
    ):
        for column in range(N_TEST):
            mine = table[(table["test_idx"] == column) & (table["direction"] == direction)]
            expected = np.argsort(-keys[:, column], kind="stable")[:5]
            assert mine["train_idx"].tolist() == expected.tolist()
            np.testing.assert_allclose(
                mine["normalized_score"], (matrix * scale)[expected, column], rtol=1e-5
            )
    assert len(judged.suspects) == len(schema.read_table(tmp_path, schema.SUSPECTS)) == 50
    suspects = schema.read_table(tmp_path, schema.SUSPECTS)
    assert np.all(np.diff(suspects["suspicion"]) <= 0)
    train_rows = schema.read_table(tmp_path, schema.TRAIN_SUMMARY)
    np.testing.assert_allclose(train_rows["mean_influence"], matrix.mean(axis=1), atol=1e-5)
