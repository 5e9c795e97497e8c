"""The network: torchvision's ResNet50 with the Animals-10 head, and where its weights come from."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from tracin.errors import TracInError
from tracin.training.settings import IMAGENET, SCRATCH
from tracin.weights import read_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_WIDTHS = (2048, 512, 256)
"""Of the head's inputs; the last Linear goes from 256 to the classes."""
NEGATIVE_SLOPE = 0.01
SECONDS_WITHOUT_NETWORK = 30


class AnimalsResNet50(nn.Module):
    """ResNet50 under the name ``model``, so that keys are ``model.conv1.weight``, …, as in the
    Animals-10 checkpoint this project is made for.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.model = resnet50(weights=None)
        wide, middle, narrow = HEAD_WIDTHS
        self.model.fc = nn.Sequential(
            nn.Linear(wide, middle),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Linear(middle, narrow),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Linear(narrow, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, C) of images (n, 3, h, w)."""
        logits: Tensor = self.model(images)
        return logits

    @property
    def head(self) -> nn.Module:
        """Pooled features (n, 2048) → logits (n, C)."""
        head: nn.Module = self.model.fc
        return head

    def freeze_backbone(self, frozen: bool) -> None:
        """Take gradients from (or give them back to) all but the head."""
        for parameter in self.model.parameters():
            parameter.requires_grad_(not frozen)
        self.head.requires_grad_(True)

    def training_mode(self, backbone: bool) -> None:
        """Training mode; a frozen ``backbone`` keeps its batch-norm statistics as they are."""
        self.model.train(backbone)
        self.head.train()


def build_model(classes: int, backbone: str, seed: int) -> AnimalsResNet50:
    """A new model: its head drawn with ``seed``, its backbone from ``backbone``.

    Args:
        classes: C.
        backbone: ``imagenet``, ``scratch``, or the path of a file with ResNet50 weights.
        seed: of what is drawn at random.

    Raises:
        TracInError: the ImageNet weights cannot be had, or the file is no ResNet50.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = AnimalsResNet50(classes)
    if backbone == IMAGENET:
        _load_backbone(model, _imagenet_weights(), "torchvision's ImageNet weights")
    elif backbone != SCRATCH:
        path = Path(backbone)
        if not path.is_file():
            raise TracInError(f"There is no file {path}. Check the path of --backbone_weights.")
        _load_backbone(model, read_weights(path).state, backbone)
    return model


def _imagenet_weights() -> Mapping[str, Any]:
    weights = ResNet50_Weights.IMAGENET1K_V2
    try:
        with _network_timeout(SECONDS_WITHOUT_NETWORK):
            state: Mapping[str, Any] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # no network; a download with another hash
        raise TracInError(
            f"The ImageNet weights could not be downloaded ({error}). Download {weights.url} on a "
            "machine with a network and give the file with --backbone_weights, or train "
            "--from_scratch, which needs many more images and epochs."
        ) from error
    return state


@contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """torch.hub sets no timeout of its own: behind a closed firewall it would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _load_backbone(model: AnimalsResNet50, state: Mapping[str, Any], source: str) -> None:
    """Copy all but the head, whose classes are other ones."""
    weights = {key: value for key, value in state.items() if not key.startswith("fc.")}
    head = {f"fc.{key}": value for key, value in model.head.state_dict().items()}
    try:
        model.model.load_state_dict({**weights, **head})
    except RuntimeError as error:
        fact = " ".join(str(error).split())[:300]
        raise TracInError(
            f"{source} is not a torchvision ResNet50 ({fact}). Give the weights of one with "
            "--backbone_weights."
        ) from error
