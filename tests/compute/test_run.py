"""The whole run on real images: its files, its notices, its errors."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.real_data import CLASS_NAMES
from tracin.compute.config import RunConfig
from tracin.compute.run import run
from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.results import schema
from tracin.results.manifest import FileRecord
from tracin.results.run_info import RunInfo, read_run_info


@pytest.fixture
def config(checkpoint_path: Path, image_tree: Path, tmp_path: Path) -> RunConfig:
    return RunConfig(
        (checkpoint_path,),
        image_tree,
        tmp_path / "out",
        resize_size=40,
        crop_size=32,
        use_cache=False,
    )


def run_quietly(config: RunConfig) -> tuple[RunInfo, str]:
    notices: list[str] = []
    info = run(config, notices.append)
    assert info is not None
    return info, "\n".join(notices)


def scores_of(folder: Path) -> np.ndarray:
    return pd.read_csv(folder / schema.INFLUENCE_SCORES).to_numpy(np.float32)


def test_files_of_a_run(config: RunConfig) -> None:
    info, notices = run_quietly(replace(config, train_subset=20, test_subset=10))
    folder = config.output_dir
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        schema.files_of_run(matrix=True)
    )
    scores = scores_of(folder)
    assert scores.shape == (20, 10)

    summary = schema.read_table(folder, schema.INFLUENCE_SUMMARY)
    assert list(summary["test_class"]) == list(CLASS_NAMES)
    np.testing.assert_array_equal(summary["most_helpful_train_idx"], scores.argmax(axis=0))
    np.testing.assert_array_equal(summary["max_positive_influence"], scores.max(axis=0))
    np.testing.assert_array_equal(summary["most_harmful_train_idx"], scores.argmin(axis=0))
    np.testing.assert_array_equal(summary["max_negative_influence"], scores.min(axis=0))
    np.testing.assert_allclose(summary["avg_influence"], scores.mean(axis=0), rtol=1e-3, atol=1e-12)
    np.testing.assert_allclose(summary["positive_share"], (scores > 0).mean(axis=0), rtol=1e-6)

    sure = schema.read_table(folder, schema.PREDICTIONS)
    assert sure["predicted_class"].tolist() == summary["predicted_class"].tolist()
    given = np.exp(-summary["loss"].to_numpy())
    assert (sure["probability"] >= given - 1e-6).all()
    right = summary["correct"].to_numpy()
    np.testing.assert_allclose(sure["probability"][right], given[right], rtol=1e-4)

    train = schema.read_table(folder, schema.TRAIN_SUMMARY)
    assert train["train_class"].value_counts().tolist() == [2] * 10
    assert (train["self_influence"] > 0).all()
    helpful = train["train_class"][summary["most_helpful_train_idx"]]
    assert list(summary["most_helpful_train_class"]) == list(helpful)
    np.testing.assert_allclose(train["loss"], -np.log(train["probability"]), rtol=1e-3)

    assert read_run_info(folder) == info
    assert len(info.run_id) == 32
    assert set(info.files) == set(schema.files_of_run(matrix=True)) - {schema.RUN_INFO}
    for name, record in info.files.items():
        content = (folder / name).read_bytes()
        assert record == FileRecord(len(content), hashlib.sha256(content).hexdigest())
    assert (info.train_images, info.train_images_found, info.test_images) == (20, 60, 10)
    assert (info.score_min, info.score_max) == (scores.min(), scores.max())
    assert info.test_accuracy == summary["correct"].mean()
    assert info.layer == "model.fc.4"
    assert "leaky_relu between its Linears (assumed" in notices


def test_a_second_run_replaces_the_first(config: RunConfig) -> None:
    run_quietly(replace(config, train_subset=30))
    first = scores_of(config.output_dir)
    run_quietly(replace(config, train_subset=10, test_subset=10))
    second = scores_of(config.output_dir)
    assert (first.shape, second.shape) == ((30, 20), (10, 10))
    assert len(schema.read_table(config.output_dir, schema.TRAIN_SUMMARY)) == 10


def test_a_second_run_at_once_is_refused_before_the_passes(config: RunConfig) -> None:
    config.output_dir.mkdir()
    with (
        locked(config.output_dir, ""),
        pytest.raises(TracInError, match=r"in use by process .*name another folder with --output"),
    ):
        run_quietly(config)
    assert list(config.output_dir.iterdir()) == []


def test_subsets_above_the_size_mean_all_and_say_so(config: RunConfig) -> None:
    info, notices = run_quietly(replace(config, train_subset=61, test_subset=10))
    assert info.train_images == 60
    assert "--train_subset 61: there are only 60 images, and all are used" in notices


def copy_tree(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_unreadable_images(config: RunConfig, tmp_path: Path) -> None:
    data_dir = copy_tree(config.data_dir, tmp_path / "data")
    broken = data_dir / "train/cat/cat_00002.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    config = replace(config, data_dir=data_dir)
    with pytest.raises(TracInError, match=r"cat_00002.jpg cannot be read .*--on_error skip"):
        run_quietly(config)
    assert list(config.output_dir.glob("*")) == []

    info, _ = run_quietly(replace(config, skip_unreadable=True))
    assert [image.path for image in info.skipped] == ["train/cat/cat_00002.jpg"]
    paths = list(schema.read_table(config.output_dir, schema.TRAIN_SUMMARY)["train_path"])
    assert len(paths) == info.train_images == 59
    assert "train/cat/cat_00002.jpg" not in paths
    skipped = scores_of(config.output_dir)

    broken.unlink()
    run_quietly(config)
    without = scores_of(config.output_dir)
    np.testing.assert_allclose(skipped, without, atol=1e-5 * np.abs(without).max())


def test_no_readable_image(config: RunConfig, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "data" / split / "cat").mkdir(parents=True)
        (tmp_path / "data" / split / "cat" / "x.png").write_bytes(b"no")
    with pytest.raises(TracInError, match="trained for 10 classes"):
        run_quietly(replace(config, data_dir=tmp_path / "data"))
    for name in CLASS_NAMES:
        for split in ("train", "test"):
            (tmp_path / "data" / split / name).mkdir(exist_ok=True)
        (tmp_path / "data" / "test" / name / "x.png").write_bytes(b"no")
    with pytest.raises(TracInError, match="None of the 1 train images can be read"):
        run_quietly(replace(config, data_dir=tmp_path / "data", skip_unreadable=True))


def test_val_folder_is_used_and_named(config: RunConfig, tmp_path: Path) -> None:
    data_dir = copy_tree(config.data_dir, tmp_path / "data")
    (data_dir / "test").rename(data_dir / "val")
    info, notices = run_quietly(replace(config, data_dir=data_dir, train_subset=10))
    assert info.test_split == "val"
    assert "has no test/ folder: the images in val/ are the test images" in notices


def test_learning_rates_and_losses_of_checkpoints(
    config: RunConfig, model: torch.nn.Module, tmp_path: Path
) -> None:
    """A stored rate and loss are used unless a flag is given; scores add up over checkpoints."""
    stored = tmp_path / "stored.pth"
    beside = tmp_path / "beside.pth"
    torch.save(
        {
            "model_state_dict": model.state_dict(),
            "lr": 5.0,
            "learning_rate_head": 2e-3,
            "label_smoothing": 0.1,
            "resize_size": 256,
            "crop_size": 224,
        },
        stored,
    )
    torch.save(model.state_dict(), beside)
    beside.with_suffix(".json").write_text(json.dumps({"lr": 3e-3, "class_weights": "balanced"}))
    # One backbone in all three: its features are kept after the first run.
    small = replace(config, train_subset=20, test_subset=10, use_cache=True)

    parts = []
    for path in (config.model_paths[0], stored, beside):
        run_quietly(replace(small, model_paths=(path,)))
        parts.append(scores_of(config.output_dir))
    several = replace(small, model_paths=(config.model_paths[0], stored, beside))
    info, notices = run_quietly(several)
    total = scores_of(config.output_dir)
    np.testing.assert_allclose(total, sum(parts), atol=1e-6 * np.abs(total).max())
    assert [(c.learning_rate, c.learning_rate_source) for c in info.checkpoints] == [
        (1e-4, "default"),
        (2e-3, "checkpoint"),
        (3e-3, "JSON beside it"),
    ]
    assert [c.label_smoothing for c in info.checkpoints] == [0.0, 0.1, 0.0]
    assert info.checkpoints[2].class_weights == (1.0,) * 10
    assert "learning rate 0.002 (checkpoint)" in notices
    assert "in training, images were shown with --resize_size 256 --crop_size 224" in notices

    info, _ = run_quietly(replace(several, learning_rates=(1.0, 2.0, 3.0), label_smoothing=0.2))
    assert [c.learning_rate for c in info.checkpoints] == [1.0, 2.0, 3.0]
    assert [c.label_smoothing for c in info.checkpoints] == [0.2] * 3
    info, _ = run_quietly(replace(several, learning_rates=(0.5,)))
    assert [c.learning_rate for c in info.checkpoints] == [0.5] * 3
    with pytest.raises(TracInError, match="2 values for 3 checkpoints"):
        run_quietly(replace(several, learning_rates=(1.0, 2.0)))


def test_what_is_wrong_is_said_before_the_passes(config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(TracInError, match="There is no checkpoint"):
        run(replace(config, model_paths=(tmp_path / "x.pth",), dry_run=True), lambda _: None)
    config.output_dir.write_text("a file")
    with pytest.raises(TracInError, match=r"Cannot write to .*--output_dir"):
        run_quietly(config)


def test_stored_values_must_be_numbers(
    config: RunConfig, model: torch.nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "w.pth"
    cases: list[tuple[dict[str, object], str]] = [
        ({"lr": 0.0}, r"lr = 0.0, .*--learning_rate"),
        ({"label_smoothing": 2}, r"label_smoothing = 2, .*--label_smoothing"),
        ({"class_weights": [1.0] * 9 + [-1.0]}, r"class_weights = -1.0, .*--class_weights"),
        ({"class_weights": [1.0]}, r"not 10 numbers"),
    ]
    for stored, message in cases:
        torch.save({"state_dict": model.state_dict(), **stored}, path)
        with pytest.raises(TracInError, match=message):
            run_quietly(replace(config, model_paths=(path,)))


def test_scores_beyond_float32_are_refused(config: RunConfig) -> None:
    with pytest.raises(TracInError, match="NaN or infinite"):
        run_quietly(replace(config, learning_rates=(3e38,), train_subset=10, test_subset=10))
    assert not (config.output_dir / schema.INFLUENCE_SCORES).exists()
