"""--apply: a dry run, flags that go together, and the data folder of the run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import analyze_results
from tests.clean.photos import DECISIONS, clean, log_of, write_actions
from tests.run_info import example_run_info
from tracin.clean.run import CleanConfig, apply_actions
from tracin.errors import TracInError
from tracin.folder_lock import LOCK, locked
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


def test_what_is_no_image_is_named_and_what_is_linked_comes_once(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_dir / "train/cat/4.jfif").touch()
    (data_dir / "train/cat/l").symlink_to("..")
    (data_dir / "train/dog/m").symlink_to("../..")
    (data_dir / "test/dog/gone.jpg").symlink_to("nowhere")
    os.mkfifo(data_dir / "test/dog/pipe.jpg")
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 0
    said = capsys.readouterr().out
    assert "6 training images: 1 relabelled, 1 left out, 4 kept; 3 test files carried over" in said
    assert "Not used, 5 in all: train/cat/4.jfif (not an image: its name ends in .jfif);" in said
    log = log_of(tmp_path / "clean")
    assert {path for path, (action, *_) in log.items() if action == "left out"} == {
        *("train/cat/4.jfif", "train/cat/l", "train/dog/m"),
        *("test/dog/gone.jpg", "test/dog/pipe.jpg"),
    }
    assert log["test/dog/pipe.jpg"][2] == "a pipe, no regular file"


def test_the_next_command_is_quoted(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "it's; $(clean)\x1b")
    actions = write_actions(tmp_path, *DECISIONS)
    arguments = ["--apply", str(actions), "--data_dir", str(data_dir), "--cleaned_dir", target]
    assert analyze_results.main(arguments) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.rstrip().endswith(f"--data_dir $'{tmp_path}/it\\'s; $(clean)\\x1b'")


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


def test_what_is_not_carried_over_is_named(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("valid/cat/5.jpg", "train/cat/photo.jfif", "classes.txt", "other/deep/1.jpg"):
        (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / name).write_text("x")
    (data_dir / "train/cat/gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(data_dir / "test/cat/pipe.jpg")
    assert clean(data_dir, write_actions(tmp_path, "train/cat/1.jpg,delete,")) == 0
    assert "photo.jfif" in capsys.readouterr().out
    log = log_of(tmp_path / "clean")
    left_out = {name: note for name, (action, _, note) in log.items() if action == "left out"}
    assert left_out.keys() == {
        *("train/cat/gone.jpg", "train/cat/photo.jfif", "test/cat/pipe.jpg"),
        *("classes.txt", "other"),
    }
    assert all(left_out.values())
    assert left_out["classes.txt"] == left_out["other"] == "beside train/ and test/"
    assert (tmp_path / "clean/valid/cat/5.jpg").read_text() == "x"


def test_of_two_at_once_one_fills_the_folder(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = write_actions(tmp_path, *DECISIONS)
    with locked(tmp_path / "clean", ""):
        assert clean(data_dir, actions) == 1
        assert "clean is in use by process " in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "clean").iterdir()] == [LOCK]
    (tmp_path / "clean" / LOCK).touch()  # as a killed one leaves it
    assert clean(data_dir, actions) == 0
    assert not (tmp_path / "clean" / LOCK).exists()


def test_a_lock_is_no_content(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / LOCK).touch()
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 0
    assert LOCK not in log_of(tmp_path / "clean")


def test_a_folder_of_others_gets_no_lock(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean/thesis.tex").touch()
    monkeypatch.setattr("tracin.clean.folder.locked", lambda *_: pytest.fail("locked"))
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 1


def test_results_that_are_replaced_while_they_are_read_are_refused(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    info = replace(example_run_info(), data_dir=str(data_dir))

    def read_while_a_run_ends(folder: Path, _given: Path | None) -> Path:
        write_run_info(folder, info)
        return data_dir

    monkeypatch.setattr("tracin.clean.run.data_folder", read_while_a_run_ends)
    actions = write_actions(tmp_path, *DECISIONS)
    with pytest.raises(TracInError, match="was replaced while it was read"):
        apply_actions(CleanConfig(actions, tmp_path / "clean", results))
    assert not (tmp_path / "clean").exists()
