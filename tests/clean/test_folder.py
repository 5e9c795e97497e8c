"""The cleaned folder: linked or copied, repeated, changed, killed, and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.clean.photos import DECISIONS, FILES, clean, contents, log_of, write_actions
from tracin.clean.folder import LOG
from tracin.clean.target import STAMP


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


def test_test_images_are_decided_about_as_well(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_dir / "val/cat").mkdir(parents=True)
    (data_dir / "val/cat/7.jpg").write_text("7")
    (data_dir / "val/cat/8.jpg").write_text("8")
    rows = ("test/cat/1.jpg,relabel,dog", "val/cat/7.jpg,delete,", "test/dog/1.jpg,keep,")
    assert clean(data_dir, write_actions(tmp_path, *rows)) == 0
    assert "kept; 5 test files: 1 relabelled, 1 left out, 3 carried" in capsys.readouterr().out
    before, made = contents(data_dir), contents(tmp_path / "clean")
    assert {name: content for name, content in made.items() if not name.startswith("train/")} == {
        "test/dog/1.jpg": before["test/dog/1.jpg"],
        "test/dog/1_from_cat.jpg": before["test/cat/1.jpg"],
        "test/dog/notes.txt": before["test/dog/notes.txt"],
        "val/cat/8.jpg": b"8",
        LOG: made[LOG],
        STAMP: made[STAMP],
    }
    log = log_of(tmp_path / "clean")
    assert log["test/cat/1.jpg"][:2] == ("relabel", "test/dog/1_from_cat.jpg")
    assert log["val/cat/7.jpg"] == ("delete", "", "")
    assert log["test/dog/1.jpg"] == ("keep", "test/dog/1.jpg", "")
    assert log["val/cat/8.jpg"] == ("carried over", "val/cat/8.jpg", "")


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


def test_a_forged_log_deletes_nothing(data_dir: Path, tmp_path: Path) -> None:
    cleaned, actions = tmp_path / "clean", write_actions(tmp_path, *DECISIONS)
    assert clean(data_dir, actions) == 0
    mine = [tmp_path / "precious.txt", tmp_path / "pool/p.jpg", cleaned / "train/cat/mine.jpg"]
    (tmp_path / "pool").mkdir()
    for path in mine:
        path.write_text("precious")
    (cleaned / "train/link").symlink_to(tmp_path / "pool")
    with (cleaned / LOG).open("a") as log:
        for name in (str(mine[0]), "../precious.txt", "train/link/p.jpg", "train/cat/mine.jpg"):
            log.write(f"train/cat/1.jpg,keep,{name},,\n")
    assert clean(data_dir, actions) == 0
    assert [path.read_text() for path in mine] == ["precious"] * 3


def test_a_damaged_log_is_written_anew(data_dir: Path, tmp_path: Path) -> None:
    actions = write_actions(tmp_path, *DECISIONS)
    assert clean(data_dir, actions) == 0
    path = tmp_path / "clean" / LOG
    whole = path.read_text("utf-8")
    lines = whole.splitlines()
    damaged = [lines[0], *(line.rpartition(",")[0] + ",nan" for line in lines[1:])]
    path.write_text("\n".join(damaged) + "\n", "utf-8")
    assert clean(data_dir, actions) == 0
    assert path.read_text("utf-8") == whole


def test_links_in_the_cleaned_folder_are_not_written_through(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert clean(data_dir, write_actions(tmp_path, "train/cat/1.jpg,delete,")) == 0
    shutil.rmtree(tmp_path / "clean/train/cat")
    (tmp_path / "clean/train/cat").symlink_to(tmp_path / "elsewhere")
    assert clean(data_dir, write_actions(tmp_path, "train/cat/1.jpg,keep,")) == 1
    assert "is a link that leads to" in capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_changed_file_is_not_ours_any_more(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 0
    mine = tmp_path / "clean/train/cat/2.jpg"
    mine.unlink()
    mine.write_text("mine")
    assert clean(data_dir, write_actions(tmp_path, "train/cat/2.jpg,delete,")) == 0
    assert mine.read_text() == "mine"
    assert "so left there: train/cat/2.jpg. Delete" in capsys.readouterr().out


@pytest.mark.parametrize("links", [True, False])
def test_an_image_that_changed_in_the_original_is_renewed(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("cross-device link")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    actions = write_actions(tmp_path, *DECISIONS)
    assert clean(data_dir, actions) == 0
    (data_dir / "train/cat/2.jpg").unlink()
    (data_dir / "train/cat/2.jpg").write_text("turned upright")
    assert clean(data_dir, actions) == 0
    assert (tmp_path / "clean/train/cat/2.jpg").read_text() == "turned upright"


def test_killed_before_the_stamp_had_its_name(data_dir: Path, tmp_path: Path) -> None:
    (cleaned := tmp_path / "clean").mkdir()
    (cleaned / f".{STAMP}.999999.part").touch()
    assert clean(data_dir, write_actions(tmp_path, *DECISIONS)) == 0
    assert not list(cleaned.glob(".*"))


def test_foreign_parts_stay(data_dir: Path, tmp_path: Path) -> None:
    actions = write_actions(tmp_path, *DECISIONS)
    assert clean(data_dir, actions) == 0
    mine = tmp_path / "clean/train/cat/.film.mp4.123.part"
    mine.write_text("half a download")
    assert clean(data_dir, actions) == 0
    assert mine.exists()


def test_into_a_linked_class_folder_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_dir / "train/dog").rename(tmp_path / "pool")
    (data_dir / "train/dog").symlink_to(tmp_path / "pool")
    actions = write_actions(tmp_path, "train/cat/1.jpg,delete,")
    assert clean(data_dir, actions, "--cleaned_dir", str(tmp_path / "pool/clean")) == 1
    assert "would be taken for data" in capsys.readouterr().err


@pytest.mark.parametrize("links", [True, False])
def test_names_of_255_bytes(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("cross-device link")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    name = f"{'é' * 125}x.jpg"
    for folder in ("cat", "dog"):
        (data_dir / "train" / folder / name).write_bytes(folder.encode())
    assert clean(data_dir, write_actions(tmp_path, f"train/cat/{name},relabel,dog")) == 0
    assert sorted(
        path.read_bytes() for path in (tmp_path / "clean/train/dog").iterdir() if "é" in path.name
    ) == [b"cat", b"dog"]
