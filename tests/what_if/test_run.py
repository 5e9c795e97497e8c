"""--what_if: heads retrained on kept features, and what may be said about the difference."""

from __future__ import annotations

import json
import shutil
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
from tracin.results.staging import staged
from tracin.what_if import head, run
from tracin.what_if.change import decided_by
from tracin.what_if.head import Split, batch_size, rightly_named
from tracin.what_if.interval import SEEDS
from tracin.what_if.verdict import CAVEAT


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


def test_a_head_learns_and_depends_on_nothing_but_its_seed() -> None:
    torch.manual_seed(0)
    labels = torch.arange(200) % 2
    features = torch.randn(200, 16) + 2.0 * labels.unsqueeze(1)
    split = Split(features, labels)
    template = nn.Sequential(nn.Linear(16, 8), nn.LeakyReLU(), nn.Linear(8, 2))
    before = [weight.clone() for weight in template.parameters()]
    first = rightly_named(template, split, split, Loss(0.1, (1.0, 1.0)), seed=3)
    torch.manual_seed(99)
    again = rightly_named(template, split, split, Loss(0.1, (1.0, 1.0)), seed=3)
    assert (again == first).all()
    assert first.mean() > 0.9
    assert all(map(torch.equal, before, template.parameters()))
    assert (batch_size(3), batch_size(4000), batch_size(10**6)) == (16, 100, 512)


def ask(folder: Path, question: str, *flags: str) -> int:
    return analyze_results.main(["--results_dir", str(folder), "--what_if", question, *flags])


