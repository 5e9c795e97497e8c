"""What a run says of the folder that its images stand in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracin.compute.config import RunConfig
from tracin.compute.run_images import find_run_images


def said_of(data_dir: Path, *files: str) -> list[str]:
    for file in files:
        (data_dir / file).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / file).touch()
    said: list[str] = []
    find_run_images(RunConfig((), data_dir, data_dir / "results"), said.append)
    return said


def test_a_class_without_training_images_is_named(tmp_path: Path) -> None:
    files = ["train/ant/1.jfif", "train/ant/2.jfif", "train/bee/1.jpg", "test/ant/1.jpg"]
    assert said_of(tmp_path, *files) == [
        "Not used, 3 in all: train/ant (a class folder without images); train/ant/1.jfif and "
        "1 more (not an image: its name ends in .jfif)."
    ]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_what_serves_in_place_of_a_flat_test_folder_is_named(tmp_path: Path, name: str) -> None:
    assert said_of(tmp_path, "train/a/1.jpg", f"{name}/a/2.jpg", "test/0001.jpg") == [
        f"{tmp_path}/test has no images in class folders: those in {tmp_path}/{name} are the test "
        "images.",
        "Not used, 1 in all: test/0001.jpg (in no class folder).",
    ]


def test_a_folder_all_of_whose_files_are_used_is_passed_in_silence(tmp_path: Path) -> None:
    assert said_of(tmp_path, "train/a/1.jpg", "test/a/2.jpg") == []
