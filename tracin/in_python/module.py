"""A module of PyTorch → a checkpoint of the run: its network up to the last Linear, and that."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tracin.compute.model.checkpoint import Checkpoint
from tracin.compute.model.class_outputs import output_order, reordered
from tracin.compute.model.network import Backbone
from tracin.errors import TracInError
from tracin.weights import read_weights
from tracin.wording import count, first_few, first_sentence

LINEARS_NAMED = 8
"""Linears that a message names at most, the last ones of the network."""


def with_weights(module: nn.Module, path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """A copy of ``module`` with the weights of a checkpoint file; and what stands beside them.

    Raises:
        TracInError: the file cannot be read, or holds the weights of another network.
    """
    copied = _copied(module)
    weights = read_weights(path, tuple(copied.state_dict())[:1])
    try:
        copied.load_state_dict(dict(weights.state))
    except RuntimeError as error:
        raise TracInError(
            f"{path} does not hold the weights of this {type(module).__name__} "
            f"({' '.join(str(error).split())[:300]}). Give the file of this very network."
        ) from error
    return copied, dict(weights.extras)


def checkpoint_of(
    module: nn.Module,
    path: Path,
    layer: str,
    classes: tuple[Sequence[str] | None, Sequence[str]],
    example: Tensor,
) -> Checkpoint:
    """A module as a checkpoint, once it is proven that it ends with its last Linear.

    The module itself stays as it is: what is used is a copy, in eval mode and float32.

    Args:
        module: images (n, c, h, w) → logits (n, C).
        path: what it is called, or the file that its weights are from.
        layer: the name of its last Linear; "" finds it.
        classes: of its outputs, None where nobody says; and of the run.
        example: (1, c, h, w), float32: an input.

    Raises:
        TracInError: it cannot be copied or run, does not end with that Linear, or has another
            number of outputs than there are classes.
    """
    network = _copied(module)
    name = layer or _last_linear(network)
    last = _linear(network, name)
    digest, known = _weights_hash(network), _named(network)
    before = _proven(network, last, name, example)
    if last.out_features != len(classes[1]):
        raise TracInError(
            f"The model's layer {name} gives {count(last.out_features, 'value')}, and the training "
            f"images are of {count(len(classes[1]), 'class')} ({first_few(classes[1])}). Images of "
            "each class that the model tells apart are needed, and of no other."
        )
    told = 10 * torch.randn(1, last.out_features, generator=torch.Generator().manual_seed(0))
    logits, features = (
        _output(network, name, layer, example) for layer in (_Tells(told), nn.Identity())
    )
    if not (_equal(logits, told) and _equal(features, before)):
        raise _goes_on(network, name, known)
    order = output_order(classes[0], classes[1], path)
    sides = last.in_features, last.out_features
    return Checkpoint(
        path=path,
        sha256=digest,
        architecture=type(module).__name__,
        backbone=Backbone(network, type(module).__name__, last.in_features).eval(),
        hidden=nn.Sequential(),
        last=last if order is None else reordered(last, order),
        layer=name,
        head_widths=sides,
        head_activation=None,
        head_activation_assumed=False,
        extras={},
        class_order=order,
        from_module=True,
    )


class _Tells(nn.Module):
    """Gives the same logits, whatever goes in: of either sign, as a network may ever give."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _activations: Tensor) -> Tensor:
        """(1, C)"""
        return self.logits.clone()


def _output(network: nn.Module, name: str, layer: nn.Module, example: Tensor) -> object:
    """What ``network`` gives with ``layer`` in the place of its last."""
    network.set_submodule(name, layer)
    try:
        with torch.inference_mode():
            output: object = network(example)
    except Exception:  # of foreign code: it needs what its own layer gives
        return None
    return output


def _equal(output: object, expected: Tensor) -> bool:
    return isinstance(output, Tensor) and torch.equal(output, expected)


def _copied(module: nn.Module) -> nn.Module:
    """A copy on the CPU, in float32 and eval mode, of what was wrapped for training."""
    inner = getattr(module, "_orig_mod", module)  # of torch.compile
    if isinstance(inner, nn.DataParallel | nn.parallel.DistributedDataParallel):
        inner = inner.module
    try:
        return copy.deepcopy(inner).cpu().float().eval().requires_grad_(False)
    except (RuntimeError, TypeError) as error:
        raise TracInError(
            f"The model, a {type(module).__name__}, cannot be copied ({first_sentence(error)}). "
            "Give one whose parameters are its own, as after loading its weights."
        ) from error


def _last_linear(network: nn.Module) -> str:
    names = _linears(network)
    if not names:
        raise TracInError(
            f"The model, a {type(network).__name__}, has no Linear, and TracIn scores networks "
            "whose last layer is one."
        )
    return names[-1]


def _linears(network: nn.Module) -> list[str]:
    return [name for name, each in network.named_modules() if isinstance(each, nn.Linear)]


def _linear(network: nn.Module, name: str) -> nn.Linear:
    layer = dict(network.named_modules()).get(name)
    if isinstance(layer, nn.Linear) and name:
        return layer
    fact = f"is a {type(layer).__name__}" if layer is not None else "is not there"
    raise TracInError(
        f"The layer {name} {fact}, and TracIn scores a Linear. The last Linears of this "
        f"{type(network).__name__} are {_named(network)}."
    )


def _named(network: nn.Module) -> str:
    return first_few(_linears(network)[::-1], LINEARS_NAMED)


def _proven(network: nn.Module, last: nn.Linear, name: str, example: Tensor) -> Tensor:
    """What goes into ``last`` for an example; what comes out must be what the network gives.

    Otherwise something happens after it, such as a softmax, and scores would be wrong.
    """
    seen: list[tuple[Tensor, Tensor]] = []

    def note(_layer: nn.Module, given: tuple[Tensor, ...], logits: Tensor) -> None:
        seen.append((given[0].clone(), logits.clone()))  # what comes after may work in place

    hook = last.register_forward_hook(note)
    try:
        with torch.inference_mode():
            logits = network(example)
    except Exception as error:  # of foreign code
        shape = " × ".join(str(side) for side in example.shape[1:])
        raise TracInError(
            f"The model, a {type(network).__name__}, cannot be run on an image of the data set, "
            f"{shape} ({type(error).__name__}: {first_sentence(error)}). Give data sets with the "
            "transform that it was tested with."
        ) from error
    finally:
        hook.remove()
    if not isinstance(logits, Tensor):
        raise TracInError(
            f"The model, a {type(network).__name__}, returns a {type(logits).__name__}, and logits "
            "(images, classes) are needed. Wrap it in a module that returns these."
        )
    if len(seen) != 1 or seen[0][0].ndim != 2 or not torch.equal(logits, seen[0][1]):
        raise _goes_on(network, name, _named(network))
    return seen[0][0]


def _goes_on(network: nn.Module, name: str, known: str) -> TracInError:
    return TracInError(
        f"What this {type(network).__name__} returns is not what its layer {name} gives, once for "
        "each image. Name the Linear that gives the logits with layer=, and leave out what comes "
        f"after it, such as a softmax. Its last Linears are {known}."
    )


def _weights_hash(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if not isinstance(value, Tensor):
            continue
        if not value.isfinite().all():
            raise TracInError(
                f"The model's {name} holds NaN or infinite values: its training failed. Give "
                "weights from before that."
            )
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
