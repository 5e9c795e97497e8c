"""Where an architecture ends: whether TracIn can score it, what stands before its first Linear."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from tracin.architectures import Architecture, is_sequential, title
from tracin.errors import TracInError
from tracin.wording import first_sentence

NamedLayer = tuple[str, nn.Module]
"""A layer and its name in the network."""


def check_last_layer(architecture: Architecture) -> None:
    """Raise TracInError where the last layer is no Linear, or is not the only one of its kind."""
    own = architecture.network.get_submodule(architecture.last)
    if not isinstance(own, nn.Linear):
        raise TracInError(
            f"A {title(architecture.name)} ends with {architecture.last}, a "
            f"{type(own).__name__}, and TracIn scores networks whose last layer is a Linear. "
            "Train another architecture to analyse these images."
        )
    if architecture.other_heads:
        raise not_the_end(architecture)


def not_the_end(architecture: Architecture) -> TracInError:
    """What is said of a network that does something with the output of its last layer."""
    return TracInError(
        f"The output of a {title(architecture.name)} is not simply that of its last layer, "
        f"{architecture.last}: it is put together with others, or changed, afterwards. TracIn "
        "needs a network that ends with one Linear."
    )


def own_layers(architecture: Architecture) -> list[NamedLayer]:
    """The layers of the architecture's own head, in their order."""
    return list(_leaves(architecture.head, architecture.network.get_submodule(architecture.head)))


def before_first_linear(architecture: Architecture) -> list[NamedLayer]:
    """Those of its head that stand before the first Linear: norms, a Flatten, dropout."""
    layers = own_layers(architecture)
    return list(itertools.takewhile(lambda leaf: not isinstance(leaf[1], nn.Linear), layers))


def _leaves(name: str, module: nn.Module) -> Iterator[NamedLayer]:
    """The layers of a chain of chains, in their order, by name."""
    if not is_sequential(module):
        yield name, module
        return
    for key, child in module.named_children():
        yield from _leaves(f"{name}.{key}", child)


def pass_blank(
    network: nn.Module, architecture: Architecture, side: int, *, subject: str, remedy: str
) -> Tensor:
    """What ``network`` gives for a blank image, once it is sure that its head gave that.

    What comes out must be the very output of the place of the head, which was passed once.
    Otherwise something happens after the head, and scores would be wrong.

    Args:
        network: of ``architecture``, in eval mode, with any layers in the place of its head.
        architecture: says where that is.
        side: of the image, in pixels.
        subject: how a message begins, before "torchvision resnet18 cannot be run …".
        remedy: how it ends.

    Raises:
        TracInError: the network cannot be run on such an image, or goes on after its head.
    """
    passed: list[Tensor] = []
    place = network.get_submodule(architecture.head)
    hook = place.register_forward_hook(lambda _module, _inputs, output: passed.append(output))
    try:
        with torch.inference_mode():
            output = network(torch.zeros(1, 3, side, side))
    except (RuntimeError, ValueError, TypeError, AssertionError, AttributeError) as error:
        raise TracInError(
            f"{subject} {title(architecture.name)} cannot be run on an image of {side} × {side} "
            f"pixels ({first_sentence(error)}). {remedy}"
        ) from error
    finally:
        hook.remove()
    if len(passed) != 1 or output is not passed[0] or output.ndim != 2:
        raise not_the_end(architecture)
    values: Tensor = output
    return values
