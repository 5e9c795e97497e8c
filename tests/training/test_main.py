"""The training as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.forked import ForkServer
from tests.real_data import CLASS_NAMES, write_image_tree
from tests.training.short import FLAGS
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.training import outputs
from tracin.training.__main__ import main


def test_unreadable_image_is_named_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image_tree(tmp_path / "data", train_per_class=2, test_per_class=1, size=32)
    broken = tmp_path / "data" / "train" / "cat" / "cat_00001.jpg"
    broken.write_bytes(broken.read_bytes()[:100])
    flags = ["--data_dir", str(tmp_path / "data"), "--output_dir", str(tmp_path / "models")]
    assert main([*flags, *FLAGS]) == 1
    error = capsys.readouterr().err
    assert str(broken) in error and "Traceback" not in error


def test_a_poor_model_is_a_warning_on_stderr_and_no_error(
    trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten classes of four tiny images and three epochs teach a new network nothing."""
    assert main(["--data_dir", str(photos), "--output_dir", str(trained), *FLAGS]) == 0
    printed = capsys.readouterr()
    assert "Warning: this model hardly tells the classes apart, if at all.\n" in printed.err
    assert str(trained / outputs.CURVE) in printed.err
    assert "Next: python TracIn_Resnet50.py" in printed.out and "Warning" not in printed.out


def test_two_processes_train_one_model(
    photos: Path, fork_server: ForkServer, tmp_path: Path
) -> None:
    """Started with what torchrun tells its processes; it itself: tests/test_torchrun.py."""
    flags = ["--data_dir", str(photos), "--output_dir", str(tmp_path), *FLAGS]
    flags += ["--epochs", "1", "--checkpoints", "1"]
    ends = [each.end() for each in fork_server.start_ranks(flags, "tracin.training.__main__")]
    output, errors = (
        "".join(texts) for texts in zip(*((e.output, e.errors) for e in ends), strict=True)
    )
    assert [end.status for end in ends] == [0, 0], errors
    assert output.count("Epoch 1 of 2") == 1
    assert errors.count("training from scratch") == 1
    assert errors.count("hardly tells the classes apart") == 1
    history = pd.read_csv(tmp_path / outputs.HISTORY)
    assert list(history.stage) == ["head", "all"]
    # Each epoch takes two whole steps of 16 out of 40 images; ten are kept back.
    manifest = outputs.read_manifest(tmp_path)
    assert manifest is not None
    counted = manifest.facts["outcome"]
    assert (counted["training"]["images"], counted["validation"]["images"]) == (32, 10)
    assert counted["training"]["right"] == round(32 * history.train_accuracy.iloc[-1])
    assert counted["validation"]["right"] == round(10 * history.val_accuracy.iloc[-1])
    assert load_checkpoint(tmp_path / "checkpoint_epoch_02.pth", CLASS_NAMES)
