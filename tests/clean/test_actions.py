"""actions.csv: every wrong row is named, and what other programs write is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clean.photos import FILES, clean, write_actions
from tracin.clean.actions import read_actions
from tracin.errors import TracInError


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
        "test/dog/notes.txt,delete,",
        "train/dog/1.jpg,keep,,surplus",
        "",
    )
    assert clean(data_dir, actions) == 1
    said = capsys.readouterr().err
    assert "10 rows are wrong, so nothing was done" in said
    for fault in (
        "line 3: train/cat/9.jpg is not an image of the data folder",
        "line 4: action 'remove' is not one of keep, relabel and delete",
        "line 5: new_class 'doog' is not one of the classes cat and dog",
        "line 6: relabel needs a new_class",
        "line 7: train/dog/more/3.png is already labelled dog: write keep",
        "line 8: train/cat/1.jpg is already on line 2",
        "line 9: new_class 'dog' goes with relabel, not with delete",
        "line 10: train_path is empty",
        "line 11: test/dog/notes.txt is not an image of the data folder",
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
    (action,) = read_actions(path, dict.fromkeys(names, "cat"), ("cat", "dog"))
    assert (action.verb, action.new_class, action.line) == ("relabel", "dog", 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train_path;action;new_class\n", "no columns train_path, action and new_class"),
        (b"", "no columns train_path"),
        (b"train_path,action,new_class\n\xff\xfe", "not a readable CSV file in UTF-8"),
        (b'train_path,action,new_class\n"open', "not a readable CSV file"),
    ],
)
def test_unreadable_actions(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "actions.csv").write_bytes(content)
    with pytest.raises(TracInError, match=message):
        read_actions(tmp_path / "actions.csv", {}, ())
    with pytest.raises(TracInError, match="is not there"):
        read_actions(tmp_path / "none.csv", {}, ())


def test_a_class_that_a_spreadsheet_would_run_is_read_as_it_was(tmp_path: Path) -> None:
    paths, classes = ("train/cat/1.jpg", "train/cat/2.jpg"), ("cat", "=cmd", "'=cmd")
    rows = ("train/cat/1.jpg,relabel,'=cmd", "train/cat/2.jpg,relabel,''=cmd")
    actions = read_actions(write_actions(tmp_path, *rows), dict.fromkeys(paths, "cat"), classes)
    assert [action.new_class for action in actions] == ["=cmd", "'=cmd"]


def test_of_many_wrong_rows_the_first_are_named(tmp_path: Path) -> None:
    path = write_actions(tmp_path, *(f"train/cat/{number}.jpg,delete," for number in range(300)))
    with pytest.raises(TracInError, match="300 rows are wrong") as raised:
        read_actions(path, {}, ("cat", "dog"))
    lines = str(raised.value).splitlines()
    assert len(lines) == 12 and lines[10].startswith("  line 11: train/cat/9.jpg")
    assert lines[-1] == "  290 more"
