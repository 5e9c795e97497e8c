"""Whatever tells the images apart, the same images have the same influence."""

from __future__ import annotations

from pathlib import Path

import pytest

import TracIn_Resnet50
from tests.image_lists import rows_of, write_list
from tracin.image_folder import LeftOut
from tracin.images import find_images
from tracin.layout import TREE, Layout
from tracin.results import schema
from tracin.results.run_info import read_run_info


@pytest.fixture(scope="module")
def of_folders(
    checkpoint_path: Path, image_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return score(checkpoint_path, tmp_path_factory.mktemp("folders"), "--data_dir", image_tree)


def score(checkpoint: Path, folder: Path, *words: object) -> Path:
    """Score with the first script into ``folder / "results"``; return that."""
    flags = ("--model_path", checkpoint, "--output_dir", folder / "results", "--no_cache", *words)
    flags += ("--resize_size", 40, "--crop_size", 32, "--num_workers", 0, "--device", "cpu")
    assert TracIn_Resnet50.main([str(flag) for flag in flags]) == 0
    return folder / "results"


def test_lists_give_the_bytes_of_folders(
    checkpoint_path: Path, image_tree: Path, of_folders: Path, tmp_path: Path
) -> None:
    train, test = (
        write_list(tmp_path / f"{split}.csv", rows_of(image_tree, split))
        for split in ("train", "test")
    )
    words = ("--train_list", train, "--test_list", test, "--data_dir", image_tree)
    results = score(checkpoint_path, tmp_path, *words)
    for name in schema.files_of_run(matrix=True):
        if name != schema.RUN_INFO:
            assert (results / name).read_bytes() == (of_folders / name).read_bytes(), name
    layout = read_run_info(results).layout
    assert read_run_info(of_folders).layout == TREE
    assert [table.paths for table in find_images(image_tree, layout)] == [
        table.paths for table in find_images(image_tree)
    ]


def test_lists_with_paths_from_their_own_folders_do_too(
    checkpoint_path: Path,
    image_tree: Path,
    of_folders: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data"
    for split in ("train", "test"):  # as the metadata.csv of Hugging Face's imagefolder
        (data / split).mkdir(parents=True)
        rows = []
        for number, (path, label) in enumerate(rows_of(image_tree, split)):
            (data / split / f"{number}.jpg").symlink_to(image_tree / path)
            rows.append((f"{number}.jpg", f"about {number}", label))
        rows += [("gone.jpg", "", "cat")] if split == "train" else []
        write_list(data / split / "metadata.csv", rows, ("file_name", "text", "label"))
    words = [f"--{split}_list={data / split}/metadata.csv" for split in ("train", "test")]
    results = score(checkpoint_path, tmp_path, *words)
    matrix = schema.INFLUENCE_SCORES
    assert (results / matrix).read_bytes() == (of_folders / matrix).read_bytes()
    assert "Not used, 1 in all: train/gone.jpg (not there)." in capsys.readouterr().out
    run = read_run_info(results)
    assert run.data_dir == str(data)
    assert run.left_out == (LeftOut("train/gone.jpg", "not there"),)
    table = schema.read_table(results, schema.TRAIN_SUMMARY)
    assert list(table["train_path"][:2]) == ["train/0.jpg", "train/1.jpg"]


def test_the_share_is_said_and_recorded(
    checkpoint_path: Path, image_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--data_dir", image_tree / "train", "--test_share", "0.3", "--seed", 5)
    results = score(checkpoint_path, tmp_path, *words)
    assert "20 of 60 images are held back as test images: with --test_share 0.3 and --seed 5" in (
        capsys.readouterr().out
    )
    run = read_run_info(results)
    assert (run.train_images, run.test_images, run.layout) == (40, 20, Layout(None, None, 0.3, 5))
