"""The tensors of a head → its layers: what stays in the backbone, the hidden ones, the last Linear.

Layers that the checkpoint has in common with its architecture are that architecture's own, with
their activations. What was put in the place of the whole head, or of its last layer, must be one
Linear or a Sequential of Linears; the activations between them leave no trace in a file.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from tracin.architectures import Architecture, title
from tracin.errors import TracInError
from tracin.flags import HeadActivation
from tracin.last_layers import NamedLayer, before_first_linear, check_last_layer, own_layers
from tracin.weights import StateDict
from tracin.wording import count, first_few

ACTIVATIONS: dict[HeadActivation, type[nn.Module]] = {
    "leaky_relu": nn.LeakyReLU,  # slope 0.01, torch's default and Animals-10's
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "none": nn.Identity,  # Linear, Dropout, Linear
}
ASSUMED_ACTIVATION: HeadActivation = "leaky_relu"

WIDEST_FEATURE = 8192
"""Numbers that are kept of an image at most, where the head has further Linears: VGG's first takes
25,088, a hundred kilobytes for each image, and becomes part of the backbone."""


@dataclass(frozen=True)
class Head:
    """The layers of a head, in eval mode, float32, without gradients."""

    before: tuple[nn.Module, ...]
    """What comes before its first Linear: part of the backbone."""
    hidden: tuple[nn.Module, ...]
    """Pooled features → activations, the input of the last Linear."""
    last: nn.Linear
    name: str
    """The last Linear's, such as ``fc.4``."""
    activation: HeadActivation | None
    """Chosen or assumed between the Linears; None: there is none, or it is the architecture's."""

    @property
    def linears(self) -> list[nn.Linear]:
        """From the pooled features to the classes."""
        return [each for each in (*self.hidden, self.last) if isinstance(each, nn.Linear)]

    @property
    def widths(self) -> tuple[int, ...]:
        """From the pooled feature to the classes, such as (2048, 512, 256, 10)."""
        linears = self.linears
        return (linears[0].in_features, *(linear.out_features for linear in linears))


def read_head(
    architecture: Architecture,
    state: StateDict,
    path: Path,
    activation: HeadActivation,
    others: Sequence[str],
) -> Head:
    """The head of a checkpoint.

    Args:
        architecture: of the checkpoint.
        state: the tensors of the head, by their names in the network.
        path: of the checkpoint, for messages.
        activation: between Linears that are not the architecture's own.
        others: names of the other tensors that have the form of a last layer, for messages.

    Raises:
        TracInError: there is no head, or it is no chain of Linears that the features fit.
    """
    check_last_layer(architecture)
    if not state:
        raise _headless(architecture, others, path)
    before, layers, name, chosen = _layers(architecture, state, path, activation)
    linears = [each for each in layers if isinstance(each, nn.Linear)]
    _check_chain(architecture, linears, path)
    while layers[0] is not linears[-1] and linears[0].in_features > WIDEST_FEATURE:
        start = layers.index(linears[1])
        before, layers, linears = before + layers[:start], layers[start:], linears[1:]
    for layer in (*before, *layers):
        layer.eval().requires_grad_(False)
    return Head(tuple(before), tuple(layers[:-1]), linears[-1], name, chosen)


Layers = list[nn.Module]


def _layers(
    architecture: Architecture, state: StateDict, path: Path, activation: HeadActivation
) -> tuple[Layers, Layers, str, HeadActivation | None]:
    """(what comes before the first Linear, from there on, the last one's name, the activation)."""
    own = own_layers(architecture)
    own_keys = {key for key in architecture.network.state_dict() if architecture.in_head(key)}
    in_last = {key for key in state if key.startswith(f"{architecture.last}.")}
    if set(state) == own_keys:
        layers = [_own_layer(name, layer, state, path) for name, layer in own]
        return *_split(layers), architecture.last, None
    own_without_last = {key for key in own_keys if not key.startswith(f"{architecture.last}.")}
    if set(state) - in_last == own_without_last:  # another last layer in the own one's place
        place, kept = architecture.last, own[:-1]
    else:
        place = architecture.head
        kept = before_first_linear(architecture)
        if not _has_all(kept, state):
            kept = [("", nn.Flatten())]
    kept_keys = {key for name, layer in kept for key in _keys(name, layer)}
    chain = {key: value for key, value in state.items() if key not in kept_keys}
    positions = _positions(chain, place, architecture, path)
    linears = [_linear(chain, _name(place, position), path) for position in positions]
    hidden, used = _with_activations(linears, positions, activation)
    layers = [_own_layer(name, layer, state, path) for name, layer in kept] + hidden
    return *_split(layers), _name(place, positions[-1]), activation if used else None


