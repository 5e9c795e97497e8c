"""A file of weights → its tensors by plain names, whatever they were wrapped in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tracin.architectures import FAMILIES
from tracin.errors import TracInError
from tracin.machine.refusals import is_lack_of_memory
from tracin.weights_file import read_content
from tracin.wording import first_few, listed

StateDict = dict[str, Tensor]

_NESTING_KEYS = ("state_dict", "model_state_dict", "model")
"""Under which training programs usually keep the weights beside other things: these go first."""

_DEEPEST = 8
"""Levels of wrapping that are looked through."""

_PREFIXES = ("module.", "model.", "_orig_mod.")
"""Of DataParallel, of a module that holds the network as ``self.model``, and of torch.compile:
taken off where the names do not show a network."""

_HEADS = ("fc", "classifier", "head", "heads")
"""What the head of a network is usually called."""

_INDICES = re.compile(r"(.*\W|.*_|)(index|indices|idxs?)")
"""Names of tables of positions, whose numbers are whole."""

_BESIDE_THE_NETWORK = re.compile(
    r"(.*\.)?(n_averaged|num_updates|(criterion|loss|loss_fn|loss_function|\w*metrics?|"
    r"\w*acc|\w*accuracy)\..+)"
)
"""Names of what wrappers save and no image passes through: counters of averaging, losses with
their class weights, metrics."""


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds."""

    state: StateDict
    """By torchvision's names, such as ``conv1.weight``; float32 but for counters and indices."""
    prefix: str
    """What was taken off every name, such as ``module.model.``."""
    extras: dict[str, Any]
    """What stood beside the weights: numbers, text, lists."""


@dataclass(frozen=True)
class Outline:
    """What can be told of a file of weights without reading their numbers."""

    shapes: dict[str, torch.Size]
    """By plain names."""
    extras: dict[str, Any]
    """What stood beside the weights: numbers, text, lists."""


def read_weights(path: Path, marks: Sequence[str] = tuple(FAMILIES)) -> Weights:
    """The weights that ``path`` holds.

    Args:
        path: a file that ``torch.save`` wrote, or a safetensors file.
        marks: names that a network has once: what stands before the first of them that is there is
            the prefix of the network.

    Raises:
        TracInError: the file is damaged, needs code or a missing package to load, is no state_dict,
            holds several networks, or weights that are no finite numbers in plain layout.
    """
    content, extras = _unnested(read_content(path), path, marks)
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if len(tensors) < len(content) or not tensors:
        others = [str(key) for key in content if str(key) not in tensors]
        hold = "holds" if len(others) == 1 else "hold"
        fact = f"{first_few(others)} {hold} no tensors" if others else "it is empty"
        raise TracInError(
            f"{path} is not a state_dict: {fact}. Save the weights alone: "
            "torch.save(model.state_dict(), path)."
        )
    named, prefix = _without_prefix(tensors, path, marks)
    return Weights({key: _plain(value, key, path) for key, value in named.items()}, prefix, extras)


def read_extras(path: Path) -> dict[str, Any]:
    """What stands beside the weights in ``path``, without reading these where that can be helped.

    Raises:
        TracInError: the file is damaged, or needs code to load.
    """
    return read_outline(path).extras


def read_outline(path: Path, marks: Sequence[str] = tuple(FAMILIES)) -> Outline:
    """What stands in ``path``, without reading the weights where that can be helped.

    Args:
        path: a file that ``torch.save`` wrote, or a safetensors file.
        marks: as of ``read_weights``.

    Raises:
        TracInError: the file is damaged, needs code to load, or holds several networks.
    """
    try:
        content = read_content(path, lazily=True)
    except TracInError:
        content = read_content(path)  # torch.save's form before 2020 cannot be mapped
    state, extras = _unnested(content, path, marks)
    tensors = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    named, _ = _without_prefix(tensors, path, marks)
    plain = {key: value for key, value in named.items() if not value.is_nested}
    return Outline({key: value.shape for key, value in plain.items()}, extras)


