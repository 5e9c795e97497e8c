"""The raw folder: names that do not collide, and folders that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prepare.raw_photos import piece, prepare_quietly
from tracin.errors import TracInError
from tracin.prepare.raw_files import _unique_names, find_raw_files


def test_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cat"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("1.jpg", "1.png", "more/1.jpg", "1.JPEG")):
        piece(number).save(folder / name)
    prepare_quietly(tmp_path / "raw", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.jpg"))
    assert names == ["1.jpg", "1_2.jpg", "1_3.jpg", "more_1.jpg"]


def test_names_are_cut_where_a_file_system_takes_no_longer_ones() -> None:
    names = _unique_names(["ä" * 120 + ".jpg", "ä" * 125 + ".jpg", "a/" * 150 + "b.jpg"])
    assert names[:2] == ["ä" * 100, "ä" * 100 + "_2"]
    assert all(len(name.encode()) <= 210 for name in names)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            ["raw-img/cane/1.jpg", "raw-img/gatto/1.jpg", "raw-img/.DS_Store"],
            r"Give \S*raw/raw-img ",
        ),
        (["x/y/cane/1.jpg", "x/y/gatto/1.jpg", "x/read.me", "notes/a.txt"], r"Give \S*raw/x/y "),
        (["x/cane/1.jpg", "x/gatto/1.jpg", "__MACOSX/x/cane/._1.jpg"], r"Give \S*raw/x "),
        (
            ["train/cane/1.jpg", "valid/cane/1.jpg"],
            r"split already.*train and valid.*give \S*raw/train ",
        ),
        (["Train/cane/1.jpg", "test/0001.jpg"], r"split already.*give \S*raw/Train "),
        (["d/train/cane/1.jpg", "d/val/cane/1.jpg"], r"raw/d is split.*give \S*raw/d/train "),
        (["1.jpg", "2.jpg"], r"If raw is one class, give "),
    ],
)
def test_the_folder_of_the_classes_is_named(tmp_path: Path, files: list[str], message: str) -> None:
    for file in files:
        (tmp_path / "raw" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / file).touch()
    with pytest.raises(TracInError, match=message):
        find_raw_files(tmp_path / "raw", english_names=False)


def test_classes_with_folders_of_their_own_are_classes(tmp_path: Path) -> None:
    for file in ("cat/2019/1.jpg", "cat/2020/1.jpg", "dog/train/1.jpg", "birds/none.gif", "1.jpg"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "empty").mkdir()
    raw = find_raw_files(tmp_path, english_names=False)
    assert [(file.class_name, file.target) for file in raw.files] == [
        ("cat", "2019_1"),
        ("cat", "2020_1"),
        ("dog", "train_1"),
    ]
    assert {each.path: each.reason for each in raw.left_out} == {
        "1.jpg": "in no class folder",
        "birds": "a class folder without images",
        "birds/none.gif": "not an image: its name ends in .gif",
        "empty": "a class folder without images",
    }


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], "has no class folders"),
        (["raw-img/cane", "raw-img/gatto"], "Give .*raw-img"),
        (["cane", "dog"], "two folders for the class dog"),
        (["cane", "gatto"], "holds no images"),
    ],
)
def test_unexpected_raw_folders_are_refused(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for folder in folders:
        (raw / folder).mkdir(parents=True)
    with pytest.raises(TracInError, match=message):
        find_raw_files(raw, english_names=True)