def _keys(name: str, layer: nn.Module) -> list[str]:
    return [f"{name}.{key}" for key in layer.state_dict()]


def _has_all(layers: Sequence[NamedLayer], state: StateDict) -> bool:
    """Whether the state has the weights of all these layers."""
    return all(
        key in state and state[key].shape == value.shape
        for name, layer in layers
        for key, value in zip(_keys(name, layer), layer.state_dict().values(), strict=True)
    )


def _own_layer(name: str, own: nn.Module, state: StateDict, path: Path) -> nn.Module:
    """The architecture's layer ``own`` with the weights of the checkpoint."""
    if isinstance(own, nn.Linear):
        return _linear(state, name, path)
    layer = copy.deepcopy(own)
    values = {key: state[f"{name}.{key}"] for key in layer.state_dict()}
    for key, value in layer.state_dict().items():
        if values[key].shape != value.shape:
            raise TracInError(
                f"{path}: {name}.{key} has shape {tuple(values[key].shape)}, and the "
                f"architecture's has {tuple(value.shape)}."
            )
    layer.load_state_dict(values, assign=True)
    return layer


def _split(layers: Layers) -> tuple[Layers, Layers]:
    """(the layers before the first Linear, from there on)."""
    start = next(n for n, layer in enumerate(layers) if isinstance(layer, nn.Linear))
    return layers[:start], layers[start:]


def _name(place: str, position: int | None) -> str:
    return place if position is None else f"{place}.{position}"


def _positions(
    chain: StateDict, place: str, architecture: Architecture, path: Path
) -> list[int | None]:
    """Positions of the Linears in the Sequential at ``place``; [None] where that is a Linear."""
    if any(key in (f"{place}.weight", f"{place}.bias") for key in chain):
        positions: list[int | None] = [None]
    else:
        form = re.compile(re.escape(place) + r"\.(\d{1,6})\.(weight|bias)")
        positions = [*sorted({int(m.group(1)) for key in chain if (m := form.fullmatch(key))})]
    if not positions:
        positions = [None]  # of an unknown form: the comparison names the keys
    names = [f"{_name(place, each)}.{kind}" for each in positions for kind in ("weight", "bias")]
    compare_keys(architecture, set(names), set(chain), path)
    for name in names:
        dimensions = 2 if name.endswith("weight") else 1
        if chain[name].ndim != dimensions:
            raise TracInError(
                f"{path}: {name} has {count(chain[name].ndim, 'dimension')}, and a Linear's has "
                f"{dimensions}. The head may hold Linears and activations only."
            )
    return positions


def _headless(architecture: Architecture, others: Sequence[str], path: Path) -> TracInError:
    head, known = architecture.head, title(architecture.name)
    if others:
        return TracInError(
            f"{path} has a last layer that is not called {head}: it may be {first_few(others)}. "
            f"Name it {head}, as the {known} does, and save the state_dict again."
        )
    return TracInError(
        f"{path} has no head: there is no {head}.weight or {head}.0.weight among its keys. TracIn "
        f"needs the {known} with its last layers."
    )


def compare_keys(
    architecture: Architecture, expected: set[str], found: set[str], path: Path
) -> None:
    """Raise TracInError where the names of the tensors are not those expected."""
    facts = [
        f"{count(len(keys), f'{word} key')} ({first_few(sorted(keys))})"
        for word, keys in (("missing", expected - found), ("unexpected", found - expected))
        if keys
    ]
    if facts:
        raise TracInError(
            f"{path} does not fit a {title(architecture.name)} with a head of Linears: "
            f"{' and '.join(facts)}. Save the state_dict of such a model, or name its own "
            "architecture with --architecture."
        )


def _linear(state: StateDict, name: str, path: Path) -> nn.Linear:
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    if bias is not None and len(bias) != len(weight):
        raise TracInError(
            f"{path}: {name}.weight has {len(weight)} rows and its bias {len(bias)} values. The "
            "file is damaged; save it again."
        )
    classes, width = weight.shape
    linear = nn.Linear(width, classes, bias=bias is not None, device="meta")
    values = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    linear.load_state_dict(values, assign=True)
    return linear


def _check_chain(architecture: Architecture, linears: Sequence[nn.Linear], path: Path) -> None:
    widths = [architecture.width, *(linear.out_features for linear in linears)]
    for linear, width in zip(linears, widths, strict=False):
        if linear.in_features != width:
            known = title(architecture.name).partition(" ")[2]
            raise TracInError(
                f"{path}: a Linear of the head takes {linear.in_features} values and gets {width}. "
                f"The head must be a chain of Linears that starts at {known}'s "
                f"{architecture.width} features."
            )


def _with_activations(
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
