"""What a run tells its user on the way: one sentence each."""

from __future__ import annotations

from pathlib import Path

from tracin.compute.model.checkpoint import Checkpoint
from tracin.images import Crop
from tracin.results.run_info import CheckpointInfo, PrecisionError


def checkpoint(info: CheckpointInfo) -> str:
    """What was read from a checkpoint, and what was assumed."""
    text = (
        f"{Path(info.path).name}: learning rate {info.learning_rate:g} "
        f"({info.learning_rate_source}), head {'→'.join(map(str, info.head_widths))}"
    )
    if info.head_activation:
        text += f", {info.head_activation} between its Linears"
    if info.head_activation_assumed:
        text += " (assumed: the file does not tell; --head_activation sets another)"
    if info.label_smoothing:
        text += f", label smoothing {info.label_smoothing:g}"
    if info.class_weights:
        text += ", class weights"
    return text


def other_sizes(loaded: Checkpoint, crop: Crop) -> str:
    """A warning where the checkpoint was trained on images of another size; else nothing."""
    stored = [loaded.extras.get(name) for name in ("resize_size", "crop_size")]
    if None in stored or stored == [crop.resize_size, crop.crop_size]:
        return ""
    return (
        f"Note: {loaded.path} was trained to see images at --resize_size {stored[0]} --crop_size "
        f"{stored[1]}, and this run shows them at {crop.resize_size} and {crop.crop_size}."
    )


def precision(name: str, error: PrecisionError) -> str:
    """What a faster precision costs."""
    return (
        f"{name} against float32, on {error.train_images} × {error.test_images} images of this "
        f"run: rank correlation {error.rank_correlation:.4f} per test image, "
        f"{error.top_ten_overlap:.0%} of the ten highest scores the same."
    )


def averaged_gauss_newton(checkpoints: int) -> str:
    """Advice where Gauss-Newton scores are averaged over several checkpoints."""
    return (
        f"Note: Gauss-Newton scores are averaged over {checkpoints} checkpoints. Of one training, "
        "the last checkpoint alone predicts retraining better (docs/quality.md)."
    )


def no_duplicates() -> str:
    """A warning where duplicates are not looked for."""
    return (
        "Note: there are too many pairs of images to compare them all, so that duplicates are not "
        "looked for and duplicates.csv stays empty."
    )


def slow_bfloat16() -> str:
    """A warning where bfloat16 is emulated."""
    return (
        "Note: this device does not compute in bfloat16 itself. --precision float32 is faster and "
        "exact."
    )
