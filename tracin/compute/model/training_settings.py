"""What a checkpoint was trained with: its learning rate and loss, from flags or from itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.model.stored import json_beside, plain, shown, stored_number
from tracin.errors import TracInError
from tracin.images import ImageTable
from tracin.loss import Loss, balanced_weights

DEFAULT_LEARNING_RATE = 1e-4
LEARNING_RATE_KEYS = ("learning_rate_head", "learning_rate", "lr")
"""Names under which a checkpoint may keep its rate; the head's own first, since the scored layer
is in the head."""
LABEL_SMOOTHING_KEY = "label_smoothing"
CLASS_WEIGHTS_KEY = "class_weights"


@dataclass(frozen=True)
class TrainingSettings:
    """How a checkpoint enters the sum: with its learning rate and its loss."""

    learning_rate: float
    source: str
    """Of the rate: "flag", "checkpoint", "JSON beside it" or "default"."""
    loss: Loss


def training_settings(
    checkpoint: Checkpoint,
    table: ImageTable,
    *,
    learning_rate: float | None,
    label_smoothing: float | None,
    class_weights: str | None,
) -> TrainingSettings:
    """The settings of ``checkpoint``: a flag's value, else what the checkpoint stores, else plain.

    A checkpoint stores values beside its state dict or in a JSON file of the same name.

    Args:
        checkpoint: with its extras.
        table: all training images found, whose classes "balanced" weighs.
        learning_rate: of the flag, or None.
        label_smoothing: of the flag, or None.
        class_weights: of the flag, "none" or "balanced", or None.

    Raises:
        TracInError: a stored value is not what its name says.
    """
    beside = json_beside(checkpoint.path) if checkpoint.path.is_file() else {}  # or a mere name
    stored = {**beside, **checkpoint.extras}
    stored = {key: value for key, value in stored.items() if value is not None}
    rate, source = learning_rate, "flag"
    if rate is None:
        key = next((key for key in LEARNING_RATE_KEYS if key in stored), None)
        rate = DEFAULT_LEARNING_RATE if key is None else _number(stored[key], key, checkpoint.path)
        origin = "checkpoint" if key in checkpoint.extras else "JSON beside it"
        source = "default" if key is None else origin
    if label_smoothing is None:
        value = stored.get(LABEL_SMOOTHING_KEY, 0.0)
        label_smoothing = _number(value, LABEL_SMOOTHING_KEY, checkpoint.path)
    weights = stored.get(CLASS_WEIGHTS_KEY) if class_weights is None else class_weights
    return TrainingSettings(
        rate, source, Loss(label_smoothing, _weights(weights, table, checkpoint))
    )


def _number(value: Any, key: str, path: Path) -> float:
    number = stored_number(value)
    limit = 1.0 if key == LABEL_SMOOTHING_KEY else math.inf
    positive = number > 0.0 or key not in LEARNING_RATE_KEYS
    if not (0.0 <= number < limit and positive):
        flag = "learning_rate" if key in LEARNING_RATE_KEYS else key
        raise TracInError(
            f"{path}, or the JSON beside it, stores {key} = {shown(value)}, which cannot be used. "
            f"Set it with --{flag}."
        )
    return number


def _weights(value: Any, table: ImageTable, checkpoint: Checkpoint) -> tuple[float, ...] | None:
    """The weights of the classes in the folders' order."""
    path, classes = checkpoint.path, len(table.class_names)
    if value is None or value == "none":
        return None
    if value == "balanced":
        return balanced_weights(torch.from_numpy(table.labels), classes)
    values = plain(value)
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != classes:
        raise TracInError(
            f"{path} stores {CLASS_WEIGHTS_KEY} = {shown(value)}, not {classes} numbers. Set "
            "--class_weights none or --class_weights balanced."
        )
    numbers = [_number(weight, CLASS_WEIGHTS_KEY, path) for weight in values]
    return tuple(numbers[output] for output in checkpoint.class_order or range(classes))
