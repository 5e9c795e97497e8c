"""Architecture + tensors → the network without its head, proven to end where the head begins."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tracin.architectures import AUXILIARY_HEADS, COUNTER, Architecture, build, title
from tracin.compute.model.head import Head, compare_keys
from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.last_layers import pass_blank
from tracin.pretrained import usual_preprocessing
from tracin.weights import StateDict

FEATURE_WIDTH = 2048
"""Width of ResNet50's pooled feature, the input of the head."""


class Backbone(nn.Module):
    """A network without its head: images (n, 3, h, w) → pooled features (n, ``width``)."""

    def __init__(self, network: nn.Module, architecture: str, width: int) -> None:
        super().__init__()
        self.network, self.architecture, self.width = network, architecture, width

    def forward(self, images: Tensor) -> Tensor:
        """Pooled features (n, ``width``) of images (n, 3, h, w)."""
        features: Tensor = self.network(images)
        return features

    def state_dict(self, *args: Any, **options: Any) -> Any:
        """The network's weights by its own names."""
        return self.network.state_dict(*args, **options)


Shapes = dict[str, torch.Size]
"""Of tensors, by name."""


def body_shapes(architecture: Architecture, shapes: Shapes) -> Shapes:
    """Of a checkpoint's ``shapes``, those that belong to neither the head nor an auxiliary one."""
    own = architecture.shapes
    return {
        key: shape
        for key, shape in shapes.items()
        if not architecture.in_head(key) and (key in own or not key.startswith(AUXILIARY_HEADS))
    }


def build_backbone(
    architecture: Architecture, head: Head, state: StateDict, path: Path
) -> Backbone:
    """The network of ``architecture`` with the weights ``state``, up to where ``head`` begins.

    Args:
        architecture: whose network becomes the backbone's.
        head: with the layers that stand before its first Linear.
        state: the tensors that do not belong to the head.
        path: of the checkpoint, for messages.

    Raises:
        TracInError: the tensors are not those of the architecture, or this goes on after its head.
    """
    own = architecture.shapes
    for key in own:
        if key.endswith(COUNTER):
            state.setdefault(key, torch.zeros(()))
    kept = body_shapes(architecture, {key: value.shape for key, value in state.items()})
    compare_keys(architecture, set(own), set(kept), path)
    for key, shape in own.items():
        if kept[key] != shape:
            name = title(architecture.name).partition(" ")[2]
            raise TracInError(
                f"{path}: {key} has shape {tuple(kept[key])}, a {name}'s has {tuple(shape)}. Name "
                "the architecture of the checkpoint with --architecture."
            )
    state = {key: state[key] for key in own}
    network = _loaded(copy.deepcopy(architecture.network), architecture, head, state)
    if _is_unfinished(network):  # a table that is in no file and was to be computed
        network = _loaded(build(architecture.name, architecture.side), architecture, head, state)
    network.eval().requires_grad_(False)
    width = FEATURE_WIDTH
    if architecture.name != DEFAULT_ARCHITECTURE:
        width = _proven_width(network, architecture, path)
    return Backbone(network, architecture.name, width).eval()


def _loaded(
    network: nn.Module, architecture: Architecture, head: Head, state: StateDict
) -> nn.Module:
    """``network`` with these weights, and with what comes before the first Linear as its head."""
    before = nn.Sequential(*head.before) if head.before else nn.Identity()
    network.set_submodule(architecture.head, before)
    everything = network.state_dict()  # knows which versions of torch's layers these are
    everything.update(state)
    network.load_state_dict(everything, assign=True)
    return network


def _is_unfinished(network: nn.Module) -> bool:
    return any(each.is_meta for each in (*network.parameters(), *network.buffers()))


def _proven_width(network: nn.Module, architecture: Architecture, path: Path) -> int:
    """The width of the features that ``network`` gives, once it is sure that they are its last."""
    side = usual_preprocessing(architecture.name, architecture.side).crop.crop_size
    subject, remedy = f"{path}: the", "Choose another architecture."
    features = pass_blank(network, architecture, side, subject=subject, remedy=remedy)
    return int(features.shape[1])
