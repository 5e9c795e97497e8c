"""What a run tells its user on the way: one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.model.class_outputs import NAMES_SHOWN
from tracin.results.run_info import CheckpointInfo, PrecisionError
from tracin.wording import duration, first_few

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


def reordered_classes(loaded: Checkpoint, class_names: Sequence[str]) -> str:
    """What was done about classes in another order; "" where the orders are the same."""
    if loaded.class_order is None or loaded.from_module:  # who hands over a module says the order
        return ""
    trained = sorted(range(len(class_names)), key=loaded.class_order.__getitem__)
    names = first_few([class_names[row] for row in trained], NAMES_SHOWN)
    return (
        f"{loaded.path.name} stores its classes in an order other than that of the folders "
        f"({names}): its outputs are matched by name."
    )


def precision(name: str, error: PrecisionError) -> str:
    """What a faster precision costs."""
    low, high = error.same_order_interval
    return (
        f"{name} compared with float32 on {error.train_images} × {error.test_images} images of "
        f"this run: of two training images, the same one has the higher score in "
        f"{error.same_order:.1%} of cases (95% interval {low:.1%} to {high:.1%})."
    )


def last_checkpoint_scores(last: Path) -> str:
    """What Gauss-Newton makes of several checkpoints."""
    return (
        f"The Gauss-Newton scores are those of {last.name}, the last checkpoint: it alone predicts "
        "retraining better than an average with earlier ones. All checkpoints judge the labels."
    )


def slow_bfloat16() -> str:
    """A warning where bfloat16 is emulated."""
    return (
        "Note: this processor merely emulates bfloat16, and slowly. --precision float32 is faster "
        "here, and exact."
    )


def slow_text(scores: int) -> str:
    """A warning where a large matrix is written without orjson."""
    longer = duration(scores * SECONDS_PER_SCORE_WITHOUT_ORJSON)
    return (
        f"Note: orjson is not installed, so writing the {scores:,} scores takes about "
        f"{longer} longer. The file is the same. To be faster: pip install orjson"
    )
