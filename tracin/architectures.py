"""Networks by name: torchvision's classification models and, where it is installed, timm's."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tracin.errors import TracInError
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.vision import models
from tracin.wording import listed

TIMM_PREFIX = "timm/"
"""Before timm's names, some of which are torchvision's, too, for other networks."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "layer1.0.conv1.weight": ("resnet", "resnext", "wide_resnet"),
    "features.conv0.weight": ("densenet",),
    "features.1.0.layer_scale": ("convnext",),
    "features.1.0.block.0.0.weight": ("efficientnet",),
    "features.1.conv.0.0.weight": ("mobilenet_v2",),
    "features.1.block.0.0.weight": ("mobilenet_v3",),
    "features.1.0.attn.qkv.weight": ("swin",),
    "encoder.layers.encoder_layer_0.ln_1.weight": ("vit",),
    "trunk_output.block1.block1-0.f.a.0.weight": ("regnet",),
    "stage2.0.branch1.0.weight": ("shufflenet",),
    "inception3a.branch1.conv.weight": ("googlenet",),
    "Mixed_5b.branch1x1.conv.weight": ("inception",),
    "layers.8.0.layers.0.weight": ("mnasnet",),
    "blocks.0.layers.0.layers.MBconv.layers.conv_a.0.weight": ("maxvit",),
    "features.0.weight": ("alexnet", "vgg", "squeezenet"),
}
"""torchvision's families by a name that each of their networks has once; the ResNets first."""

POSITIONS = ("encoder.pos_embedding", "pos_embed")
"""(1, positions, width): what torchvision and timm call the table of positions that tells the size
of the images."""

AUXILIARY_HEADS = ("aux1.", "aux2.", "AuxLogits.")
"""Of GoogLeNet and Inception: they help the training, and no image passes them afterwards."""

SCALED_TO_ONE = ("googlenet", "inception_v3")
"""torchvision's pretrained ones expect pixels from −1 to 1, and convert ImageNet's normalisation
themselves (``transform_input``): what the weights cannot tell. They are built without that, and
shown such pixels, which is the same."""

COUNTER = "num_batches_tracked"
"""The end of the name of a counter that evaluation does not use, and that some files lack."""

ARCHITECTURE_KEY = "architecture"
"""Under which a checkpoint keeps the full name of its network."""

CLASSES = 1000
"""As torchvision's networks have where nobody says otherwise; some of timm's have none."""

NEAR_NAMES = 5
"""Names that are offered in place of an unknown one."""


@dataclass(frozen=True)
class Architecture:
    """A network whose weights are shapes without numbers, and where its head begins."""

    name: str
    """``resnet18``, ``timm/vit_tiny_patch16_224``."""
    network: nn.Module
    """Copy it before you change it."""
    head: str
    """The name of the module that is the head: its last Linear, or the Sequential around that."""
    last: str
    """The name of the last layer, in or equal to ``head``."""
    side: int | None = None
    """Of its images, in pixels, where the weights tell that it was built for another than usual."""

    @functools.cached_property
    def shapes(self) -> dict[str, torch.Size]:
        """The shapes of all but the head, by name."""
        state = self.network.state_dict()
        return {k: v.shape for k, v in state.items() if not self.in_head(k)}

    @functools.cached_property
    def other_heads(self) -> list[str]:
        """Further Linears that give a number for each class, beside the head."""
        classes = getattr(self.network.get_submodule(self.last), "out_features", None)
        return [
            name
            for name, layer in self.network.named_modules()
            if getattr(layer, "out_features", -1) == classes and not self.in_head(f"{name}.")
        ]

    @property
    def width(self) -> int:
        """Of the feature that its own head takes; 0 where that has no Linear."""
        own = self.network.get_submodule(self.head).modules()
        return next((each.in_features for each in own if isinstance(each, nn.Linear)), 0)

    @property
    def marks(self) -> tuple[str, ...]:
        """The first of its names that no other ends with, as ``weights.read_weights`` takes it."""
        names = list(self.network.state_dict())
        return tuple(
            name for name in names if not any(each.endswith(f".{name}") for each in names)
        )[:1]

    def in_head(self, key: str) -> bool:
        """Whether the tensor of this name belongs to the head."""
        return key.startswith(f"{self.head}.")


def title(name: str) -> str:
    """What an architecture is called in messages: ``torchvision ResNet50``, ``timm resnet18d``."""
    if name == DEFAULT_ARCHITECTURE:
        return "torchvision ResNet50"
    library = "timm" if name.startswith(TIMM_PREFIX) else "torchvision"
    return f"{library} {name.removeprefix(TIMM_PREFIX)}"


@functools.cache
def torchvision_names() -> tuple[str, ...]:
    """The names of torchvision's classification models; the front door's first."""
    names = models.list_models(module=models)
    return tuple(sorted(names, key=lambda name: name != DEFAULT_ARCHITECTURE))


