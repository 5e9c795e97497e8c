"""The weights that a training starts from: pretrained ones, or those of a file."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tracin.architectures import (
    AUXILIARY_HEADS,
    COUNTER,
    POSITIONS,
    TIMM_PREFIX,
    Architecture,
    outline,
    timm_if_installed,
    title,
)
from tracin.errors import TracInError
from tracin.pretrained import usual_preprocessing
from tracin.training.settings import IMAGENET
from tracin.vision import models
from tracin.weights import read_weights
from tracin.wording import count, first_few, first_sentence

SECONDS_WITHOUT_NETWORK = 30

Shapes = Mapping[str, torch.Size]
State = Mapping[str, Any]


def load_backbone(
    network: nn.Module, wanted: Shapes, architecture: Architecture, backbone: str, side: int | None
) -> None:
    """Copy the weights that ``backbone`` stands for into ``network``, all but those of its head.

    Args:
        network: with a head of its own kind.
        wanted: the shapes of what is to be copied, by name.
        architecture: of the network.
        backbone: ``imagenet``, or the path of a file.
        side: of the images, in pixels, where the network was built for another than the usual.

    Raises:
        TracInError: the weights cannot be had, or are those of another network.
    """
    path = Path(backbone)
    if backbone == IMAGENET:
        state, source = _pretrained(architecture.name, side)
    elif path.is_file():
        state, source = read_weights(path, architecture.marks).state, backbone
    else:
        raise TracInError(f"There is no file {path}. Check the path of --backbone_weights.")
    found = {
        key: value
        for key, value in state.items()
        if key in wanted or not (architecture.in_head(key) or key.startswith(AUXILIARY_HEADS))
    }
    _check_shapes({key: value.shape for key, value in found.items()}, wanted, architecture, source)
    head = {key: value for key, value in network.state_dict().items() if key not in wanted}
    network.load_state_dict({**found, **head})


def _check_shapes(found: Shapes, wanted: Shapes, architecture: Architecture, source: str) -> None:
    facts = [
        f"{count(len(keys), f'{word} key')}: {first_few(sorted(keys))}"
        for word, keys in (
            ("missing", {key for key in wanted if not key.endswith(COUNTER)} - found.keys()),
            ("unexpected", found.keys() - wanted.keys()),
        )
        if keys
    ]
    known = title(architecture.name)
    others = [key for key in wanted if found.get(key, wanted[key]) != wanted[key]]
    if not facts and others and set(others) <= set(POSITIONS):
        side = outline(architecture.name, dict(found)).side
        side = side or usual_preprocessing(architecture.name).crop.crop_size
        raise TracInError(
            f"{source}: this {known} was trained on images of {side} × {side} pixels. Give "
            f"--crop_size {side}, or train --from_scratch."
        )
    if others and not facts:
        key, short = others[0], known.partition(" ")[2]
        facts = [f"{key} has shape {tuple(found[key])}, a {short}'s has {tuple(wanted[key])}"]
    if facts:
        raise TracInError(
            f"{source} is not a {known} ({'; '.join(facts)}). Give the weights of one with "
            "--backbone_weights, or name theirs with --architecture."
        )


def _pretrained(name: str, side: int | None) -> tuple[State, str]:
    """(pretrained weights of the architecture, what they are called).

    Raises:
        TracInError: there are none, or they cannot be downloaded.
    """
    if name.startswith(TIMM_PREFIX):
        return _of_timm(name, side), "timm's pretrained weights"
    weights = models.get_model_weights(name).DEFAULT
    with _downloading(weights.url):
        state: State = weights.get_state_dict(progress=False, check_hash=True)
    return state, "torchvision's ImageNet weights"


def _of_timm(name: str, side: int | None) -> State:
    timm = timm_if_installed()
    short = name.removeprefix(TIMM_PREFIX)
    stored = timm.get_pretrained_cfg(short) if timm else None
    if timm is None or stored is None or not stored.has_weights:
        raise TracInError(
            f"There are no pretrained weights of a {title(name)}. Give a file with "
            "--backbone_weights, or train --from_scratch, which needs many more images and epochs."
        )
    options = {} if side is None else {"img_size": side}
    with _downloading(stored.url or f"https://huggingface.co/{stored.hf_hub_id}"):
        state: State = timm.create_model(short, pretrained=True, **options).state_dict()
    return state


@contextmanager
def _downloading(url: str) -> Iterator[None]:
    """Say what else can be done where the block gets no weights from ``url``."""
    before = socket.getdefaulttimeout()
    # torch.hub sets no timeout of its own: behind a closed firewall it would wait for ever.
    socket.setdefaulttimeout(SECONDS_WITHOUT_NETWORK)
    try:
        yield
    except (OSError, RuntimeError) as error:  # no network; a download with another hash
        raise TracInError(
            f"The ImageNet weights could not be downloaded ({first_sentence(error)}). Download "
            f"{url} on a machine with a network and give the file with --backbone_weights, or "
            "train --from_scratch, which needs many more images and epochs."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
