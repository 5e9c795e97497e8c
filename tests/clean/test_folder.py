"""The cleaned folder: linked or copied, repeated, changed, killed, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clean.photos import DECISIONS, FILES, clean, contents, log_of, write_actions
from tracin.clean.folder import LOG, STAMP


def test_images_stand_where_the_actions_say(data_dir: Path, tmp_path: Path) -> None:
    before = contents(data_dir)
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 0
    cleaned = tmp_path / "clean"
    made = contents(cleaned)
    del made[LOG], made[STAMP]
    assert made == {
        "train/cat/2.jpg": before["train/cat/2.jpg"],
        "train/cat/a & 'b'.jpg": before["train/cat/a & 'b'.jpg"],
        "train/dog/1.jpg": before["train/dog/1.jpg"],
        "train/dog/1_from_cat.jpg": before["train/cat/1.jpg"],  # a name that was taken
        "train/dog/more/3.png": before["train/dog/more/3.png"],
        **{name: content for name, content in before.items() if name.startswith("test/")},
    }
    assert contents(data_dir) == before
    log = log_of(cleaned)
    assert set(log) == set(FILES)
    assert log["train/cat/1.jpg"] == (
        *("relabel", "train/dog/1_from_cat.jpg"),
        "renamed: train/dog/1.jpg is another image",
    )
    assert log["train/dog/2.JPG"] == ("delete", "", "")
    assert log["train/dog/1.jpg"] == ("keep", "train/dog/1.jpg", "")
    assert log["train/cat/2.jpg"] == ("keep", "train/cat/2.jpg", "no action")
    assert log["test/dog/notes.txt"] == ("carried over", "test/dog/notes.txt", "")
    assert (cleaned / "train/cat/2.jpg").samefile(data_dir / "train/cat/2.jpg")


def test_copies_where_there_are_no_hard_links(
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    actions = write_actions(tmp_path, *DECISIONS)
    assert clean(data_dir, actions) == 0
    assert "0 hard links, 8 copied" in capsys.readouterr().out
    assert not (tmp_path / "clean/train/cat/2.jpg").samefile(data_dir / "train/cat/2.jpg")
    assert clean(data_dir, actions) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_applying_twice_changes_nothing(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = write_actions(tmp_path, *DECISIONS)
    assert clean(data_dir, actions) == 0
    once = contents(tmp_path / "clean")
    capsys.readouterr()
    assert clean(data_dir, actions) == 0
    assert contents(tmp_path / "clean") == once
    assert "Nothing to do: everything was already there." in capsys.readouterr().out


def test_other_actions_replace_the_former(data_dir: Path, tmp_path: Path) -> None:
    cleaned = tmp_path / "clean"
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 0
    (cleaned / "mine.txt").write_text("a note")
    assert clean(data_dir, write_actions(tmp_path, "train/cat/2.jpg,delete,")) == 0
    assert (cleaned / "mine.txt").read_text() == "a note"
    assert not (cleaned / "train/cat/2.jpg").exists()
    assert not (cleaned / "train/dog/1_from_cat.jpg").exists()
    assert (cleaned / "train/cat/1.jpg").samefile(data_dir / "train/cat/1.jpg")


def test_a_killed_run_is_finished_by_the_next(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = write_actions(tmp_path, *DECISIONS)
    link, made = os.link, list[Path]()

    def die_at_the_fourth(source: Path, target: Path) -> None:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(target)
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", die_at_the_fourth)
        assert clean(data_dir, actions) == 130
    (tmp_path / "clean/train/cat/.2.jpg.999.part").write_text("half a copy")
    assert clean(data_dir, actions) == 0
    finished = contents(tmp_path / "clean")
    assert clean(data_dir, actions, "--cleaned_dir", str(tmp_path / "at_once")) == 0
    assert finished == contents(tmp_path / "at_once")


def test_folders_that_are_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = write_actions(tmp_path, *DECISIONS)
    (cleaned := tmp_path / "clean").mkdir()
    (cleaned / "thesis.tex").write_text("mine")
    assert clean(data_dir, actions) == 1
    assert "holds files that --apply did not put there" in capsys.readouterr().err
    assert contents(cleaned) == {"thesis.tex": b"mine"}
    for folder in (data_dir, data_dir / "clean", tmp_path):
        assert clean(data_dir, actions, "--cleaned_dir", str(folder)) == 1
        assert "overlap" in capsys.readouterr().err
    other = tmp_path / "other"
    assert clean(data_dir, actions, "--cleaned_dir", str(other)) == 0
    data_dir.rename(tmp_path / "data2")
    assert clean(tmp_path / "data2", actions, "--cleaned_dir", str(other)) == 1
    assert "was made from" in capsys.readouterr().err


def test_a_foreign_file_in_the_way_stays(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clean(data_dir, write_actions(tmp_path, "train/cat/1.jpg,delete,")) == 0
    mine = tmp_path / "clean/train/cat/1.jpg"
    mine.write_text("mine")
    assert clean(data_dir, write_actions(tmp_path, "train/cat/1.jpg,keep,")) == 1
    assert "is in the way" in capsys.readouterr().err
    assert mine.read_text() == "mine"
