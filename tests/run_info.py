"""An example of what run.json holds."""

from __future__ import annotations

from tracin.image_folder import LeftOut
from tracin.results.run_info import CheckpointInfo, PrecisionError, RunInfo, SkippedImage


def example_run_info() -> RunInfo:
    """A run with two checkpoints, a skipped image, and names outside ASCII."""
    checkpoints = tuple(
        CheckpointInfo(
            path=f"models/{name}.pth",
            sha256="0" * 64,
            learning_rate=rate,
            learning_rate_source="flag",
            label_smoothing=0.1,
            class_weights=weights,
            head_widths=(2048, 512, 256, 2),
            head_activation="leaky_relu",
            head_activation_assumed=True,
        )
        for name, rate, weights in (("a", 1e-3, None), ("b", 1e-4, (0.5, 1.5)))
    )
    return RunInfo(
        tracin_version="0.1.0",
        created="2026-01-01T00:00:00+00:00",
        command=("TracIn_Resnet50.py", "--data_dir", "data/ü"),
        method="tracin",
        damping=None,
        data_dir="/data/ü",
        train_split="train",
        test_split="test",
        class_names=("cat", "狗"),
        train_images=4,
        test_images=2,
        train_images_found=5,
        test_images_found=2,
        skipped=(SkippedImage("train/cat/x.jpg", "UnidentifiedImageError"),),
        left_out=(LeftOut("train/cat/y.gif", "not an image: its name ends in .gif"),),
        checkpoints=checkpoints,
        layer="model.fc.4",
        precision="bfloat16",
        precision_error=PrecisionError(20, 10, 0.99, (0.98, 0.995)),
        device="cpu",
        batch_size=32,
        num_workers=1,
        seed=0,
        resize_size=256,
        crop_size=224,
        kept_features=0,
        top_k=10,
        suspects=1,
        score_min=-1e-5,
        score_max=1e-4,
        test_accuracy=0.5,
        seconds={"total": 1.5},
        versions={"torch": "2.11"},
    )
