"""--explain: a table and a picture for single test images."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analyze_results
from tests.analyze.report.review_world import ReviewWorld, make_review_world
from tests.analyze.world import write_run
from tracin.analyze.explain import ExplainConfig, explain
from tracin.analyze.pictures.explanation import draw_explanation
from tracin.analyze.pictures.style import applied_style
from tracin.analyze.read.lookup import find_test_image
from tracin.errors import TracInError
from tracin.model_check import ModelCheck, count_answers
from tracin.results import schema
from tracin.results.staging import staged

PATHS = ("test/cat/1.jpg", "test/cat/2.jpg", "test/dog/1.jpg", "test/dog/only.jpg")


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> ReviewWorld:
    return make_review_world(tmp_path_factory.mktemp("explain"))


def test_an_image_is_found_by_any_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data/test/dog/1.jpg"
    file.parent.mkdir(parents=True)
    file.write_text("pixels")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for asked in (
        *("test/dog/1.jpg", "./test/dog/1.jpg", "test\\dog\\1.jpg", "dog/1.jpg"),
        *("data/test/dog/1.jpg", str(file), "link/test/dog/1.jpg", "data/test/../test/dog/1.jpg"),
    ):
        assert find_test_image(asked, PATHS, Path("data")) == 2, asked
    assert find_test_image("only.jpg", PATHS, Path("data")) == 3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("1.jpg", r"2 test images are called 1\.jpg.*\n  test/cat/1\.jpg\n  test/dog/1\.jpg$"),
        ("onyl.jpg", r"not a test image of this run\. Did you mean test/dog/only\.jpg\?"),
        ("train/cat/1.jpg", "looks like a training image"),
        ("zebra.gif", r"influence_summary\.csv lists them"),
        ("og/1.jpg", "not a test image"),
    ],
)
def test_names_that_do_not_tell(asked: str, message: str) -> None:
    with pytest.raises(TracInError, match=message):
        find_test_image(asked, PATHS, Path("data"))


def test_table_and_picture(review: ReviewWorld, capsys: pytest.CaptureFixture[str]) -> None:
    folder = review.world.results_dir
    summary = schema.read_table(folder, schema.INFLUENCE_SUMMARY)
    top = schema.read_table(folder, schema.TOP_INFLUENCES_TABLE)
    wrong = summary[~summary["correct"]].iloc[0]
    right = summary[summary["correct"]].iloc[0]
    names = [str(wrong["test_path"]), str(right["test_path"])]
    assert analyze_results.main(["--results_dir", str(folder), "--explain", *names]) == 0
    said = capsys.readouterr().out
    assert (
        f"{names[0]}: labelled {wrong['test_class']}, taken for {wrong['predicted_class']}" in said
    )
    assert f"{names[1]}: labelled {right['test_class']}, recognised as such" in said
    for path in top[top["test_idx"] == wrong["test_idx"]]["train_path"]:
        assert path in said
    assert "similar training signal, score above zero" in said
    pictures = [
        Path(line.removeprefix("Picture: ")) for line in said.splitlines() if "Pict" in line
    ]
    assert len(pictures) == 2
    for picture in pictures:
        assert picture.parent == folder / "explanations"
        with Image.open(picture) as image:
            assert image.size[0] == 1920


def test_a_model_that_cannot_judge_is_said_first(
    review: ReviewWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(review.world.results_dir, folder)
    world = replace(review.world, results_dir=folder)
    labels = world.train_labels
    answers = count_answers(labels, np.zeros_like(labels), world.names)
    write_run(world, model_check=(check := ModelCheck(answers, answers)))
    path = str(schema.read_table(folder, schema.INFLUENCE_SUMMARY)["test_path"][0])
    assert analyze_results.main(["--results_dir", str(folder), "--explain", path]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Warning: {check.headline}\n")
    assert "label looks wrong" not in said


def test_an_image_without_influence_says_so(review: ReviewWorld, tmp_path: Path) -> None:
    for name in (schema.INFLUENCE_SUMMARY, schema.TOP_INFLUENCES_TABLE):
        table = schema.read_table(review.world.results_dir, name)
        kept = table if name == schema.INFLUENCE_SUMMARY else table[table["test_idx"] != 0]
        schema.write_table(tmp_path, name, kept)
    asked = str(schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)["test_path"].iloc[0])
    said = explain(ExplainConfig([asked], tmp_path, review.world.data_dir))
    assert "0 proponents" in said.lower() and "0 opponents" in said.lower()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=r"top_influences\.csv is not there"):
        explain(ExplainConfig(["1.jpg"], tmp_path))


def test_another_run_takes_old_explanations_away(review: ReviewWorld, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name in (schema.INFLUENCE_SUMMARY, schema.TOP_INFLUENCES_TABLE):
        (folder / name).write_bytes((review.world.results_dir / name).read_bytes())
    paths = list(schema.read_table(folder, schema.INFLUENCE_SUMMARY)["test_path"])
    for path in paths[:2]:  # one after the other: both are remembered
        explain(ExplainConfig([path], folder, review.world.data_dir))
    assert len(list((folder / "explanations").iterdir())) == 2
    (folder / "explanations/mine.png").write_text("not ours")
    with staged(folder) as new:
        (new / schema.RUN_INFO).write_text("{}")
    assert [path.name for path in (folder / "explanations").iterdir()] == ["mine.png"]


def test_files_of_one_name_get_their_class(tmp_path: Path, review: ReviewWorld) -> None:
    from tracin.analyze.explain import _names

    assert _names(PATHS) == ["cat_1", "2", "dog_1", "only"]
    assert _names(("test/a/1.jpg", "test/a/1.png")) == ["test_a_1.jpg", "test_a_1.png"]


def test_no_torch(review: ReviewWorld) -> None:
    folder = review.world.results_dir
    path = schema.read_table(folder, schema.INFLUENCE_SUMMARY)["test_path"].iloc[0]
    flags = ["--results_dir", str(folder), "--explain", str(path)]
    code = (
        "import sys, analyze_results; "
        f"assert analyze_results.main({flags!r}) == 0; "
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_names_stay_inside_the_picture(review: ReviewWorld) -> None:
    import dataclasses

    from tracin.analyze import explain as module

    folder = review.world.results_dir
    summary = schema.read_table(folder, schema.INFLUENCE_SUMMARY)
    table = schema.read_table(folder, schema.TOP_INFLUENCES_TABLE)
    one = module._explanation(summary.iloc[0], table, module._read_run(folder))
    one = dataclasses.replace(one, label="long " * 60, path="test/" + "x" * 200 + ".jpg")
    with applied_style(["long", "x"]):
        figure = draw_explanation(one, review.world.data_dir)
        figure.draw_without_rendering()
        right = figure.get_window_extent().x1
        for ax in figure.axes:
            for text in ax.texts:
                assert text.get_window_extent().x1 <= right
