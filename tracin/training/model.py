"""The network that is trained: any architecture, with the Animals-10 head in place of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tracin.architectures import POSITIONS, Architecture, build, outline, title
from tracin.errors import TracInError
from tracin.flags import CROP_SIZE, DEFAULT_ARCHITECTURE
from tracin.last_layers import before_first_linear, check_last_layer, pass_blank
from tracin.pretrained import usual_preprocessing
from tracin.training.backbone import load_backbone
from tracin.training.settings import SCRATCH
from tracin.wording import first_sentence

HEAD_WIDTHS = (512, 256)
"""Between the features, as wide as the network's, and the classes."""
NEGATIVE_SLOPE = 0.01


class Classifier(nn.Module):
    """A network under the name ``model``, so that keys are ``model.conv1.weight``, …, as in the
    Animals-10 checkpoint this project is made for.
    """

    def __init__(self, network: nn.Module, architecture: Architecture, classes: int) -> None:
        """Take ``network``, of ``architecture``, and give it a head for ``classes``.

        What its own head has before its first Linear (ConvNeXt's norm, a Flatten, dropout) stays,
        as a part of the backbone.
        """
        super().__init__()
        self.classes = classes
        self.model: Any = network  # whose layers have the names of the architecture
        before = [network.get_submodule(name) for name, _ in before_first_linear(architecture)]
        self._place, self._start = architecture.head, len(before)
        middle, narrow = HEAD_WIDTHS
        head = nn.Sequential(
            *before,
            nn.Linear(architecture.width, middle),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Linear(middle, narrow),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Linear(narrow, classes),
        )
        network.set_submodule(architecture.head, head)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, C) of images (n, 3, h, w)."""
        logits: Tensor = self.model(images)
        return logits

    @property
    def head(self) -> nn.Sequential:
        """Pooled features (n, width) → logits (n, C)."""
        layers = self.model.get_submodule(self._place)
        if not isinstance(layers, nn.Sequential):
            raise TypeError(f"{self._place} is a {type(layers).__name__}, no Sequential")
        return layers[self._start :]

    @property
    def body_shapes(self) -> dict[str, torch.Size]:
        """The shapes of all but the head, by the network's own names."""
        head = {f"{self._place}.{key}" for key in self.head.state_dict()}
        state = self.model.state_dict()
        return {key: value.shape for key, value in state.items() if key not in head}

    def freeze_backbone(self, frozen: bool) -> None:
        """Take gradients from (or give them back to) all but the head."""
        for parameter in self.model.parameters():
            parameter.requires_grad_(not frozen)
        self.head.requires_grad_(True)

    def training_mode(self, backbone: bool) -> None:
        """Training mode; a frozen ``backbone`` keeps its batch-norm statistics as they are, and
        drops nothing out.
        """
        self.model.train(backbone)
        self.head.train()


def build_model(
    classes: int,
    backbone: str,
    seed: int,
    architecture: str = DEFAULT_ARCHITECTURE,
    crop_size: int = CROP_SIZE,
) -> Classifier:
    """A new model: its head drawn with ``seed``, its backbone from ``backbone``.

    Args:
        classes: C.
        backbone: ``imagenet``, ``scratch``, or the path of a file with the architecture's weights.
        seed: of what is drawn at random.
        architecture: its full name.
        crop_size: of the images, in pixels.

    Raises:
        TracInError: TracIn cannot score the architecture, it does not take such images, the
            pretrained weights cannot be had, or the file holds those of another network.
    """
    known = outline(architecture)
    check_last_layer(known)
    side = _side(known, crop_size)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = Classifier(_network(architecture, side), known, classes)
    if architecture != DEFAULT_ARCHITECTURE:  # which takes images of any size
        remedy = _other_size(architecture)
        pass_blank(model.model, known, crop_size, subject="A", remedy=remedy)
    if backbone != SCRATCH:
        load_backbone(model.model, model.body_shapes, known, backbone, side)
    return model


def _side(known: Architecture, crop_size: int) -> int | None:
    """What a network with a table of positions is to be built for, in pixels; None: as usual."""
    if not any(key in POSITIONS for key in known.network.state_dict()):
        return None
    usual = usual_preprocessing(known.name).crop.crop_size
    own = getattr(known.network, "image_size", usual)  # torchvision's knows it itself
    return None if own == crop_size else crop_size


def _network(architecture: str, side: int | None) -> nn.Module:
    try:
        network = build(architecture, side)
        shapes = {key: value.shape for key, value in network.state_dict().items()}
        if side is not None and outline(architecture, shapes).side != side:
            raise ValueError("its patches do not fill them")  # and the weights tell another size
        return network
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        if side is None:
            raise
        raise TracInError(
            f"A {title(architecture)} cannot be built for images of {side} × {side} pixels "
            f"({first_sentence(error)}). {_other_size(architecture)}"
        ) from error


def _other_size(architecture: str) -> str:
    usual = usual_preprocessing(architecture).crop.crop_size
    return f"Give another --crop_size; the usual one is {usual}."
