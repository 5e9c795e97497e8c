"""Copies of the strongest images, and never a file outside the results."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.analyze.words.test_findings import cats, run_of
from tracin.analyze.figures.summary import RankedImage
from tracin.analyze.gallery import copy_gallery, plan_gallery

HEADER = b"P5 1 1 255\n"
"""Of a small grey image."""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    for name in ("train/cat/a b 🐱.jpg", "train/dog/..jpg", "train/dog/x.jpg"):
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(HEADER + name.encode())
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "data"


def ranked(*paths: str | None) -> tuple[RankedImage, ...]:
    return tuple(RankedImage(10 * k, 1.0, path, "cat") for k, path in enumerate(paths))


def test_copies_are_named_by_rank_row_and_file(data_dir: Path, tmp_path: Path) -> None:
    one = cats(
        helpful=ranked("train/cat/a b 🐱.jpg", "train/dog/x.jpg"), harmful=ranked("train/dog/..jpg")
    )
    results_dir = tmp_path / "results"
    gallery = plan_gallery(data_dir, run_of(one), {"cat": "cat"})
    assert not results_dir.exists()  # a plan writes nothing
    copy_gallery(gallery, results_dir)
    copies = {
        file.relative_to(results_dir).as_posix(): file.read_bytes().removeprefix(HEADER).decode()
        for file in results_dir.rglob("*")
        if file.is_file()
    }
    assert copies == {
        "top_influences/cat/positive/rank_01_train_0_a b 🐱.jpg": "train/cat/a b 🐱.jpg",
        "top_influences/cat/positive/rank_02_train_10_x.jpg": "train/dog/x.jpg",
        "top_influences/cat/negative/rank_01_train_0__..jpg": "train/dog/..jpg",
    }


def test_missing_and_foreign_files_are_counted(data_dir: Path, tmp_path: Path) -> None:
    paths = ("train/cat/gone.jpg", "../secret.txt", None, "train/dog/x.jpg", "train/cat/gone.jpg")
    one = cats(helpful=ranked(*paths), harmful=())
    gallery = plan_gallery(data_dir, run_of(one), {"cat": "cat"})
    assert gallery.not_found == ("train/cat/gone.jpg", "../secret.txt")
    assert [source for source, _ in gallery.copies] == [data_dir / "train/dog/x.jpg"]


def test_a_hundred_ranks_sort_as_text(data_dir: Path, tmp_path: Path) -> None:
    one = replace(cats(), helpful=ranked(*["train/dog/x.jpg"] * 100), harmful=())
    gallery = plan_gallery(data_dir, run_of(one), {"cat": "cat"})
    names = [Path(target).name for _, target in gallery.copies]
    assert names == sorted(names)
    assert names[0].startswith("rank_001_")


def test_only_images_below_the_data_folder_are_copied(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (data_dir / "train/dog/x.jpg").rename(tmp_path / "pool/x.jpg")
    (data_dir / "train/linked").symlink_to(tmp_path / "pool")  # a class folder may be elsewhere
    (data_dir / "train/dog/secret.jpg").symlink_to(tmp_path / "secret.txt")
    (data_dir / "train/dog/notes.txt").write_bytes(HEADER + b"x")
    os.mkfifo(data_dir / "train/dog/pipe.jpg")
    wrong = [f"train/dog/{name}" for name in ("secret.jpg", "notes.txt", "pipe.jpg")]
    wrong += [str(tmp_path / "pool/x.jpg"), "train/dog/../../../pool/x.jpg", "train", "x" * 5000]
    one = cats(helpful=ranked(*wrong, "train/linked/x.jpg"), harmful=())
    gallery = plan_gallery(data_dir, run_of(one), {"cat": "cat"})
    assert gallery.not_found == tuple(wrong)
    assert [source for source, _ in gallery.copies] == [data_dir / "train/linked/x.jpg"]
