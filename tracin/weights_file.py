"""A file of weights → what was saved in it, whichever program wrote it and however damaged it is.

It is read with ``weights_only=True``: no file can run code here. What is in a file decides how it
is read, not its name.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from tracin.errors import TracInError
from tracin.machine.refusals import is_lack_of_memory
from tracin.wording import first_sentence

_SNIFFED = 512
"""Bytes of the beginning that tell one kind of file from another."""

_DOWNLOAD = "Download the file itself, not the page about it."
_RESAVE = "Save the weights alone where you trained: torch.save(model.state_dict(), 'weights.pth')."
_FOREIGN = (
    (rb"version https://git-lfs", "a Git LFS pointer, not the weights", "Run: git lfs pull"),
    (rb"\s*<(!doctype|html|\?xml|head)", "a web page, not the weights", _DOWNLOAD),
    (rb"\s*[{\[]\s*[\"\]}\[{]", "JSON, not weights", "Name the file of the weights."),
    (rb"\x89HDF\r\n", "an HDF5 file, of Keras or TensorFlow", _RESAVE),
    (rb"\x93NUMPY", "a NumPy array", _RESAVE),
    (rb"\x1f\x8b|7z\xbc\xaf|Rar!", "a packed archive", "Unpack it and name the file inside."),
)
"""How other files begin (a pattern), what they are, and what to do."""

_ADVICE = "weights_only"
"""Where this word stands in torch's message, it goes on to advise loading the file unsafely."""


def check_there(path: Path) -> None:
    """Check that there is a regular file of that name.

    Raises:
        TracInError: there is none.
    """
    if path.is_dir():
        raise TracInError(f"{path} is a folder. Name the checkpoint in it with --model_path.")
    if path.exists() and not path.is_file():
        raise TracInError(f"{path} is no regular file. Name a checkpoint with --model_path.")
    if not path.is_file():
        raise TracInError(
            f"There is no checkpoint {path}. Put the file there or name yours with --model_path "
            "(--demo makes a small one to try the tool with)."
        )


def read_content(path: Path, *, lazily: bool = False) -> Mapping[str, Any]:
    """What was saved in ``path``: tensors and other things by name, as nested as it was.

    Args:
        path: a file that ``torch.save`` wrote, or a safetensors file.
        lazily: leave numbers on the disk until they are used, where the format allows it.

    Raises:
        TracInError: it is another kind of file, damaged, too large for the memory, or needs code or
            a missing package to load.
    """
    if _is_safetensors(path):
        return _read_safetensors(path)
    # torch goes by the name alone, and a file called .safetensors need not be one.
    misnamed = path.suffix == ".safetensors"
    with _guarded(path):
        source = io.BytesIO(path.read_bytes()) if misnamed else path
        content = torch.load(
            source, map_location="cpu", weights_only=True, mmap=lazily and not misnamed
        )
    if not isinstance(content, Mapping):
        raise TracInError(
            f"{path} holds a {type(content).__name__}, not a state_dict. Save the weights alone: "
            "torch.save(model.state_dict(), path)."
        )
    if {"state", "param_groups"} <= set(content):
        raise TracInError(f"{path} holds the state of an optimizer and no weights. {_RESAVE}")
    return content


def _is_safetensors(path: Path) -> bool:
    """Whether it is, by its first bytes, or by its name where these tell nothing.

    Raises:
        TracInError: it is no file of weights at all.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_SNIFFED)
        size = path.stat().st_size
    except FileNotFoundError:
        return path.suffix == ".safetensors"  # whoever opens it says that it is gone
    except OSError as error:
        raise TracInError(f"{path} cannot be opened ({error.strerror or error}).") from error
    if not size:
        raise TracInError(f"{path} is empty. Copy or save it again.")
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
        return True
    for pattern, kind, remedy in _FOREIGN:
        if re.match(pattern, start, re.IGNORECASE):
            raise TracInError(f"{path} is {kind}. {remedy}")
    with _guarded(path):
        is_archive = zipfile.is_zipfile(path)
    if is_archive:
        _check_archive(path)
        return False
    return path.suffix == ".safetensors" and not start.startswith(b"\x80")


def _check_archive(path: Path) -> None:
    """Raise TracInError where the zip archive ``path`` was not written by torch.save."""
    with _guarded(path), zipfile.ZipFile(path) as archive:
        names = [name.partition("/")[2] or name for name in archive.namelist()]
    if "constants.pkl" in names:
        raise TracInError(
            f"{path} is a TorchScript program. Take its weights out where you trust it: "
            "torch.save(torch.jit.load(path).state_dict(), 'weights.pth')."
        )
    if "data.pkl" not in names:
        raise TracInError(f"{path} is a zip archive. Unpack it and name the weights inside.")


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Turn whatever a foreign parser raises into a sentence about ``path``, and keep it quiet.

    On damaged files they raise what they like: IndexError, AssertionError, struct.error, ...
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except pickle.UnpicklingError as error:
        needs_code = re.search(r"GLOBAL (\S+)|Unsupported class (\S+)", str(error))
        if not needs_code:
            raise _damaged(path, error) from error
        raise TracInError(
            f"{path} holds more than weights ({needs_code.group(1) or needs_code.group(2)}), and "
            "loading that would run code from the file. Re-save it where you trained: "
            "torch.save(model.state_dict(), 'weights.pth')."
        ) from error
    except Exception as error:
        if is_lack_of_memory(error):
            raise TracInError(
                f"There is not enough memory for what {path} says that it holds; the file has "
                f"{path.stat().st_size:,} bytes. Where that is little, it is damaged: copy it "
                "again. Else close other programs, or use a machine with more memory."
            ) from error
        raise _damaged(path, error) from error


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        from safetensors import safe_open
    except ImportError:
        raise TracInError(
            f"{path} cannot be read: safetensors is not installed. Install it with: "
            "pip install safetensors"
        ) from None
    with _guarded(path), safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _damaged(path: Path, error: Exception) -> TracInError:
    text = str(error).strip()
    inner = re.search(r"WeightsUnpickler error: (.+)", text)
    # Its first sentence: torch goes on to speak to its own developers.
    fact = first_sentence(inner.group(1) if inner else text)
    if not fact or _ADVICE in fact:
        fact = type(error).__name__
    return TracInError(
        f"{path} cannot be read as weights: it is damaged or no PyTorch checkpoint "
        f"({fact[:150]}). Copy or save it again."
    )
