"""Checkpoint file → the network's backbone and head, checked against the classes.

A checkpoint is weights and, at most, a few numbers beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from tracin.architectures import Architecture, outline, title
from tracin.compute.model.class_outputs import check_classes, output_order, reordered
from tracin.compute.model.head import ASSUMED_ACTIVATION, read_head
from tracin.compute.model.network import Backbone, build_backbone
from tracin.compute.model.recognition import fits, recognise
from tracin.compute.model.stored import json_beside, stored_classes, stored_head_activation
from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE, HeadActivation
from tracin.hashing import file_sha256
from tracin.weights import Weights, read_weights
from tracin.weights_file import check_there


@dataclass(frozen=True)
class Checkpoint:
    """A network ready for use, in eval mode, float32, on the CPU, without gradients."""

    path: Path
    sha256: str
    architecture: str
    """In full, such as ``resnet50`` or ``timm/resnet18d``."""
    backbone: Backbone
    """Images (n, 3, h, w) → pooled features (n, m)."""
    hidden: nn.Sequential
    """Pooled features (n, m) → activations (n, d), the input of the last Linear."""
    last: nn.Linear
    """Activations (n, d) → logits (n, C)."""
    layer: str
    """The last Linear's name in the file, such as ``model.fc.4``."""
    head_widths: tuple[int, ...]
    head_activation: HeadActivation | None
    """None where the head has no two Linears with room for an activation between them, or only
    the architecture's own."""
    head_activation_assumed: bool
    extras: dict[str, Any]
    """What stood beside the weights: numbers, text, lists."""
    class_order: tuple[int, ...] | None = None
    """(C,): the file's output for each class of the folders, where the file stores another order;
    ``last`` is in the folders' order."""
    from_module: bool = False
    """Whether it was handed over in Python: ``path`` may then be a mere name."""

    @property
    def recorded_path(self) -> str:
        """The file's absolute path, or the name of a module."""
        return str(self.path if self.from_module else self.path.resolve())


def load_checkpoint(
    path: Path,
    class_names: Sequence[str],
    head_activation: HeadActivation | None = None,
    architecture: str = "",
) -> Checkpoint:
    """The network that ``path`` holds.

    Args:
        path: a ``.pth``/``.pt`` file that ``torch.save`` wrote, or a ``.safetensors`` file.
        class_names: the classes of the training folder, in the order of their indices.
        head_activation: between the head's Linears, which the weights cannot tell; None takes
            what is stored beside them, or assumes LeakyReLU(0.01).
        architecture: the full name of the network's; "" recognises it.

    Raises:
        TracInError: the file is missing, damaged, needs code to load, is no such network, has
            another number of classes or others than the folders, or holds NaN or infinite weights.
    """
    check_there(path)
    named = outline(architecture) if architecture else None
    weights = read_weights(path, named.marks) if named else read_weights(path)
    beside = json_beside(path)
    if named:  # of the size that the weights tell
        named = outline(architecture, {key: v.shape for key, v in weights.state.items()})
    stored = {**beside, **weights.extras}
    chosen = _choose(weights, named, stored, path)
    known_activation = head_activation or stored_head_activation(stored)
    state = dict(weights.state)
    in_head = {key: state.pop(key) for key in list(state) if chosen.in_head(key)}
    likely = [k for k, v in state.items() if v.ndim == 2 and v.shape[1] == chosen.width]
    head = read_head(chosen, in_head, path, known_activation or ASSUMED_ACTIVATION, likely)
    check_classes(head.last.out_features, class_names, path)
    classes = stored_classes(weights.extras) or stored_classes(beside)
    order = output_order(classes, class_names, path)
    last = head.last if order is None else reordered(head.last, order)
    return Checkpoint(
        path=path,
        sha256=file_sha256(path),
        architecture=chosen.name,
        backbone=build_backbone(chosen, head, state, path),
        hidden=nn.Sequential(*head.hidden),
        last=last.eval().requires_grad_(False),
        layer=weights.prefix + head.name,
        head_widths=head.widths,
        head_activation=head.activation,
        head_activation_assumed=head.activation is not None and known_activation is None,
        extras=weights.extras,
        class_order=order,
    )


def _choose(
    weights: Weights, named: Architecture | None, stored: Mapping[str, Any], path: Path
) -> Architecture:
    """The architecture named by a flag, or else recognised; the ResNet50 where none is.

    What is said of a checkpoint that fits nothing is then said of the ResNet50.

    Raises:
        TracInError: the weights are not those of the one that is named, but of another.
    """
    shapes = {key: value.shape for key, value in weights.state.items()}
    if named and fits(named, shapes):
        return named
    found = recognise(shapes, stored, path)
    if named and found:
        raise TracInError(
            f"{path} is no {title(named.name)}: its weights are those of a {title(found.name)}. "
            "Leave --architecture out, or name that one."
        )
    return named or found or outline(DEFAULT_ARCHITECTURE)
