"""What becomes of every file: names that are taken, and classes that stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clean.photos import FILES, clean, write_actions


def test_names_that_some_file_systems_take_for_one(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "train/dog/A.JPG").write_text("a")
    (data_dir / "train/cat/a.jpg").write_text("b")
    assert clean(data_dir, write_actions(tmp_path, "train/cat/a.jpg,relabel,dog")) == 0
    assert (tmp_path / "clean/train/dog/a_from_cat.jpg").exists()


def test_a_class_is_not_emptied(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{name},delete," for name in FILES if name.startswith("train/dog")]
    assert clean(data_dir, write_actions(tmp_path, *rows)) == 1
    assert "leave no training image in class dog" in capsys.readouterr().err
    assert not (tmp_path / "clean").exists()


def test_no_folder_of_test_images_is_emptied(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["test/cat/1.jpg,delete,", "test/dog/1.jpg,delete,"]
    assert clean(data_dir, write_actions(tmp_path, *rows)) == 1
    assert "leave no image in test/" in capsys.readouterr().err
    assert not (tmp_path / "clean").exists()
    assert clean(data_dir, write_actions(tmp_path, rows[0])) == 0  # a class may lose its own
