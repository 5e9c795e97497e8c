"""Checkpoint file → the ResNet50's backbone and head, checked against the classes.

A checkpoint is weights and, at most, a few numbers beside them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models import resnet50

from tracin.compute.model.stored import json_beside, stored_classes
from tracin.errors import TracInError
from tracin.flags import HeadActivation
from tracin.hashing import file_sha256
from tracin.weights import StateDict, read_weights
from tracin.weights_file import check_there
from tracin.wording import count, first_few

FEATURE_WIDTH = 2048
"""Width of ResNet50's pooled feature, the input of the head."""

NAMES_SHOWN = 12
"""Classes that a message names: all of most data sets."""

ACTIVATIONS: dict[HeadActivation, type[nn.Module]] = {
    "leaky_relu": nn.LeakyReLU,  # slope 0.01, torch's default and Animals-10's
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "none": nn.Identity,  # Linear, Dropout, Linear
}
ASSUMED_ACTIVATION: HeadActivation = "leaky_relu"


@dataclass(frozen=True)
class Checkpoint:
    """A ResNet50 ready for use, in eval mode, float32, on the CPU, without gradients."""

    path: Path
    sha256: str
    backbone: nn.Module
    """Images (n, 3, h, w) → pooled features (n, 2048)."""
    hidden: nn.Sequential
    """Pooled features (n, 2048) → activations (n, d), the input of the last Linear."""
    last: nn.Linear
    """Activations (n, d) → logits (n, C)."""
    layer: str
    """The last Linear's name in the file, such as ``model.fc.4``."""
    head_widths: tuple[int, ...]
    head_activation: HeadActivation | None
    """None where the head has no two Linears with room for an activation between them."""
    head_activation_assumed: bool
    extras: dict[str, Any]
    """What stood beside the weights: numbers, text, lists."""
    class_order: tuple[int, ...] | None = None
    """(C,): the file's output for each class of the folders, where the file stores another order;
    ``last`` is in the folders' order."""


def load_checkpoint(
    path: Path, class_names: Sequence[str], head_activation: HeadActivation | None = None
) -> Checkpoint:
    """The ResNet50 that ``path`` holds.

    Args:
        path: a ``.pth``/``.pt`` file that ``torch.save`` wrote, or a ``.safetensors`` file.
        class_names: the classes of the training folder, in the order of their indices.
        head_activation: between the head's Linears, which the weights cannot tell; None assumes
            LeakyReLU(0.01).

    Raises:
        TracInError: the file is missing, damaged, needs code to load, is no ResNet50, has another
            number of classes or others than the folders, or holds NaN or infinite weights.
    """
    check_there(path)
    weights = read_weights(path)
    state = dict(weights.state)
    positions = _linear_positions(state, path)
    head_state = {key: state.pop(key) for key in list(state) if key.startswith("fc.")}
    linears = [_linear(head_state, position, path) for position in positions]
    _check_head(linears, class_names, path)
    stored = stored_classes(weights.extras) or stored_classes(json_beside(path))
    class_order = _class_order(stored, class_names, path)
    last = linears[-1] if class_order is None else _reordered(linears[-1], class_order)
    chosen = head_activation or ASSUMED_ACTIVATION
    layers, uses_activation = _head_layers(linears, positions, chosen)
    last_position = positions[-1]
    return Checkpoint(
        path=path,
        sha256=file_sha256(path),
        backbone=_backbone(state, path),
        hidden=nn.Sequential(*layers[:-1]).eval().requires_grad_(False),
        last=last.eval().requires_grad_(False),
        layer=weights.prefix + ("fc" if last_position is None else f"fc.{last_position}"),
        head_widths=(linears[0].in_features, *(linear.out_features for linear in linears)),
        head_activation=chosen if uses_activation else None,
        head_activation_assumed=uses_activation and head_activation is None,
        extras=weights.extras,
        class_order=class_order,
    )


def _linear_positions(state: StateDict, path: Path) -> list[int | None]:
    """Positions of the head's Linears in their Sequential; [None] where fc is a single Linear."""
    head = [key for key in state if key.startswith("fc.")]
    if any(key in ("fc.weight", "fc.bias") for key in head):
        positions: list[int | None] = [None]
    else:
        found = {
            int(m.group(1))
            for key in head
            if (m := re.match(r"fc\.(\d{1,6})\.(weight|bias)$", key))
        }
        positions = [*sorted(found)]
    if not head:
        raise _headless(state, path)
    if not positions:
        positions = [None]  # of an unknown form: the comparison names the keys
    names = [_head_key(position, kind) for position in positions for kind in ("weight", "bias")]
    _compare_keys(set(names), set(head), path)
    for name in names:
        dimensions = 2 if name.endswith("weight") else 1
        if state[name].ndim != dimensions:
            raise TracInError(
                f"{path}: {name} has {count(state[name].ndim, 'dimension')}, and a Linear's has "
                f"{dimensions}. The head may hold Linears and activations only."
            )
    return positions


