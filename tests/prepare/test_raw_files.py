"""The raw folder: names that do not collide, and folders that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prepare.raw_photos import piece, prepare_quietly
from tracin.errors import TracInError
from tracin.prepare.raw_files import find_raw_files


def test_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "cat"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("1.jpg", "1.png", "more/1.jpg", "1.JPEG")):
        piece(number).save(folder / name)
    prepare_quietly(tmp_path / "raw", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.jpg"))
    assert names == ["1.jpg", "1_2.jpg", "1_3.jpg", "more_1.jpg"]


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
