"""The whole analysis, its files, and what a second one does with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.analyze.report.review_world import make_review_world
from tests.analyze.world import World, make_world, without_matrix
from tracin.analyze.console import closing_summary
from tracin.analyze.run import AnalyzeConfig, Outcome, run
from tracin.errors import TracInError
from tracin.results import schema

NAMES = ("cat", "dog")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Analysed:
    """A results folder before and after an analysis."""

    world: World
    before: set[str]
    outcome: Outcome


def test_only_the_classes_asked_for_have_pages(tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=60, n_test=12, names=NAMES)
    outcome = run(AnalyzeConfig(world.results_dir, classes=("dog",)))
    assert outcome.class_pages == (world.results_dir / "dog_summary.png",)
    written = files(world.results_dir)
    assert not any("cat" in name for name in written if name.startswith("top_influences/"))
    assert "cat_summary.png" not in written
    page = (world.results_dir / schema.REPORT).read_text("utf-8")
    assert "1 class with a page of its own first, then 1 without; --classes draws others." in page
    assert page.count('href="dog_summary.png"') == 1


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Analysed:
    world = make_world(tmp_path_factory.mktemp("world"), n_train=60, n_test=12, names=NAMES)
    before = files(world.results_dir)
    return Analysed(world, before, run(AnalyzeConfig(world.results_dir)))


def test_it_writes_what_it_says(analysed: Analysed) -> None:
    folder, outcome = analysed.world.results_dir, analysed.outcome
    pictures = (outcome.dashboard, *outcome.class_pages)
    written = {path.relative_to(folder).as_posix() for path in (*pictures, *outcome.copies)}
    extra = files(folder) - analysed.before - written - {schema.ANALYSIS_FILES}
    assert extra == {schema.REPORT, schema.ANALYSIS}
    assert written <= files(folder)
    assert {f"{name}_summary.png" for name in outcome.overall.groups} <= written
    for path in pictures:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.width == 1920


def test_copies_are_the_ranked_images(analysed: Analysed) -> None:
    world, outcome = analysed.world, analysed.outcome
    for one in outcome.overall.classes:
        for side, images in (("positive", one.helpful), ("negative", one.harmful)):
            folder = world.results_dir / "top_influences" / one.name / side
            copies = sorted(folder.iterdir()) if images else []
            assert len(copies) == len(images)
            for position, (copy, image) in enumerate(zip(copies, images, strict=True), start=1):
                assert copy.name.startswith(f"rank_{position:02d}_train_{image.index}_")
                source = world.data_dir / world.train_paths[image.index]
                assert copy.read_bytes() == source.read_bytes()


def test_a_second_analysis_leaves_only_its_own_files(world: World) -> None:
    outcome = run(AnalyzeConfig(world.results_dir))
    mine = world.results_dir / "top_influences" / "cat" / "mine.txt"
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("keep me")
    again = run(AnalyzeConfig(world.results_dir, top_k=2))
    copies = {path for path in (world.results_dir / "top_influences").rglob("*") if path.is_file()}
    assert copies == {*again.copies, mine}
    assert len(again.copies) < len(outcome.copies)


def test_missing_images_are_counted(world: World) -> None:
    for path in world.train_paths[:30]:
        (world.data_dir / path).unlink()
    outcome = run(AnalyzeConfig(world.results_dir))
    (sentence,) = [each for each in outcome.left_out if each.startswith("Pictures and copies")]
    assert "not found in" in sentence
    assert "--data_dir" in sentence
    assert outcome.copies


def test_damaged_images_are_no_reason_to_stop(world: World) -> None:
    for path in world.train_paths:
        (world.data_dir / path).write_bytes(b"no image")
    assert run(AnalyzeConfig(world.results_dir)).dashboard.exists()


def test_hostile_class_names_stay_inside(tmp_path: Path) -> None:
    names = ("../up", "a/b", "..", "Cat", "cat", "x" * 200)
    world = make_world(tmp_path, n_train=60, n_test=20, names=names, images=False)
    outcome = run(AnalyzeConfig(world.results_dir))
    assert set(files(tmp_path)) == {f"results/{name}" for name in files(world.results_dir)}
    assert len(set(outcome.class_pages)) == len(outcome.overall.groups)
    assert all(page.parent == world.results_dir for page in outcome.class_pages)
    assert not [
        sentence for sentence in outcome.left_out if "猫" in sentence and "□" not in sentence
    ]


def test_raw_ranking_is_announced(world: World) -> None:
    (world.results_dir / schema.TRAIN_SUMMARY).unlink()
    (world.results_dir / schema.SUSPECTS).unlink()
    outcome = run(AnalyzeConfig(world.results_dir))
    assert outcome.overall.rank_by == "raw"
    assert any(sentence.startswith("Normalised ranking") for sentence in outcome.left_out)
    assert outcome.copies  # found by the order of the data folder


def test_a_folder_that_cannot_be_written_to(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tracin.analyze.run.style.save_picture", full)
    with pytest.raises(TracInError, match=r"Cannot write to .*No space left on device"):
        run(AnalyzeConfig(world.results_dir))
    left = files(world.results_dir)
    assert not [name for name in left if name.endswith((".png", ".part"))]


def test_the_console_ends_with_health_findings_and_paths(analysed: Analysed) -> None:
    world, outcome = analysed.world, analysed.outcome
    lines = closing_summary(outcome, world.results_dir).splitlines()
    health = lines.index(f"Health score: {outcome.overall.health}")
    findings, written = lines.index("Key findings"), lines.index("Written")
    assert health < findings < written
    assert lines[findings + 1 : findings + 1 + len(outcome.words.findings)] == [
        f"  - {sentence}" for sentence in outcome.words.findings
    ]
    for path in (outcome.dashboard, *outcome.class_pages):
        assert f"  {path}" in lines[written:]


def test_the_console_says_what_was_left_out(analysed: Analysed) -> None:
    outcome = replace(analysed.outcome, left_out=("This: there is no that.",))
    text = closing_summary(outcome, analysed.world.results_dir)
    assert "Left out\n  - This: there is no that.\n" in text


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome]:
    """The analysis of a run with the matrix, and of the same run without."""
    folder = tmp_path_factory.mktemp("twins")
    names = ("cat", 'a "quoted", dog')
    world = make_review_world(folder, names=names, n_train=80, n_test=20).world
    tables = without_matrix(world, folder / "tables")
    first, second = (run(AnalyzeConfig(path)) for path in (world.results_dir, tables))
    return first, second


def test_without_a_matrix_the_same_files_are_written(twins: tuple[Outcome, Outcome]) -> None:
    first, second = (outcome.report.parent for outcome in twins)
    assert files(first) - files(second) == {schema.INFLUENCE_SCORES}
    assert files(second) - files(first) == {schema.CLASS_INFLUENCE}
    for name in files(first / "top_influences"):
        copy = second / "top_influences" / name
        assert copy.read_bytes() == (first / "top_influences" / name).read_bytes()


def test_without_a_matrix_the_same_is_said(twins: tuple[Outcome, Outcome]) -> None:
    first, second = (closing_summary(each, each.report.parent) for each in twins)
    folders = [str(outcome.report.parent) for outcome in twins]
    assert first.replace(folders[0], "") == second.replace(folders[1], "")
    assert twins[0].left_out == twins[1].left_out


def test_without_a_matrix_page_and_pictures_are_the_same(twins: tuple[Outcome, Outcome]) -> None:
    pages = [
        outcome.report.read_text(encoding="utf-8").replace(str(outcome.report.parent), "")
        for outcome in twins
    ]
    # a last digit may be rounded otherwise
    assert re.sub(r"\d+", "0", pages[0]) == re.sub(r"\d+", "0", pages[1])
    for one, other in zip(*((each.dashboard, *each.class_pages) for each in twins), strict=True):
        assert one.name == other.name
        pixels = [np.asarray(Image.open(path), np.float32) for path in (one, other)]
        assert np.abs(pixels[0] - pixels[1]).mean() < 0.1  # of 255