@pytest.mark.usefixtures("quick_heads")
def test_leaving_out_the_most_suspicious(scored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert ask(scored, "6") == 0
    said = capsys.readouterr().out
    assert "Without the 6 most suspicious training images the retrained head is right on" in said
    assert "without 6 random ones" in said
    assert CAVEAT in said
    assert "backbone again" not in said  # every feature was kept
    with Image.open(scored / "what_if.png") as picture:
        assert picture.size[0] == 1920


@pytest.mark.usefixtures("quick_heads")
def test_actions_are_tried_and_answers_stay_until_new_scores_come(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = list(schema.read_table(scored, schema.TRAIN_SUMMARY)["train_path"])
    actions = tmp_path / "actions.csv"
    rows = [f"{paths[0]},relabel,dog", f"{paths[1]},delete,", f"{paths[2]},keep,"]
    actions.write_text("\n".join(["train_path,action,new_class", *rows]) + "\n")
    folder = tmp_path / "results"
    shutil.copytree(scored, folder, ignore=shutil.ignore_patterns("what_if*"))
    assert ask(folder, str(actions)) == 0
    first = capsys.readouterr().out
    assert "With 1 image relabelled and 1 deleted" in first
    assert "Earlier answers" not in first
    assert ask(folder, "3") == 0
    earlier = capsys.readouterr().out.partition("Earlier answers")[2]
    assert "with 1 image relabelled and 1 deleted (actions.csv)" in earlier
    assert "most suspicious" not in earlier
    table = schema.read_table(folder, schema.WHAT_IF_ANSWERS)
    assert list(table["deleted"]) == [1, 3]
    assert list(table["relabelled"]) == [1, 0]
    with staged(folder):
        pass
    assert not any((folder / name).exists() for name in (schema.WHAT_IF, schema.WHAT_IF_ANSWERS))


def test_corrected_test_labels_judge_both_sides(
    scored: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    judged: list[list[int]] = []

    def judge(_template: object, _train: object, test: Split, *_: object) -> list[bool]:
        judged.append(test.labels.tolist())
        return [True] * len(test.labels)

    monkeypatch.setattr(run, "rightly_named", judge)
    folder = tmp_path / "results"
    shutil.copytree(scored, folder, ignore=shutil.ignore_patterns("what_if*"))
    summary = schema.read_table(folder, schema.INFLUENCE_SUMMARY).sort_values("test_idx")
    classes = sorted(set(summary["test_class"]))
    labels = [classes.index(name) for name in summary["test_class"]]
    other = next(name for name in classes if name != summary["test_class"][0])
    train_path = schema.read_table(folder, schema.TRAIN_SUMMARY)["train_path"][0]
    first, second = summary["test_path"][:2]
    rows = [f"{train_path},delete,", f"{first},relabel,{other}", f"{second},delete,"]
    (actions := tmp_path / "actions.csv").write_text(
        "\n".join(["train_path,action,new_class", *rows]) + "\n"
    )
    assert ask(folder, str(actions)) == 0
    expected = [classes.index(other), *labels[2:]]
    assert judged == [expected] * (2 * SEEDS)
    said = capsys.readouterr().out
    assert f"is right on 100.0% of {len(labels) - 1} test images" in said
    assert "judged by the corrected test images: 1 image relabelled, 1 left out." in said
    assert ask(folder, "3") == 0
    said = capsys.readouterr().out
    assert judged[-1] == labels
    assert "with 1 image deleted (actions.csv, test images corrected)" in said
    rows = [f"{path},delete," for path in summary["test_path"]]
    for wrong, message in (
        (rows[1:], "a training image, so"),
        ([*rows, f"{train_path},delete,"], "every test image"),
    ):
        actions.write_text("\n".join(["train_path,action,new_class", *wrong]) + "\n")
        assert ask(folder, str(actions)) == 1
        assert message in capsys.readouterr().err


@pytest.mark.usefixtures("quick_heads")
def test_a_model_that_cannot_judge_is_said_first(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(scored, folder)
    run = json.loads((folder / schema.RUN_INFO).read_text())
    named_one_class = {"right": 0, "named": 1, "most_named": 60, "others_so_named": 54}
    run["model_check"]["train"] |= named_one_class
    (folder / schema.RUN_INFO).write_text(json.dumps(run))
    assert ask(folder, "3") == 0
    said = capsys.readouterr().out.partition("random removals.\n")[2]
    assert said.startswith("This model cannot judge these images")
    assert "There is no verdict: the model cannot judge." in said
    assert "the change helps" not in said
    assert "the change hurts" not in said


@pytest.mark.usefixtures("quick_heads")
def test_features_come_from_the_runs_own_folder(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, cache = tmp_path / "results", tmp_path / "kept elsewhere"
    shutil.copytree(scored, folder)
    (folder / schema.FEATURES).rename(cache)
    run = json.loads((folder / schema.RUN_INFO).read_text())
    run["features_dir"] = str(cache)
    (folder / schema.RUN_INFO).write_text(json.dumps(run))
    assert ask(folder, "3") == 0
    assert "backbone again" not in capsys.readouterr().out
    assert not (folder / schema.FEATURES).exists()


def test_moved_and_missing_images_are_named(
    scored: Path, image_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(scored, "3", "--data_dir", str(tmp_path / "old")) == 1
    said = capsys.readouterr().err
    assert f"The data folder {tmp_path / 'old'} is not there." in said
    assert "--data_dir" in said
    shutil.copytree(image_tree, tmp_path / "new")
    gone = schema.read_table(scored, schema.TRAIN_SUMMARY)["train_path"][[0, 1, 2]]
    for path in gone:
        (tmp_path / "new" / path).unlink()
    assert ask(scored, "3", "--data_dir", str(tmp_path / "new")) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'new' / gone[0]} is not there, nor 2 further images" in said
    assert "on_error" not in said
    for path in gone:
        (tmp_path / "new" / path).write_text("no image")
    assert ask(scored, "3", "--data_dir", str(tmp_path / "new")) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'new' / gone[0]} cannot be read any more" in said
    assert "nor can 2 further images" in said


def test_damaged_answers_are_said_before_the_work(
    scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(scored, folder)
    (folder / schema.WHAT_IF_ANSWERS).write_text("nothing")
    assert ask(folder, "3") == 1
    captured = capsys.readouterr()
    assert "is damaged. Correct or remove it" in captured.err
    assert "Training" not in captured.out


@pytest.mark.parametrize(
    ("asked", "message"),
    [("100000", "there are only 60 training images"), ("none.csv", "none.csv is not there")],
)
def test_questions_without_an_answer(
    scored: Path, asked: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(scored, asked) == 1
    assert message in capsys.readouterr().err


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(tmp_path, "3") == 1
    assert "run.json is not there; --what_if needs it" in capsys.readouterr().err


def test_actions_change_labels_and_leave_the_table_alone() -> None:
    names = ("cat", "dog")
    train = ImageTable(Path(), "train", ("a", "b", "c", "d"), np.array([0, 0, 1, 1]), names)
    actions = [Action("b", "relabel", "dog", 2), Action("d", "delete", "", 3)]
    decided = decided_by([*actions, Action("a", "keep", "", 4)], train)
    assert decided.keep.tolist() == [True, True, True, False]
    assert decided.labels.tolist() == [0, 1, 1, 1]
    assert train.labels.tolist() == [0, 0, 1, 1]
    untouched = decided_by([Action("of another split", "delete", "", 2)], train)
    assert untouched.keep.all()
    assert untouched.labels.tolist() == train.labels.tolist()
