"""A preparation: train/ and test/ with every class, and the tables beside them."""

from __future__ import annotations

from pathlib import Path

from tests.prepare.raw_photos import prepare_quietly, table
from tracin.prepare.raw_files import ENGLISH


def test_splits_each_class_and_names_it_in_english(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "processed"
    result = prepare_quietly(raw, output)
    assert result is not None
    assert (result.train_images, result.test_images) == (80, 20)
    assert result.class_names == tuple(sorted(ENGLISH.values()))
    for name in result.class_names:
        assert len(list((output / "train" / name).iterdir())) == 8
        assert len(list((output / "test" / name).iterdir())) == 2
    rows = table(output)
    assert len(rows) == 100
    assert all((output / path).is_file() for path in rows.path)
    assert rows["class"]["cane/dog_00000.jpg"] == "dog"
    assert sorted(path.name for path in output.iterdir()) == [
        "near_duplicates.csv",
        "prepared.json",
        "split.csv",
        "test",
        "train",
    ]


def test_keeps_the_folders_names_unless_asked(raw: Path, tmp_path: Path) -> None:
    result = prepare_quietly(raw, tmp_path / "processed", english=False)
    assert result is not None and result.class_names == tuple(sorted(ENGLISH))
