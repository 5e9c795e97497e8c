"""What a training keeps in its folder, and whether that is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from tests.real_data import CLASS_NAMES
from tests.training.short import config
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.errors import TracInError
from tracin.images import find_images
from tracin.training import outputs
from tracin.training.images import choose_images


def test_name_of_the_best_is_the_products() -> None:
    assert outputs.best_name(0.9796, 0.5963) == "Resnet50_animals10_val_0_9796_0_5963.pth"


def test_keeps_the_best_state_dict_under_its_accuracy_and_loss(trained: Path) -> None:
    history = pd.read_csv(trained / outputs.HISTORY)
    best = history[history.best].iloc[-1]
    path = trained / outputs.best_name(best.val_accuracy, best.val_loss)
    assert list(trained.glob("Resnet50*")) == [path]
    state = torch.load(path, weights_only=True)
    assert state["model.conv1.weight"].shape == (64, 3, 7, 7)
    shapes = [tuple(state[f"model.fc.{position}.weight"].shape) for position in (0, 2, 4)]
    assert shapes == [(512, 2048), (256, 512), (10, 256)]
    assert all(value.is_contiguous() for value in state.values())


def test_checkpoints_say_how_they_were_trained(trained: Path, photos: Path) -> None:
    recipe = config(photos, trained).recipe
    table, _ = find_images(photos)
    loss = choose_images(table, recipe).loss
    paths = sorted(trained.glob("checkpoint_epoch_*.pth"))
    assert [path.name for path in paths] == [outputs.checkpoint_name(epoch) for epoch in (1, 2, 3)]
    history = pd.read_csv(trained / outputs.HISTORY).set_index("epoch")
    for path in paths:
        checkpoint = load_checkpoint(path, CLASS_NAMES)
        extras = checkpoint.extras
        assert checkpoint.layer == "model.fc.4"
        assert extras["learning_rate"] == pytest.approx(history.learning_rate[extras["epoch"]])
        assert extras["label_smoothing"] == 0.1
        assert extras["class_weights"] == pytest.approx(loss.class_weights)
        assert extras["class_names"] == list(CLASS_NAMES)
        assert (extras["resize_size"], extras["crop_size"]) == (36, 32)


def test_curve_and_history_cover_every_epoch(trained: Path) -> None:
    history = pd.read_csv(trained / outputs.HISTORY)
    assert list(history.epoch) == [1, 2, 3]
    assert list(history.stage) == ["head", "all", "all"]
    with Image.open(trained / outputs.CURVE) as picture:
        assert picture.width > 1000


def test_discard_takes_only_the_trainings_own_files(tmp_path: Path) -> None:
    own, other = tmp_path / "checkpoint_epoch_01.pth", tmp_path / "mine.pth"
    for path in (own, other, tmp_path / outputs.STATE):
        path.write_bytes(b"")
    outputs.discard(tmp_path, outputs.Manifest({}, files={own.name: "", "../x": ""}))
    assert list(tmp_path.iterdir()) == [other]


def test_damaged_checkpoint_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_epoch_01.pth"
    outputs.write_tensors({"epoch": 1}, path)
    manifest = outputs.announce(tmp_path, outputs.Manifest({}), path.name)
    finished = outputs.finish(tmp_path, manifest, {})
    assert outputs.is_whole(tmp_path, finished)
    path.write_bytes(path.read_bytes()[:-1])
    assert not outputs.is_whole(tmp_path, finished)


def test_unfinished_or_incomplete_training_is_not_taken_for_whole(trained: Path) -> None:
    manifest = outputs.read_manifest(trained)
    assert manifest is not None
    assert not outputs.is_whole(trained, replace(manifest, finished=False))
    missing = replace(manifest, files={**manifest.files, "checkpoint_epoch_09.pth": "0"})
    assert not outputs.is_whole(trained, missing)


@contextmanager
def full_disk(_path: Path) -> Iterator[Path]:
    yield Path("/dev/full")


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: outputs.write_tensors({"weights": torch.zeros(9999)}, folder / "x.pth"),
        lambda folder: outputs.write_manifest(folder, outputs.Manifest({})),
        lambda folder: outputs.write_history(folder, []),
    ],
)
def test_full_disk_is_a_sentence(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "replacing", full_disk)
    with pytest.raises(TracInError, match=r"cannot be written \(No space left on device\)"):
        write(tmp_path)


def flipped(content: bytes) -> bytes:
    """``content`` with one bit of its 30,000 zeros changed: torch.load reads it without a word."""
    place = content.index(b"\0" * 30_000) + 15_000
    return content[:place] + b"\1" + content[place + 1 :]


@pytest.mark.parametrize(
    "damage", [flipped, lambda content: content[:5000], lambda _content: b"", lambda _content: b"x"]
)
def test_damaged_state_is_a_sentence(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    state = tmp_path / outputs.STATE
    outputs.write_tensors({"model": torch.zeros(9999)}, state)
    assert outputs.read_state(tmp_path) is not None
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(TracInError, match=r"is damaged .* --restart"):
        outputs.read_state(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "[" * 100_000,
        '{"identity": []}',
        '{"identity": {}, "facts": 3}',
        '{"identity": {}, "files": ["a"]}',
        *(
            json.dumps({"identity": {}, "files": {name: ""}})
            for name in ("../x.pth", "notes.txt", "Resnet50_animals10_val_/../../x.pth")
        ),
        '{"identity": {}, "files": {"checkpoint_epoch_01.pth": null}}',
    ],
)
def test_manifest_that_is_none_of_ours_is_a_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / outputs.MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(TracInError, match="is damaged"):
        outputs.read_manifest(tmp_path)
