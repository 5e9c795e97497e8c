"""--apply: a dry run, flags that go together, and the data folder of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import analyze_results
from tests.clean.photos import DECISIONS, clean, write_actions
from tests.run_info import example_run_info
from tracin.results.run_info import write_run_info


def test_dry_run_writes_nothing(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS), "--dry_run") == 0
    assert not (tmp_path / "clean").exists()
    said = capsys.readouterr().out
    assert "Dry run: nothing is written." in said
    assert "6 training images: 1 relabelled, 1 left out, 4 kept; 3 test files carried over" in said
    assert "relabel  train/cat/1.jpg -> train/dog/1_from_cat.jpg (renamed:" in said
    assert "delete   train/dog/2.JPG" in said


def test_flags_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    for flags, message in (
        (["--apply", "a.csv"], "--apply and --cleaned_dir go together"),
        (["--dry_run"], "--dry_run goes with --apply"),
        (["--apply", "a", "--cleaned_dir", "b", "--explain", "c"], "give one of them"),
    ):
        with pytest.raises(SystemExit):
            analyze_results.main(flags)
        assert message in capsys.readouterr().err


def test_the_data_folder_is_known_from_the_run(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    write_run_info(folder, replace(example_run_info(), data_dir=str(data_dir)))
    arguments = ["--apply", str(write_actions(tmp_path, *DECISIONS)), "--results_dir", str(folder)]
    assert analyze_results.main([*arguments, "--cleaned_dir", str(tmp_path / "clean")]) == 0
    assert (tmp_path / "clean/train/dog/1_from_cat.jpg").exists()
