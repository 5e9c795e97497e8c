"""--what_if: heads retrained on kept features, and what may be said about the difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import analyze_results
import TracIn_Resnet50
from tracin.clean.actions import Action
from tracin.images import ImageTable
from tracin.loss import Loss
from tracin.results import schema
from tracin.what_if import head
from tracin.what_if.change import changed_by
from tracin.what_if.head import Split, batch_size, head_accuracy
from tracin.what_if.verdict import Verdict, signed_points


@pytest.fixture(scope="module")
def scored(
    checkpoint_path: Path, image_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("what_if") / "results"
    flags = ["--model_path", str(checkpoint_path), "--data_dir", str(image_tree)]
    sizes = ["--resize_size", "40", "--crop_size", "32", "--output_dir", str(folder)]
    assert TracIn_Resnet50.main([*flags, *sizes]) == 0
    (folder / schema.INFLUENCE_SCORES).unlink()  # nothing here needs the matrix
    return folder


@pytest.fixture
def quick_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty heads are trained: a few steps each are enough to see the whole path."""
    monkeypatch.setattr(head, "FEWEST_STEPS", 20)


def verdict_of(changed: list[float], at_random: list[float]) -> Verdict:
    return Verdict(
        "without the 5 most suspicious training images",
        "without 5 random ones",
        np.array(changed),
        np.array(at_random),
        100,
    )


def test_a_clear_difference_is_said_and_noise_is_called_noise() -> None:
    noise = np.tile([0.89, 0.91], 5)
    better = verdict_of((noise + 0.05).tolist(), noise.tolist())
    assert better.mean == pytest.approx(5.0)
    assert "+5.00 points" in better.sentence
    assert "beyond the noise between seeds: the change helps" in better.sentence
    worse = verdict_of(noise.tolist(), (noise + 0.05).tolist())
    assert "the change hurts" in worse.sentence
    same = verdict_of(noise.tolist(), noise[::-1].tolist())
    assert "within the noise between seeds: nothing can be concluded" in same.sentence


def test_the_interval_is_students(tmp_path: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    verdict = verdict_of(random.random(10).tolist(), random.random(10).tolist())
    expected = stats.ttest_1samp(verdict.points, 0).confidence_interval(0.95)
    assert verdict.interval == pytest.approx((expected.low, expected.high), rel=1e-3)


def test_signs() -> None:
    assert [signed_points(value) for value in (0.421, -0.421, 0.001)] == ["+0.42", "−0.42", "0.00"]


def test_a_head_learns_and_depends_on_nothing_but_its_seed() -> None:
    torch.manual_seed(0)
    labels = torch.arange(200) % 2
    features = torch.randn(200, 16) + 2.0 * labels.unsqueeze(1)
    split = Split(features, labels)
    template = nn.Sequential(nn.Linear(16, 8), nn.LeakyReLU(), nn.Linear(8, 2))
    before = [weight.clone() for weight in template.parameters()]
    first = head_accuracy(template, split, split, Loss(0.1, (1.0, 1.0)), seed=3)
    torch.manual_seed(99)
    assert head_accuracy(template, split, split, Loss(0.1, (1.0, 1.0)), seed=3) == first > 0.9
    assert all(map(torch.equal, before, template.parameters()))
    assert (batch_size(3), batch_size(4000), batch_size(10**6)) == (16, 100, 512)


@pytest.mark.usefixtures("quick_heads")
def test_leaving_out_the_most_suspicious(scored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert analyze_results.main(["--results_dir", str(scored), "--what_if", "6"]) == 0
    said = capsys.readouterr().out
    assert "Without the 6 most suspicious training images the retrained head is right on" in said
    assert "without 6 random ones" in said
    assert "backbone again" not in said  # every feature was kept
    with Image.open(scored / "what_if.png") as picture:
        assert picture.size[0] == 1920


@pytest.mark.usefixtures("quick_heads")
def test_actions_are_tried_before_they_are_applied(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = list(schema.read_table(scored, schema.TRAIN_SUMMARY)["train_path"])
    actions = tmp_path / "actions.csv"
    rows = [f"{paths[0]},relabel,dog", f"{paths[1]},delete,", f"{paths[2]},keep,"]
    actions.write_text("\n".join(["train_path,action,new_class", *rows]) + "\n")
    assert analyze_results.main(["--results_dir", str(scored), "--what_if", str(actions)]) == 0
    assert "With 1 image relabelled and 1 deleted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "message"),
    [("100000", "there are only 60 training images"), ("none.csv", "none.csv is not there")],
)
def test_questions_without_an_answer(
    scored: Path, asked: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze_results.main(["--results_dir", str(scored), "--what_if", asked]) == 1
    assert message in capsys.readouterr().err


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze_results.main(["--results_dir", str(tmp_path), "--what_if", "3"]) == 1
    assert "run.json is not there; --what_if needs it" in capsys.readouterr().err


def test_actions_change_labels_and_leave_the_table_alone() -> None:
    names = ("cat", "dog")
    train = ImageTable(Path(), "train", ("a", "b", "c", "d"), np.array([0, 0, 1, 1]), names)
    actions = [Action("b", "relabel", "dog", 2), Action("d", "delete", "", 3)]
    keep, labels = changed_by([*actions, Action("a", "keep", "", 4)], train)
    assert keep.tolist() == [True, True, True, False]
    assert labels.tolist() == [0, 1, 1, 1]
    assert train.labels.tolist() == [0, 0, 1, 1]
    untouched, same = changed_by([], train)
    assert untouched.all()
    assert same.tolist() == train.labels.tolist()