def _headless(state: StateDict, path: Path) -> TracInError:
    likely = [k for k, v in state.items() if v.ndim == 2 and v.shape[1] == FEATURE_WIDTH]
    if likely:
        return TracInError(
            f"{path} has a last layer that is not called fc: it may be {first_few(likely)}. Name "
            "it fc, as torchvision's ResNet50 does, and save the state_dict again."
        )
    return TracInError(
        f"{path} has no head: there is no fc.weight or fc.0.weight among its keys "
        f"({first_few(sorted(state))}). TracIn needs the ResNet50 with its last layers."
    )


def _head_key(position: int | None, kind: str) -> str:
    return f"fc.{kind}" if position is None else f"fc.{position}.{kind}"


def _compare_keys(expected: set[str], found: set[str], path: Path) -> None:
    facts = [
        f"{count(len(keys), f'{word} key')} ({first_few(sorted(keys))})"
        for word, keys in (("missing", expected - found), ("unexpected", found - expected))
        if keys
    ]
    if facts:
        raise TracInError(
            f"{path} does not fit a torchvision ResNet50 with a head of Linears: "
            f"{' and '.join(facts)}. Save the state_dict of such a model."
        )


def _linear(state: StateDict, position: int | None, path: Path) -> nn.Linear:
    weight, bias = (state[_head_key(position, kind)] for kind in ("weight", "bias"))
    if len(bias) != len(weight):
        raise TracInError(
            f"{path}: {_head_key(position, 'weight')} has {len(weight)} rows and its bias "
            f"{len(bias)} values. The file is damaged; save it again."
        )
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    linear.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return linear


def _check_head(linears: Sequence[nn.Linear], class_names: Sequence[str], path: Path) -> None:
    widths = [FEATURE_WIDTH, *(linear.out_features for linear in linears)]
    for linear, width in zip(linears, widths, strict=False):
        if linear.in_features != width:
            raise TracInError(
                f"{path}: a Linear of the head takes {linear.in_features} values and gets {width}. "
                "The head must be a chain of Linears that starts at ResNet50's 2048 features."
            )
    if widths[-1] != len(class_names):
        raise TracInError(
            f"{path} was trained for {count(widths[-1], 'class')} and the training folder has "
            f"{len(class_names)} ({first_few(class_names, NAMES_SHOWN)}). Give the data it was "
            "trained on with --data_dir, and remove folders that are not classes."
        )


def _class_order(
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


def _reordered(linear: nn.Linear, outputs: Sequence[int]) -> nn.Linear:
    """A Linear whose output k is output ``outputs[k]`` of ``linear``."""
    rows = torch.tensor(outputs)
    reordered = nn.Linear(linear.in_features, linear.out_features, device="meta")
    state = {key: value[rows] for key, value in linear.state_dict().items()}
    reordered.load_state_dict(state, assign=True)
    return reordered


def _head_layers(
    linears: Sequence[nn.Linear], positions: Sequence[int | None], activation: HeadActivation
) -> tuple[list[nn.Module], bool]:
    """(the head's layers in order, whether an activation stands among them).

    Two Linears at neighbouring positions leave no room for an activation between them.
    """
    layers: list[nn.Module] = [linears[0]]
    used = False
    for linear, (before, here) in zip(linears[1:], itertools.pairwise(positions), strict=True):
        if before is not None and here is not None and here - before > 1:
            layers.append(ACTIVATIONS[activation]())
            used = True
        layers.append(linear)
    return layers, used


def _backbone(state: StateDict, path: Path) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = resnet50(weights=None)
    model.fc = nn.Identity()
    expected = model.state_dict()
    for key in expected:
        if key.endswith("num_batches_tracked"):  # a counter that evaluation does not use
            state.setdefault(key, torch.zeros(()))
    _compare_keys(set(expected), set(state), path)
    for key, value in expected.items():
        if state[key].shape != value.shape:
            raise TracInError(
                f"{path}: {key} has shape {tuple(state[key].shape)}, a ResNet50's has "
                f"{tuple(value.shape)}. Only ResNet50 checkpoints are read."
            )
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)