def _unnested(
    content: Mapping[str, Any], path: Path, marks: Sequence[str]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """(the mapping of the network's weights, what stood beside it on the way there).

    Raises:
        TracInError: several could be meant.
    """
    every = list(_ways(content))
    marked = ([way for way in every if _prefixes(way[-1][1], [mark])] for mark in marks)
    ways = next((found for found in marked if found), [])
    if not ways:  # no network that we know: whatever the usual names lead to
        ways = [way for way in every if all(key in _NESTING_KEYS for key, _ in way[1:])]
        ways = [max(ways, key=len)]
    usual = [way for way in ways if all(key in _NESTING_KEYS for key, _ in way[1:])]
    if len(usual or ways) > 1:
        names = [".".join(key for key, _ in way[1:]) or "the file itself" for way in usual or ways]
        raise TracInError(
            f"{path} holds several networks ({listed(names)}). Save the weights of the one that is "
            "meant alone: torch.save(model.state_dict(), path)."
        )
    (way,) = usual or ways
    extras: dict[str, Any] = {}
    for (_, outer), (inside, _) in itertools.pairwise(way):
        extras |= {str(key): value for key, value in outer.items() if key != inside}
    return way[-1][1], extras


Way = tuple[tuple[str, Mapping[str, Any]], ...]
"""From the outermost mapping to an inner one: the key of each and itself."""


def _ways(content: Mapping[str, Any]) -> Iterator[Way]:
    """The ways to every mapping in ``content``, by text, the outermost first."""
    waiting: list[Way] = [(("", content),)]
    seen = {id(content)}  # a damaged or malicious file may hold itself
    while waiting:
        way = waiting.pop(0)
        yield way
        inner = [(k, v) for k, v in way[-1][1].items() if isinstance(v, Mapping)]
        inner = [(k, v) for k, v in inner if isinstance(k, str) and id(v) not in seen]
        if len(way) <= _DEEPEST:
            seen |= {id(value) for _, value in inner}
            waiting += [(*way, each) for each in inner]


def _prefixes(state: Mapping[str, Any], marks: Sequence[str]) -> list[str]:
    """The prefixes of the networks in ``state``, told by the first mark that is there."""
    names = [key for key, value in state.items() if isinstance(key, str) and _is_tensor(value)]
    for mark in marks:
        found = [key for key in names if key == mark or key.endswith(f".{mark}")]
        if found:
            return [key.removesuffix(mark) for key in found]
    return []


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _without_prefix(state: StateDict, path: Path, marks: Sequence[str]) -> tuple[StateDict, str]:
    """(the network's tensors by plain names and all that is foreign by its own, the prefix).

    Raises:
        TracInError: there are several networks.
    """
    prefixes = _prefixes(state, marks)
    if not prefixes:
        return _without_usual_prefixes(state)
    if len(prefixes) > 1:
        heads = [tuple(f"{prefix}{head}." for head in _HEADS) for prefix in prefixes]
        with_head = [
            prefix
            for prefix, names in zip(prefixes, heads, strict=True)
            if any(key.startswith(names) for key in state)
        ]
        prefixes = with_head if len(with_head) == 1 else prefixes
    if len(prefixes) > 1:
        raise TracInError(
            f"{path} holds several networks, whose names begin with {listed(prefixes)}. Save the "
            "weights of the one that is meant alone: torch.save(model.state_dict(), path)."
        )
    (prefix,) = prefixes
    named: StateDict = {}
    for key, value in state.items():
        if key.startswith(prefix) and not _BESIDE_THE_NETWORK.fullmatch(key.removeprefix(prefix)):
            named[key.removeprefix(prefix)] = value
        elif not _BESIDE_THE_NETWORK.fullmatch(key):
            named[key] = value  # part of a network that we do not know: whoever compares names it
    return named, prefix


def _without_usual_prefixes(state: StateDict) -> tuple[StateDict, str]:
    taken = ""
    # Of nothing all names begin with anything.
    while state and (
        prefix := next((p for p in _PREFIXES if all(k.startswith(p) for k in state)), "")
    ):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        taken += prefix
    return state, taken


def _plain(value: Tensor, key: str, path: Path) -> Tensor:
    """``value`` as float32, or as it is where it counts something.

    Raises:
        TracInError: it is not stored as plain floating-point numbers, or not all are finite.
    """
    value = value.detach()
    if fault := _layout_fault(value, indices=bool(_INDICES.fullmatch(key))):
        raise TracInError(
            f"{path}: {key} {fault}. Save plain weights, in float32 or bfloat16: "
            "torch.save(model.float().state_dict(), path)."
        )
    if not value.is_floating_point():
        return value
    numbers = value.float()
    finite = torch.isfinite(numbers)
    if not finite.all():
        raise TracInError(
            f"{path} holds NaN or infinite weights: {int((~finite).sum()):,} of "
            f"{numbers.numel():,} in {key}. The training diverged; use an earlier checkpoint."
        )
    return numbers


def _layout_fault(value: Tensor, *, indices: bool) -> str:
    """Why these are no plain numbers, asked before anything is computed from them; "" if plain.

    ``indices`` may be whole numbers.
    """
    layout, kind = (str(each).removeprefix("torch.") for each in (value.layout, value.dtype))
    # Of a nested tensor, torch refuses to tell the shape.
    shape = () if value.is_nested else tuple(value.shape)
    fault = ""
    if value.is_nested:
        fault = "is a nested tensor, of several shapes"
    elif value.is_meta:
        fault = "is a meta tensor, a shape without numbers"
    elif value.is_quantized:
        fault = "is quantised"
    elif value.layout != torch.strided:
        fault = f"is stored as {layout}"
    elif value.numel() * value.element_size() > value.untyped_storage().nbytes():
        fault = f"has shape {shape} and fewer numbers stored than that"
    elif value.numel() == 0:
        fault = f"has shape {shape} and holds no number"
    elif not (indices and value.dtype == torch.int64) and not _is_readable(value):
        fault = f"is stored as {kind}, which stands for no plain numbers"
    return fault


def _is_readable(value: Tensor) -> bool:
    """Whether they are floating-point numbers that float32 holds, or a single count."""
    if not value.is_floating_point():
        return value.numel() == 1 and not value.is_complex()
    try:
        value[(0,) * value.ndim].float()
    except (RuntimeError, NotImplementedError) as error:  # narrow types that torch only stores
        if is_lack_of_memory(error):
            raise
        return False
    return True
