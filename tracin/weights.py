"""A file of weights → a plain state dict: read without running its code, wrappers taken off.

Scoring and training read checkpoints through this module, so that both know the same wrappers.
"""

from __future__ import annotations

import hashlib
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

StateDict = dict[str, Tensor]

NESTING_KEYS = ("state_dict", "model_state_dict", "model")
"""Under one of these a checkpoint keeps its weights beside other things."""

PREFIXES = ("module.", "model.", "_orig_mod.")
"""Of DataParallel, of a module that wraps the network, and of torch.compile."""


@dataclass(frozen=True)
class Weights:
    """The weights of a file, float32, on the CPU."""

    state: StateDict
    """Keys without the prefixes that all of them had."""
    extras: dict[str, Any]
    """What stood beside the weights: numbers, text, lists."""
    prefix: str
    """What was taken off the keys, such as ``model.``."""


def read_weights(path: Path) -> Weights:
    """The weights in ``path``, wrappers taken off.

    Args:
        path: a ``.pth``/``.pt`` file that ``torch.save`` wrote, or a ``.safetensors`` file.

    Raises:
        TracInError: the file is damaged, needs code to load, holds no weights, or NaN or infinite
            ones.
    """
    content = _read_file(path)
    extras: dict[str, Any] = {}
    for key in NESTING_KEYS:
        if isinstance(content.get(key), Mapping):
            extras = {name: value for name, value in content.items() if name != key}
            content = content[key]
            break
    state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if len(state) < len(content) or not state:
        others = [str(key) for key in content if str(key) not in state][:5]
        raise TracInError(
            f"{path} is no state_dict: {', '.join(others) or 'it'} holds no tensors. Save the "
            "weights alone: torch.save(model.state_dict(), path)."
        )
    taken = ""
    while prefix := next((p for p in PREFIXES if all(k.startswith(p) for k in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        taken += prefix
    _check_finite(state, path)
    return Weights({key: value.float() for key, value in state.items()}, extras, taken)


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        needs_code = re.search(r"GLOBAL (\S+)|Unsupported class (\S+)", str(error))
        if not needs_code:
            raise _damaged(path, error) from error
        raise TracInError(
            f"{path} holds more than weights ({needs_code.group(1) or needs_code.group(2)}), and "
            "loading that would run code from the file. Re-save it where you trained: "
            "torch.save(model.state_dict(), 'weights.pth')."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error
    except Exception as error:  # safetensors raises a class of its own, derived from Exception
        if type(error).__module__.startswith("safetensors"):
            raise _damaged(path, error) from error
        raise
    if not isinstance(content, Mapping):
        raise TracInError(
            f"{path} holds a {type(content).__name__}, not a state_dict. Save the weights alone: "
            "torch.save(model.state_dict(), path)."
        )
    return content


def _damaged(path: Path, error: Exception) -> TracInError:
    fact = (str(error).strip() or type(error).__name__).splitlines()[0]
    return TracInError(
        f"{path} is damaged or no PyTorch checkpoint ({fact}). Copy or save it again."
    )


def _check_finite(state: StateDict, path: Path) -> None:
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            count = int((~torch.isfinite(value)).sum())
            raise TracInError(
                f"{path} holds NaN or infinite weights: {count} of {value.numel()} in {key}. The "
                "training diverged; use an earlier checkpoint."
            )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
