"""What a run tells its user on the way: one sentence each."""

from __future__ import annotations

from pathlib import Path

from tracin.compute.model.checkpoint import Checkpoint
from tracin.images import Crop
from tracin.results.run_info import CheckpointInfo, PrecisionError

MANY_SCORES = 50_000_000
"""From so many scores on, writing them without orjson takes a minute longer."""

SECONDS_PER_SCORE_WITHOUT_ORJSON = 1.1e-6
"""Measured on two cores: 2 million scores in 2.2 s, with orjson in 0.1 s."""


def checkpoint(info: CheckpointInfo) -> str:
    """What was read from a checkpoint, and what was assumed."""
    text = (
        f"{Path(info.path).name}: learning rate {info.learning_rate:g} "
        f"({info.learning_rate_source}), head {'→'.join(map(str, info.head_widths))}"
    )
    if info.head_activation:
        text += f", {info.head_activation} between its Linears"
    if info.head_activation_assumed:
        text += " (assumed: the file does not say; --head_activation sets another)"
    if info.label_smoothing:
        text += f", label smoothing {info.label_smoothing:g}"
    if info.class_weights:
        text += ", class weights"
    return text


def other_sizes(loaded: Checkpoint, crop: Crop) -> str:
    """A warning where the checkpoint was trained on images of another size; else ""."""
    stored = [loaded.extras.get(name) for name in ("resize_size", "crop_size")]
    if None in stored or stored == [crop.resize_size, crop.crop_size]:
        return ""
    return (
        f"Note: {loaded.path} was trained with --resize_size {stored[0]} --crop_size {stored[1]}, "
        f"but this run uses {crop.resize_size} and {crop.crop_size}. If that is not intended, set "
        "both flags to the sizes of the training."
    )


def precision(name: str, error: PrecisionError) -> str:
    """What a faster precision costs."""
    return (
        f"{name} compared with float32 on {error.train_images} × {error.test_images} images of "
        f"this run: the rank correlation per test image is {error.rank_correlation:.4f}, and "
        f"{error.top_ten_overlap:.0%} of the ten highest scores are the same."
    )


def averaged_gauss_newton(checkpoints: int) -> str:
    """Advice where Gauss-Newton scores are averaged over several checkpoints."""
    return (
        f"Note: the Gauss-Newton scores are averaged over {checkpoints} checkpoints. If these come "
        "from one training, the last checkpoint alone predicts retraining better (docs/quality.md)."
    )


def no_duplicates() -> str:
    """A warning where duplicates are not looked for."""
    return (
        "Note: there are too many pairs of images to compare them all, so this run does not look "
        "for duplicates, and duplicates.csv stays empty."
    )


def slow_bfloat16() -> str:
    """A warning where bfloat16 is emulated."""
    return (
        "Note: this processor merely emulates bfloat16, and slowly. --precision float32 is faster "
        "here, and exact."
    )


def slow_text(scores: int) -> str:
    """A warning where a large matrix is written without orjson."""
    minutes = scores * SECONDS_PER_SCORE_WITHOUT_ORJSON / 60
    return (
        f"Note: orjson is not installed, so writing the {scores:,} scores takes about "
        f"{minutes:.0f} min longer. The file is the same. To be faster: pip install orjson"
    )
