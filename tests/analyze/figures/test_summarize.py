"""Health, rankings and class figures against numpy on the whole matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.analyze.world import World, make_world, write_run
from tracin.analyze.figures.health import Health
from tracin.analyze.figures.summarize import normalized, rank, summarize
from tracin.analyze.figures.summary import STRONGEST, OverallSummary, RankedImage
from tracin.analyze.read.inputs import read_inputs
from tracin.analyze.read.scan import scan
from tracin.analyze.read.sides import EVERY_TEST_IMAGE
from tracin.flags import RankBy
from tracin.model_check import ModelCheck, count_answers
from tracin.results import schema


def summarized(
    results_dir: Path, *, top_k: int = 10, rank_by: RankBy = "normalized"
) -> OverallSummary:
    inputs = read_inputs(results_dir)
    test = inputs.test
    shape = (inputs.n_train, inputs.n_test)
    scores = scan(inputs.scores, shape, test.group_of, len(test.groups))
    return summarize(inputs, scores, top_k=top_k, rank_by=rank_by)


@pytest.mark.parametrize(
    ("positive", "n", "band"),
    [
        (100, 100, "EXCELLENT"),
        (96, 100, "EXCELLENT"),
        (95, 100, "GOOD"),
        (19, 20, "GOOD"),
        (951, 1000, "EXCELLENT"),
        (80, 100, "GOOD"),
        (799, 1000, "FAIR"),
        (60, 100, "FAIR"),
        (599, 1000, "NEEDS ATTENTION"),
        (0, 5, "NEEDS ATTENTION"),
        (5, 5, "EXCELLENT"),
    ],
)
def test_health_bands(positive: int, n: int, band: str) -> None:
    assert Health(positive, n).band == band


def test_health_as_text() -> None:
    assert str(Health(39, 40)) == "97.5% (EXCELLENT)"
    assert str(Health(4, 6)) == "66.7% (FAIR)"
    assert str(Health(4, 4)) == "100.0% (too few to judge)"


def test_health_is_not_rounded_into_another_band() -> None:
    assert str(Health(4963, 5224)) == "95.004% (EXCELLENT)"
    assert str(Health(79_960, 100_000)) == "79.96% (FAIR)"


def test_rank_takes_the_largest_above_zero_and_ties_by_index() -> None:
    scores = np.array([0.5, -1.0, 0.0, 2.0, 0.5, 2.0])
    assert rank(scores, 10).tolist() == [3, 5, 0, 4]
    assert rank(scores, 3).tolist() == [3, 5, 0]
    assert rank(np.zeros(4), 3).tolist() == []


def test_without_self_influence_a_normalised_score_is_zero() -> None:
    means, own = np.array([1.0, -2.0, 3.0]), np.array([4.0, 0.25, 0.0])
    assert normalized(means, own).tolist() == [0.5, -4.0, 0.0]


def brute_force(keys: np.ndarray, k: int) -> list[int]:
    order = sorted(range(len(keys)), key=lambda i: (-keys[i], i))
    return [i for i in order if keys[i] > 0][:k]


def indices(images: tuple[RankedImage, ...]) -> list[int]:
    return [image.index for image in images]


@pytest.mark.parametrize("rank_by", ["normalized", "raw"])
def test_each_class_is_ranked_as_by_the_whole_matrix(world: World, rank_by: RankBy) -> None:
    overall = summarized(world.results_dir, top_k=7, rank_by=rank_by)
    exact, root = world.matrix.astype(np.float64), np.sqrt(world.self_influence.astype(np.float64))
    scaled = exact / root[:, None] if rank_by == "normalized" else exact
    suspicion = schema.read_table(world.results_dir, schema.TRAIN_SUMMARY)["suspicion"].to_numpy()
    assert overall.groups == tuple(world.names[k] for k in np.unique(world.test_labels))
    for one in overall.classes:
        columns = world.test_labels == world.names.index(one.name)
        means = exact[:, columns].mean(axis=1)
        helpful = scaled[:, columns].mean(axis=1)
        assert indices(one.helpful) == brute_force(helpful, 7)
        assert indices(one.harmful) == brute_force(-means, 7)
        assert indices(one.strongest) == brute_force(-means, STRONGEST)
        np.testing.assert_allclose(
            [image.score for image in one.helpful], helpful[indices(one.helpful)], rtol=1e-9
        )
        np.testing.assert_allclose(
            [image.score for image in one.harmful], means[indices(one.harmful)], rtol=1e-9
        )
        rows = world.train_labels == world.names.index(one.name)
        assert one.health == Health(int((suspicion[rows] < 0.5).sum()), int(rows.sum()))
        for label, total, n in one.by_label:
            rows = world.train_labels == world.names.index(label)
            np.testing.assert_allclose(total, means[rows].sum(), rtol=1e-9, atol=1e-18)
            assert n == rows.sum()
    assert indices(overall.helpful) == brute_force(scaled.mean(axis=1), 7)
    assert indices(overall.harmful) == brute_force(-exact.mean(axis=1), 7)


def test_overall_figures(world: World) -> None:
    overall = summarized(world.results_dir)
    exact = world.matrix.astype(np.float64)
    assert (overall.n_train, overall.n_test) == (60, 12)
    suspicion = schema.read_table(world.results_dir, schema.TRAIN_SUMMARY)["suspicion"]
    assert overall.health == Health(int((suspicion < 0.5).sum()), 60)
    assert overall.can_judge
    assert overall.score_range == (exact.min(), exact.max())
    assert overall.method == "TracIn"
    assert overall.provenance.startswith("learning rate 0.001 · Resnet50_animals10")
    assert overall.busiest_opponent is not None
    image, times = overall.busiest_opponent
    counts = np.bincount(exact.argmin(axis=0))
    assert (image.index, times) == (int(counts.argmax()), int(counts.max()))


def test_images_carry_what_the_tables_say(world: World) -> None:
    overall = summarized(world.results_dir)
    suspects = schema.read_table(world.results_dir, schema.SUSPECTS)
    suggested = dict(zip(suspects["train_path"], suspects["suggested_class"], strict=True))
    for image in (*overall.helpful, *overall.harmful):
        assert image.path == world.train_paths[image.index]
        assert image.label == world.names[world.train_labels[image.index]]
        assert image.suggested == suggested.get(image.path)
    assert overall.suspects is not None
    assert [image.path for image in overall.suspects] == list(suspects["train_path"])


def test_the_worst_mistake_is_the_one_with_the_largest_loss(tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=60, n_test=30, images=False)
    summary = schema.read_table(world.results_dir, schema.INFLUENCE_SUMMARY)
    wrong = summary[~summary["correct"]]
    mistakes = summarized(world.results_dir).mistakes
    assert mistakes is not None
    worst = wrong.iloc[int(wrong["loss"].argmax())]
    assert (mistakes.n, mistakes.worst_name) == (len(wrong), worst["test_path"])
    assert mistakes.strongest_opponent is not None
    assert mistakes.strongest_opponent.index == worst["most_harmful_train_idx"]


def test_every_score_zero(tmp_path: Path) -> None:
    overall = summarized(make_world(tmp_path, n_train=20, n_test=12, zero=True).results_dir)
    assert overall.all_zero
    assert overall.helpful == overall.harmful == ()
    assert overall.busiest_opponent is None
    assert all(one.helpful == one.harmful == one.strongest == () for one in overall.classes)


def test_one_test_image(tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=20, n_test=1, names=("cat", "dog"))
    overall = summarized(world.results_dir)
    assert overall.n_test == 1
    assert overall.health is not None
    assert overall.health.n == 20
    assert len(overall.classes) == 1


def test_without_classes_all_test_images_are_one_group(world: World) -> None:
    (world.results_dir / schema.INFLUENCE_SUMMARY).unlink()
    overall = summarized(world.results_dir)
    assert overall.groups == (EVERY_TEST_IMAGE,)
    (group,) = overall.classes
    assert not group.is_class
    assert indices(group.harmful) == indices(overall.harmful)
    assert indices(group.helpful) == indices(overall.helpful)


def test_gauss_newton_scores_are_ranked_raw(world: World) -> None:
    path = world.results_dir / schema.RUN_INFO
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"method": "tracin"', '"method": "gauss_newton"'), "utf-8")
    overall = summarized(world.results_dir, rank_by="normalized")
    assert (overall.method, overall.rank_by) == ("Gauss–Newton", "raw")
    assert indices(overall.helpful) == brute_force(world.matrix.astype(np.float64).mean(axis=1), 10)


def test_without_self_influence_the_ranking_is_raw(world: World) -> None:
    (world.results_dir / schema.TRAIN_SUMMARY).unlink()
    overall = summarized(world.results_dir, rank_by="normalized")
    assert overall.rank_by == "raw"
    assert indices(overall.helpful) == brute_force(world.matrix.astype(np.float64).mean(axis=1), 10)


def test_from_a_matrix_alone_health_is_the_share_of_test_images_that_were_helped(
    world: World,
) -> None:
    (world.results_dir / schema.TRAIN_SUMMARY).unlink()
    exact = world.matrix.astype(np.float64)
    expected = Health(int((exact.mean(axis=0) > 0).sum()), 12, of_labels=False)
    assert summarized(world.results_dir).health == expected


def test_a_model_that_cannot_judge_has_its_verdicts_withheld(world: World) -> None:
    given = world.train_labels
    always_first = count_answers(given, np.zeros_like(given), world.names)
    write_run(world, model_check=ModelCheck(always_first, always_first, ("a cause",)))
    overall = summarized(world.results_dir)
    assert not overall.can_judge
    assert overall.health is None
    assert overall.suspects is None
    assert all(summary.health is None for summary in overall.classes)
    assert all(image.suggested is None for image in (*overall.helpful, *overall.harmful))
    assert overall.helpful  # the scores are shown all the same
