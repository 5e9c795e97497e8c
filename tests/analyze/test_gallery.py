"""Copies of the strongest images, and never a file outside the results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.analyze.words.test_findings import cats, run_of
from tracin.analyze.figures.summary import RankedImage
from tracin.analyze.gallery import copy_gallery, plan_gallery


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    for name in ("train/cat/a b 🐱.jpg", "train/dog/..jpg", "train/dog/x.jpg"):
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "data"


def ranked(*paths: str | None) -> tuple[RankedImage, ...]:
    return tuple(RankedImage(10 * k, 1.0, path, "cat") for k, path in enumerate(paths))


def test_copies_are_named_by_rank_row_and_file(data_dir: Path, tmp_path: Path) -> None:
    one = cats(
        helpful=ranked("train/cat/a b 🐱.jpg", "train/dog/x.jpg"), harmful=ranked("train/dog/..jpg")
    )
    results_dir = tmp_path / "results"
    gallery = plan_gallery(results_dir, data_dir, run_of(one), {"cat": "cat"})
    assert not results_dir.exists()  # a plan writes nothing
    copy_gallery(gallery)
    copies = {
        file.relative_to(results_dir).as_posix(): file.read_bytes().decode()
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
    gallery = plan_gallery(tmp_path / "results", data_dir, run_of(one), {"cat": "cat"})
    assert gallery.not_found == ("train/cat/gone.jpg", "../secret.txt")
    assert [source for source, _ in gallery.copies] == [data_dir / "train/dog/x.jpg"]


def test_a_hundred_ranks_sort_as_text(data_dir: Path, tmp_path: Path) -> None:
    one = replace(cats(), helpful=ranked(*["train/dog/x.jpg"] * 100), harmful=())
    gallery = plan_gallery(tmp_path, data_dir, run_of(one), {"cat": "cat"})
    names = [target.name for _, target in gallery.copies]
    assert names == sorted(names)
    assert names[0].startswith("rank_001_")