def find_name(name: str) -> str:
    """The full name of the architecture that the user calls ``name``.

    Raises:
        TracInError: neither library has it, or it is timm's, and timm is not installed.
    """
    if name in torchvision_names():
        return name
    timm = timm_if_installed()
    short = name.removeprefix(TIMM_PREFIX)
    if timm is None:
        if name.startswith(TIMM_PREFIX):
            raise TracInError(
                f"--architecture {name}: timm is not installed. Install it with: pip install timm"
            )
        near = _near(name, torchvision_names())
        raise TracInError(
            f"There is no architecture {name} among torchvision's{near}. If it is one of timm's, "
            "install that with: pip install timm"
        )
    if timm.is_model(short.partition(".")[0]):  # the rest, as in resnet18.a1_in1k, names weights
        return f"{TIMM_PREFIX}{short}"
    known = [f"{TIMM_PREFIX}{each}" for each in timm.list_models()]
    near = _near(name, known if name.startswith(TIMM_PREFIX) else (*torchvision_names(), *known))
    raise TracInError(f"There is no architecture {name} in torchvision or timm{near}.")


def _near(name: str, known: Sequence[str]) -> str:
    plain = {each.removeprefix(TIMM_PREFIX): each for each in reversed(known)}
    near = difflib.get_close_matches(name.removeprefix(TIMM_PREFIX).lower(), plain, NEAR_NAMES)
    return f"; near it are {listed([plain[each] for each in near])}" if near else ""


def timm_if_installed() -> ModuleType | None:
    """The package timm; None where it is not there."""
    try:
        import timm
    except ImportError:
        return None
    module: ModuleType = timm
    return module


def has_timm_model(name: str) -> bool:
    """Whether timm is installed and knows this name, without its prefix."""
    timm = timm_if_installed()
    return timm is not None and bool(timm.is_model(name.partition(".")[0]))


def build(name: str, side: int | None = None) -> nn.Module:
    """The network ``name``, in eval mode, with ``CLASSES`` and random weights.

    Args:
        name: in full, as ``find_name`` returns it.
        side: of its images in pixels, for one that takes a single size; None: the usual.
    """
    options: dict[str, Any] = {}
    if name.startswith(TIMM_PREFIX):
        timm = timm_if_installed()
        if timm is None:
            find_name(name)  # raises: it is not installed
        options |= {} if side is None else {"img_size": side}
        make: Callable[..., nn.Module] = timm.create_model  # type: ignore[union-attr]
        network = make(name.removeprefix(TIMM_PREFIX), num_classes=CLASSES, **options)
    else:
        if name in SCALED_TO_ONE:
            options |= {"init_weights": False, "aux_logits": False}
        options |= {} if side is None else {"image_size": side}
        network = models.get_model(name, weights=None, **options)
    return network.eval().requires_grad_(False)


_DRAWS = (torch.Tensor.normal_, torch.Tensor.uniform_)


class _Shapes(TorchFunctionMode):
    """Tensors that weights are drawn into have no memory; what is computed has its numbers.

    Under ``torch.device("meta")`` a network that computes its widths with torch cannot be built,
    and tables of positions would be lost.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in _DRAWS or getattr(func, "__module__", "") == nn.init.__name__:
            drawn = args[0] if args else options["tensor"]
            if drawn.is_meta:  # torch would load its compiler to draw nothing: a second, 150 MB
                return drawn
        if func in (torch.empty, torch.zeros, torch.ones) and options.get("device") is None:
            options["device"] = "meta"
        return func(*args, **options)


def outline(name: str, shapes: Mapping[str, torch.Size] | None = None) -> Architecture:
    """The architecture ``name`` without numbers, in the time of an image or two.

    Args:
        name: in full.
        shapes: of a checkpoint, which may tell the size of its images; None: the usual size.
    """
    tables = ((key, tuple(size)) for key, size in (shapes or {}).items() if key in POSITIONS)
    return _outline(name, tuple(tables))


@functools.cache
def _outline(name: str, positions: tuple[tuple[str, tuple[int, ...]], ...]) -> Architecture:
    with _Shapes():
        network = build(name)
        side = _told_side(network, dict(positions))
        if side is not None:
            network = build(name, side)
    head = last = _last_layer(network)
    if not name.startswith(TIMM_PREFIX):  # whose networks use the parts of such a chain
        while (parent := head.rpartition(".")[0]) and is_sequential(network.get_submodule(parent)):
            head = parent
    return Architecture(name, network, head, last, side)


def _last_layer(network: nn.Module) -> str:
    """The name of the last layer: timm says it, else it is the last that has weights."""
    modules: dict[str, nn.Module] = dict(network.named_modules())
    said: object = getattr(network, "pretrained_cfg", {}).get("classifier")
    if isinstance(said, str) and said in modules:
        return said
    return [name for name, each in modules.items() if [*each.parameters(recurse=False)]][-1]


def is_sequential(module: nn.Module) -> bool:
    """Whether it is a chain, whose parts nothing but their order connects."""
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _told_side(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """The side of the images that a table of positions was made for; None where it is the usual."""
    table = next((size for size in shapes.values() if len(size) == 3), None)
    own = next((v for key, v in network.state_dict().items() if key in shapes), None)
    if table is None or own is None or table == own.shape:
        return None
    # torchvision's ViT has its patches' size itself, and one further position: the class token's.
    size = getattr(getattr(network, "patch_embed", network), "patch_size", None)
    patch = size[0] if isinstance(size, tuple) else size
    patches = table[1] - getattr(network, "num_prefix_tokens", 1)
    square = math.isqrt(max(0, patches)) ** 2 == patches
    return patch * math.isqrt(patches) if patch and square and patches else None
