"""actions.csv → a cleaned data folder."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

import analyze_results
from tests.run_info import example_run_info
from tracin.clean.actions import read_actions
from tracin.clean.folder import LOG, LOG_COLUMNS, STAMP
from tracin.errors import TracInError
from tracin.results.run_info import write_run_info

FILES = (
    *("train/cat/1.jpg", "train/cat/2.jpg", "train/cat/a & 'b'.jpg"),
    *("train/dog/1.jpg", "train/dog/2.JPG", "train/dog/more/3.png"),
    *("test/cat/1.jpg", "test/dog/1.jpg", "test/dog/notes.txt"),
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"pixels of {name}".encode())
    return folder


def write_actions(folder: Path, *rows: str) -> Path:
    path = folder / "actions.csv"
    path.write_text("\n".join(["train_path,action,new_class", *rows]) + "\n", encoding="utf-8")
    return path


def run(data_dir: Path, actions: Path, *more: str) -> int:
    return analyze_results.main(
        [
            *("--apply", str(actions), "--cleaned_dir", str(data_dir.parent / "clean")),
            *("--data_dir", str(data_dir), *more),
        ]
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def log_of(clean: Path) -> dict[str, tuple[str, str, str]]:
    with (clean / LOG).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    return {row["path"]: (row["action"], row["new_path"], row["note"]) for row in rows}


ACTIONS = ("train/cat/1.jpg,relabel,dog", "train/dog/2.JPG,delete,", "train/dog/1.jpg,keep,")


def test_images_stand_where_the_actions_say(data_dir: Path, tmp_path: Path) -> None:
    before = contents(data_dir)
    assert run(data_dir, write_actions(tmp_path, *ACTIONS)) == 0
    clean = tmp_path / "clean"
    made = contents(clean)
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
    log = log_of(clean)
    assert set(log) == set(FILES)
    assert log["train/cat/1.jpg"] == (
        *("relabel", "train/dog/1_from_cat.jpg"),
        "renamed: train/dog/1.jpg is another image",
    )
    assert log["train/dog/2.JPG"] == ("delete", "", "")
    assert log["train/dog/1.jpg"] == ("keep", "train/dog/1.jpg", "")
    assert log["train/cat/2.jpg"] == ("keep", "train/cat/2.jpg", "no action")
    assert log["test/dog/notes.txt"] == ("carried over", "test/dog/notes.txt", "")
    assert (clean / "train/cat/2.jpg").samefile(data_dir / "train/cat/2.jpg")


def test_copies_where_there_are_no_hard_links(
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    actions = write_actions(tmp_path, *ACTIONS)
    assert run(data_dir, actions) == 0
    assert "0 hard links, 8 copied" in capsys.readouterr().out
    assert not (tmp_path / "clean/train/cat/2.jpg").samefile(data_dir / "train/cat/2.jpg")
    assert run(data_dir, actions) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_applying_twice_changes_nothing(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = write_actions(tmp_path, *ACTIONS)
    assert run(data_dir, actions) == 0
    once = contents(tmp_path / "clean")
    capsys.readouterr()
    assert run(data_dir, actions) == 0
    assert contents(tmp_path / "clean") == once
    assert "Nothing to do: everything was there already." in capsys.readouterr().out


def test_other_actions_replace_the_former(data_dir: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    assert run(data_dir, write_actions(tmp_path, *ACTIONS)) == 0
    (clean / "mine.txt").write_text("a note")
    assert run(data_dir, write_actions(tmp_path, "train/cat/2.jpg,delete,")) == 0
    assert (clean / "mine.txt").read_text() == "a note"
    assert not (clean / "train/cat/2.jpg").exists()
    assert not (clean / "train/dog/1_from_cat.jpg").exists()
    assert (clean / "train/cat/1.jpg").samefile(data_dir / "train/cat/1.jpg")


def test_a_killed_run_is_finished_by_the_next(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = write_actions(tmp_path, *ACTIONS)
    link, made = os.link, list[Path]()

    def die_at_the_fourth(source: Path, target: Path) -> None:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(target)
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", die_at_the_fourth)
        assert run(data_dir, actions) == 130
    (tmp_path / "clean/train/cat/.2.jpg.999.part").write_text("half a copy")
    assert run(data_dir, actions) == 0
    finished = contents(tmp_path / "clean")
    assert run(data_dir, actions, "--cleaned_dir", str(tmp_path / "at_once")) == 0
    assert finished == contents(tmp_path / "at_once")


def test_dry_run_writes_nothing(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_dir, write_actions(tmp_path, *ACTIONS), "--dry_run") == 0
    assert not (tmp_path / "clean").exists()
    said = capsys.readouterr().out
    assert "Dry run: nothing is written." in said
    assert "6 training images: 1 relabelled, 1 left out, 4 kept; 3 test files carried over" in said
    assert "relabel  train/cat/1.jpg -> train/dog/1_from_cat.jpg (renamed:" in said
    assert "delete   train/dog/2.JPG" in said


def test_every_bad_row_is_named_and_nothing_done(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = write_actions(
        tmp_path,
        "train/cat/1.jpg,relabel,dog",
        "train/cat/9.jpg,delete,",
        "train/cat/2.jpg,remove,",
        "train/dog/1.jpg,relabel,doog",
        "train/dog/2.JPG,relabel,",
        "train/dog/more/3.png,relabel,dog",
        "train/cat/1.jpg,delete,",
        "train/cat/a & 'b'.jpg,delete,dog",
        ",keep,",
        "test/cat/1.jpg,delete,",
        "train/dog/1.jpg,keep,,surplus",
        "",
    )
    assert run(data_dir, actions) == 1
    said = capsys.readouterr().err
    assert "10 rows are wrong, and nothing was done" in said
    for fault in (
        "line 3: train/cat/9.jpg is no training image",
        "line 4: action 'remove' is none of keep, relabel, delete",
        "line 5: new_class 'doog' is none of the classes cat, dog",
        "line 6: relabel needs a new_class",
        "line 7: train/dog/more/3.png is labelled dog already: write keep",
        "line 8: train/cat/1.jpg stands on line 2 already",
        "line 9: new_class 'dog' goes with relabel, not with delete",
        "line 10: train_path is empty",
        "line 11: test/cat/1.jpg is no training image",
        "line 12: it has more cells than the first line",
    ):
        assert fault in said
    assert not (tmp_path / "clean").exists()


def test_excel_writes_a_byte_order_mark_and_carriage_returns(
    data_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "actions.csv"
    text = "new_class,action,train_path\r\ndog,relabel,\"train/cat/a & 'b'.jpg\"\r\n,,\r\n"
    path.write_text(text, encoding="utf-8-sig", newline="")
    names = [name for name in FILES if name.startswith("train")]
    (action,) = read_actions(path, names, ("cat", "dog"))
    assert (action.verb, action.new_class, action.line) == ("relabel", "dog", 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train_path;action;new_class\n", "no column train_path, action, new_class"),
        (b"", "no column train_path"),
        (b"train_path,action,new_class\n\xff\xfe", "not a readable CSV file in UTF-8"),
        (b'train_path,action,new_class\n"open', "not a readable CSV file"),
    ],
)
def test_unreadable_actions(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "actions.csv").write_bytes(content)
    with pytest.raises(TracInError, match=message):
        read_actions(tmp_path / "actions.csv", (), ())
    with pytest.raises(TracInError, match="is not there"):
        read_actions(tmp_path / "none.csv", (), ())


def test_folders_that_are_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actions = write_actions(tmp_path, *ACTIONS)
    (clean := tmp_path / "clean").mkdir()
    (clean / "thesis.tex").write_text("mine")
    assert run(data_dir, actions) == 1
    assert "holds files that --apply did not put there" in capsys.readouterr().err
    assert contents(clean) == {"thesis.tex": b"mine"}
    for folder in (data_dir, data_dir / "clean", tmp_path):
        assert run(data_dir, actions, "--cleaned_dir", str(folder)) == 1
        assert "lie within one another" in capsys.readouterr().err
    other = tmp_path / "other"
    assert run(data_dir, actions, "--cleaned_dir", str(other)) == 0
    data_dir.rename(tmp_path / "data2")
    assert run(tmp_path / "data2", actions, "--cleaned_dir", str(other)) == 1
    assert "was made from" in capsys.readouterr().err


def test_a_foreign_file_in_the_way_stays(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_dir, write_actions(tmp_path, "train/cat/1.jpg,delete,")) == 0
    mine = tmp_path / "clean/train/cat/1.jpg"
    mine.write_text("mine")
    assert run(data_dir, write_actions(tmp_path, "train/cat/1.jpg,keep,")) == 1
    assert "is in the way" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_a_class_is_not_emptied(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{name},delete," for name in FILES if name.startswith("train/dog")]
    assert run(data_dir, write_actions(tmp_path, *rows)) == 1
    assert "leave no training image in class dog" in capsys.readouterr().err
    assert not (tmp_path / "clean").exists()


def test_names_that_some_file_systems_take_for_one(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "train/dog/A.JPG").write_text("a")
    (data_dir / "train/cat/a.jpg").write_text("b")
    assert run(data_dir, write_actions(tmp_path, "train/cat/a.jpg,relabel,dog")) == 0
    assert (tmp_path / "clean/train/dog/a_from_cat.jpg").exists()


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
    arguments = ["--apply", str(write_actions(tmp_path, *ACTIONS)), "--results_dir", str(folder)]
    assert analyze_results.main([*arguments, "--cleaned_dir", str(tmp_path / "clean")]) == 0
    assert (tmp_path / "clean/train/dog/1_from_cat.jpg").exists()
