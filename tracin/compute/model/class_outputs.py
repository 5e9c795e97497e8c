"""The outputs of a model ↔ the classes of a run: as many, and in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from tracin.errors import TracInError
from tracin.wording import count, first_few

NAMES_SHOWN = 12
"""Classes that a message names: all of most data sets."""


def check_classes(classes: int, class_names: Sequence[str], path: Path) -> None:
    """Check that a model with so many outputs can be one for these classes.

    Raises:
        TracInError: there are not as many.
    """
    if classes != len(class_names):
        raise TracInError(
            f"{path} was trained for {count(classes, 'class')} and the training folder has "
            f"{len(class_names)} ({first_few(class_names, NAMES_SHOWN)}). Give the data it was "
            "trained on with --data_dir, and remove folders that are not classes."
        )


def output_order(
    stored: Sequence[str] | None, class_names: Sequence[str], path: Path
) -> tuple[int, ...] | None:
    """(C,): the output of the file for each class; None where the orders are the same or unknown.

    Raises:
        TracInError: the file stores other classes.
    """
    if stored is None or list(stored) == list(class_names):
        return None
    if sorted(stored) != sorted(class_names):
        trained = first_few(stored, NAMES_SHOWN)
        raise TracInError(
            f"{path} was trained for the classes {trained}, and the training folder has "
            f"{first_few(class_names, NAMES_SHOWN)}. Give the data it was trained on with "
            "--data_dir, or rename the class folders as they were called in training."
        )
    return tuple(stored.index(name) for name in class_names)


def reordered(linear: nn.Linear, outputs: Sequence[int]) -> nn.Linear:
    """A Linear whose output k is output ``outputs[k]`` of ``linear``."""
    rows = torch.tensor(outputs)
    size, bias = (linear.in_features, linear.out_features), linear.bias is not None
    reordered = nn.Linear(*size, bias=bias, device="meta")
    state = {key: value[rows] for key, value in linear.state_dict().items()}
    reordered.load_state_dict(state, assign=True)
    return reordered
