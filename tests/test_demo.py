"""tracin.demo: the tree of digits, the planted labels, and that a second call finds both whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from tracin import demo
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.errors import TracInError
from tracin.images import Crop, find_images
from tracin.training.settings import Recipe

TRUE = load_digits().target


def quiet(_text: str) -> None:
    pass


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny images gain nothing from more threads, and on a busy machine lose much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "data"
    demo._make_data(folder, 0, quiet)
    return folder


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same code for seconds instead of a minute: few and tiny images, one epoch."""
    few = load_digits()
    few.images, few.target = few.images[:200], few.target[:200]
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: few)
    recipe = demo.demo_recipe
    short = {"epochs": 1, "batch_size": 64, "crop": Crop(8, 8), "checkpoints": 3}

    def short_recipe(seed: int = 0) -> Recipe:
        return replace(recipe(seed), **short)  # type: ignore[arg-type]

    monkeypatch.setattr(demo, "demo_recipe", short_recipe)


def true_class(path: str) -> str:
    return demo.CLASS_NAMES[TRUE[int(Path(path).stem.removeprefix("digit_"))]]


def test_writes_every_digit_once_in_stratified_folders(data: Path) -> None:
    train, test = find_images(data)
    assert sorted(Path(path).name for path in (*train.paths, *test.paths)) == [
        f"digit_{number:04d}.png" for number in range(1797)
    ]
    assert set(train.class_names) == set(demo.CLASS_NAMES)
    counts = Counter(true_class(path) for path in test.paths)
    for name, count in counts.items():
        assert count == round(0.2 * int((demo.CLASS_NAMES.index(name) == TRUE).sum()))
    with Image.open(data / train.paths[0]) as image:
        assert (image.size, image.mode) == ((64, 64), "L")
        assert np.asarray(image).mean() > 128  # dark ink on white paper


def test_planted_labels_are_the_wrong_ones_and_all_of_them(data: Path) -> None:
    train, test = find_images(data)
    planted = pd.read_csv(data / demo.PLANTED_LABELS).set_index("train_path")
    wrong = {path for path in train.paths if Path(path).parts[1] != true_class(path)}
    assert wrong == set(planted.index)
    assert len(wrong) == round(0.05 * len(train))
    for path, row in planted.iterrows():
        assert row.given_class == Path(str(path)).parts[1] != row.true_class
        assert row.true_class == true_class(str(path))
    assert all(Path(path).parts[1] == true_class(path) for path in test.paths)


def test_same_seed_writes_the_same_tree(data: Path, tmp_path: Path) -> None:
    demo._make_data(tmp_path / "again", 0, quiet)
    demo._make_data(tmp_path / "other", 1, quiet)
    stamps = [folder / "demo.sha256" for folder in (data, tmp_path / "again", tmp_path / "other")]
    texts = [stamp.read_text(encoding="utf-8") for stamp in stamps]
    assert texts[0] == texts[1] != texts[2]


def test_killed_while_writing_leaves_no_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_csv", fails)
        with pytest.raises(KeyboardInterrupt):
            demo._make_data(tmp_path / "data", 0, quiet)
    assert list(tmp_path.iterdir()) == []
    left = tmp_path / ".unfinished-0123456789abcdef" / "data" / "train"  # by a killed process
    left.mkdir(parents=True)
    demo._make_data(tmp_path / "data", 0, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_changed_or_foreign_data_is_refused_and_kept(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TracInError, match="files that the demo did not make"):
        demo._make_data(tmp_path, 0, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(TracInError, match="made with another seed than 1"):
        demo._make_data(data, 1, quiet)
    moved = next((data / "train" / "one").iterdir())
    try:
        moved.rename(data / "train" / "two" / moved.name)
        with pytest.raises(TracInError, match="was changed since the demo made it"):
            demo._make_data(data, 0, quiet)
    finally:
        (data / "train" / "two" / moved.name).rename(moved)


def file_times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("short_training")
def test_second_call_reuses_data_and_checkpoints(tmp_path: Path) -> None:
    folders = tmp_path / "data", tmp_path / "models"
    said: list[str] = []
    first = demo.make_demo(*folders, say=said.append)
    checkpoint = load_checkpoint(first.checkpoints[-1], sorted(demo.CLASS_NAMES))
    assert checkpoint.head_widths == (2048, 512, 256, 10)
    assert checkpoint.extras["class_weights"] == "none"
    times = file_times(tmp_path)
    said.clear()
    assert demo.make_demo(*folders, say=said.append) == first
    assert len(said) == 2 and all(text.endswith("already there.") for text in said)
    assert file_times(tmp_path) == times
