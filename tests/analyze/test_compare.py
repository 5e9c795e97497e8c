"""--compare: from two results folders to the console and analysis.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import analyze_results
from tests.analyze.report.html_page import Page
from tests.analyze.world import World
from tracin.results import schema


@pytest.fixture
def earlier(world: World, tmp_path: Path) -> Path:
    """The same run, with a test image of each class that its model got wrong."""
    folder = tmp_path / "earlier"
    shutil.copytree(world.results_dir, folder)
    path = folder / schema.INFLUENCE_SUMMARY
    table = pd.read_csv(path)
    table["correct"] = table.duplicated("test_class")
    table.to_csv(path, index=False)
    return folder


def test_the_comparison_is_told_and_recorded(
    world: World, earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--results_dir", str(world.results_dir), "--compare", str(earlier)]
    assert analyze_results.main(flags) == 0
    said = capsys.readouterr().out
    assert f"Compared with {earlier}\n" in said
    record = json.loads((world.results_dir / schema.ANALYSIS).read_bytes())["comparison"]
    before, now = (
        pd.read_csv(folder / schema.INFLUENCE_SUMMARY) for folder in (earlier, world.results_dir)
    )
    mended = now["test_path"][now["correct"] & ~before["correct"]]
    assert record["mended"] == sorted(mended)
    assert len(mended) >= 1
    assert record["test_accuracy"]["right_now"] == now["correct"].sum()
    assert record["test_accuracy"]["right_before"] == before["correct"].sum()
    assert record["health_now"]["good"] == record["health_before"]["good"]
    assert record["conclusion"] in said
    page = Page(world.results_dir / schema.REPORT)
    assert "#comparison" in page.having("href") and record["conclusion"] in page.text
    section = page.text.partition(str(earlier))[2]
    counts = now[["test_class"]].assign(before=before["correct"], now=now["correct"])
    for name, group in counts.groupby("test_class"):
        right = (int(group[side].sum()) for side in ("before", "now"))
        cells = "".join(f"{number} of {len(group)}" for number in right)
        assert f"{name}{cells}" in section
    assert set(mended) <= set(page.having("title"))
    assert analyze_results.main(flags[:2]) == 0
    assert json.loads((world.results_dir / schema.ANALYSIS).read_bytes())["comparison"] is None
    assert "#comparison" not in Page(world.results_dir / schema.REPORT).having("href")


def test_what_cannot_be_compared(
    world: World, earlier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--results_dir", str(world.results_dir), "--compare"]
    (earlier / schema.TRAIN_SUMMARY).unlink()
    for other, message in (
        (str(world.results_dir), "is the folder of this run itself"),
        (str(tmp_path / "none"), "run.json"),
        (str(earlier), "train_summary.csv is not there, and a comparison needs it"),
    ):
        assert analyze_results.main([*flags, other]) == 1
        said = capsys.readouterr()
        assert message in said.err
        assert said.err.count("\n") == 1
    assert not (world.results_dir / schema.ANALYSIS).exists()
