"""A file of weights → its tensors by plain names, whatever they were wrapped in.

It is read with ``weights_only=True``: no file can run code here.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tracin.errors import TracInError
from tracin.wording import first_few

StateDict = dict[str, Tensor]

_BROKEN_FILE = (RuntimeError, EOFError, ValueError, KeyError, OSError, zipfile.BadZipFile)
"""What the readers raise on damaged files."""

_NESTING_KEYS = ("state_dict", "model_state_dict", "model")
"""Under which training programs keep the weights beside other things."""

_PREFIXES = ("module.", "model.", "_orig_mod.")
"""Of DataParallel, of a module that holds the network as ``self.model``, and of torch.compile."""


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds."""

    state: StateDict
    """By torchvision's names, such as ``conv1.weight``."""
    prefix: str
    """What was taken off every name, such as ``module.model.``."""
    extras: dict[str, Any]
    """What stood beside the weights: numbers, text, lists."""


def read_weights(path: Path) -> Weights:
    """The weights that ``path`` holds.

    Args:
        path: a ``.pth``/``.pt`` file that ``torch.save`` wrote, or a ``.safetensors`` file.

    Raises:
        TracInError: the file is damaged, needs code or a missing package to load, is no state_dict,
            or holds NaN or infinite weights.
    """
    content, extras = _unnested(_read_file(path))
    state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if len(state) < len(content) or not state:
        others = [str(key) for key in content if str(key) not in state]
        hold = "holds" if len(others) == 1 else "hold"
        fact = f"{first_few(others)} {hold} no tensors" if others else "it is empty"
        raise TracInError(
            f"{path} is not a state_dict: {fact}. Save the weights alone: "
            "torch.save(model.state_dict(), path)."
        )
    taken = ""
    while prefix := _shared_prefix(state):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        taken += prefix
    _check_finite(state, path)
    return Weights(state, taken, extras)


def read_extras(path: Path) -> dict[str, Any]:
    """What stands beside the weights in ``path``, without reading these where that can be helped.

    Raises:
        TracInError: the file is damaged, or needs code to load.
    """
    if path.suffix == ".safetensors":
        return {}  # beside the tensors it has text, in no usual form
    try:
        content = _read_file(path, lazily=True)
    except TracInError:
        content = _read_file(path)  # torch.save's form before 2020 cannot be mapped
    return _unnested(content)[1]


def _shared_prefix(state: StateDict) -> str:
    """That of ``_PREFIXES`` with which every name begins; "" for none."""
    shared = (prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state))
    return next(shared, "")


def _unnested(content: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """(the innermost mapping, what stood beside it on the way there)."""
    extras: dict[str, Any] = {}
    passed = [content]
    while inside := next(
        (key for key in _NESTING_KEYS if isinstance(content.get(key), Mapping)), ""
    ):
        # A damaged or malicious file may hold itself, and has no innermost mapping.
        if any(content[inside] is outer for outer in passed):
            break
        extras |= {key: value for key, value in content.items() if key != inside}
        content = content[inside]
        passed.append(content)
    return content, extras


def _read_file(path: Path, *, lazily: bool = False) -> Mapping[str, Any]:
    """What was saved; ``lazily``: with numbers that stay on the disk until they are used."""
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)
    except pickle.UnpicklingError as error:
        needs_code = re.search(r"GLOBAL (\S+)|Unsupported class (\S+)", str(error))
        if not needs_code:
            raise _damaged(path, error) from error
        raise TracInError(
            f"{path} holds more than weights ({needs_code.group(1) or needs_code.group(2)}), and "
            "loading that would run code from the file. Re-save it where you trained: "
            "torch.save(model.state_dict(), 'weights.pth')."
        ) from error
    except _BROKEN_FILE as error:
        raise _damaged(path, error) from error
    if not isinstance(content, Mapping):
        raise TracInError(
            f"{path} holds a {type(content).__name__}, not a state_dict. Save the weights alone: "
            "torch.save(model.state_dict(), path)."
        )
    return content


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise TracInError(
            f"{path} cannot be read: safetensors is not installed. Install it with: "
            "pip install safetensors"
        ) from None
    try:
        return dict(load_file(path))
    except (SafetensorError, *_BROKEN_FILE) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TracInError:
    fact = (str(error).strip() or type(error).__name__).splitlines()[0]
    return TracInError(
        f"{path} cannot be read as weights: it is damaged or no PyTorch checkpoint ({fact}). Copy "
        "or save it again."
    )


def _check_finite(state: StateDict, path: Path) -> None:
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            bad = int((~torch.isfinite(value)).sum())
            raise TracInError(
                f"{path} holds NaN or infinite weights: {bad:,} of {value.numel():,} in {key}. The "
                "training diverged; use an earlier checkpoint."
            )
