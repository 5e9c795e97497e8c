"""Faults of checkpoints: tensors that are no plain numbers, wrappings, files that run code."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

State = dict[str, Any]


def _sparse(value: Tensor) -> Tensor:
    return value.float().reshape(max(1, len(value) if value.ndim else 1), -1).to_sparse()


def _quantised(value: Tensor) -> Tensor:
    return torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8)


def _huge(value: Tensor) -> Tensor:
    return torch.zeros(1).expand(1 << 20, 1 << 20)


def _with(number: float) -> Callable[[Tensor], Tensor]:
    def change(value: Tensor) -> Tensor:
        changed = value.float().clone()
        changed.reshape(-1)[0] = number
        return changed

    return change


TENSOR_FAULTS: dict[str, Callable[[Tensor], Any]] = {
    "sparse": _sparse,
    "sparse CSR": lambda value: _sparse(value).to_sparse_csr(),
    "meta": lambda value: value.to("meta"),
    "quantised": _quantised,
    "float8 e5m2": lambda value: value.float().to(torch.float8_e5m2),
    "float64": lambda value: value.double() if value.is_floating_point() else value,
    "float16": lambda value: value.to(torch.float16),
    "complex": lambda value: value.float().to(torch.complex64),
    "whole numbers": lambda value: value.float().to(torch.int64),
    "truth values": lambda value: value.float() > 0,
    "stride 0": lambda value: torch.zeros(1).expand(value.shape),
    "terabytes": _huge,
    "nested": lambda value: torch.nested.nested_tensor([value.float().flatten()]),
    "NaN": _with(float("nan")),
    "infinite": _with(float("inf")),
    "too large for scores": _with(3e38),
    "transposed": lambda value: value.float().transpose(0, -1) if value.ndim else value,
    "flat": lambda value: value.float().flatten(),
    "one dimension more": lambda value: value.unsqueeze(0),
    "empty": lambda value: value.float().new_empty(0),
    "empty rows": lambda value: value.float().new_empty((0, *value.shape[1:])),
    "a single number": lambda value: torch.tensor(1.0),
    "zeros": lambda value: torch.zeros_like(value, dtype=torch.float32),
    "a parameter": lambda value: nn.Parameter(value.float()),
    "a list": lambda value: value.float().flatten()[:5].tolist(),
    "nothing": lambda value: None,
    "text": lambda value: "weights",
    "a mapping": lambda value: {"weight": value},
}


def _prefixed(prefix: str) -> Callable[[Random, State], Any]:
    return lambda _random, state: {f"{prefix}{key}": value for key, value in state.items()}


def _renamed(random: Random, state: State) -> State:
    key = random.choice(list(state))
    state[
        random.choice((f"{key}x", "fc.weight", "fc.9999999999.weight", "", "\x1b[31m", "x" * 5000))
    ] = state.pop(key)
    return state


def _without_head(_random: Random, state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def _other_head(random: Random, state: State) -> State:
    state = _without_head(random, state)
    classes = random.choice((0, 1, 2, 2, 3, 1000))
    name = random.choice(("fc", "fc.1", "classifier", "head.fc"))
    return {
        **state,
        f"{name}.weight": torch.zeros(classes, 2048),
        f"{name}.bias": torch.zeros(classes),
    }


def _holding_itself(_random: Random, state: State) -> State:
    outer: State = {"state_dict": state}
    outer["self"] = outer
    return outer


def _deep(_random: Random, state: State) -> Any:
    inner: Any = state
    for _ in range(40):
        inner = {"model": inner}
    return inner


def _extras(random: Random, state: State) -> State:
    values: tuple[Any, ...] = (
        *(None, -1, 0, 1e400, 10**400, float("nan"), "1e999", "", [], {}, [1, 2], [None, None]),
        *(torch.tensor(float("nan")), torch.ones(3, 3), torch.zeros(1).expand(1 << 30), {"a": 1}),
        *(
            ["cat", "cat"],
            ["dog", "cat"],
            ["cat", "\x1b[31m"],
            {"cat": 0, "dog": 5},
            {0: "cat", 1: 2},
            True,
        ),
    )
    keys: tuple[str, ...] = (
        "epoch",
        "class_names",
        "class_to_idx",
        "resize_size",
        "crop_size",
        "mean",
        "std",
        "lr",
    )
    keys += ("learning_rate", "label_smoothing", "class_weights", "epoch", "\x1b[31m")
    chosen = {key: random.choice(values) for key in random.sample(keys, random.randrange(1, 4))}
    return {"state_dict": state, **chosen}


STATE_FAULTS: dict[str, Callable[[Random, State], Any]] = {
    "module.": _prefixed("module."),
    "net.": _prefixed("net."),
    "module.model._orig_mod.": _prefixed("module.model._orig_mod."),
    "a key renamed": _renamed,
    "a key missing": lambda random, state: state.pop(random.choice(list(state))) is None or state,
    "no head": _without_head,
    "another head": _other_head,
    "twice": lambda _random, state: {"model": state, "ema": dict(state)},
    "two networks": lambda _random, state: {
        **_prefixed("a.")(_random, state),
        **_prefixed("b.")(_random, state),
    },
    "averaged": lambda random, state: {
        **_prefixed("module.")(random, state),
        "n_averaged": torch.tensor(3),
    },
    "holding itself": _holding_itself,
    "40 levels": _deep,
    "things beside it": _extras,
    "other things beside it": _extras,
    "keys that are no text": lambda _random, state: dict(enumerate(state.values())),
    "a list": lambda _random, state: list(state.values()),
    "a tensor": lambda _random, state: next(iter(state.values())),
    "a number": lambda _random, _state: 7,
    "nothing": lambda _random, _state: None,
    "an empty mapping": lambda _random, _state: {},
    "an ordered mapping": lambda _random, state: OrderedDict(state),
    "an optimizer": lambda _random, _state: torch.optim.Adam(
        [nn.Parameter(torch.zeros(3))]
    ).state_dict(),
}


class _Runs:
    """Its pickle calls ``os.system``."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def write_tensor_fault(random: Random, state: State, path: Path) -> str:
    """Write the state with one tensor spoiled."""
    name = random.choice(list(TENSOR_FAULTS))
    likely = ("conv1.weight", "fc.0.weight", "fc.4.weight", "fc.4.bias", "bn1.num_batches_tracked")
    key = random.choice((*likely, random.choice(list(state))))
    try:
        changed = {**state, key: TENSOR_FAULTS[name](state[key])}
        torch.save(changed, path)
    except (RuntimeError, NotImplementedError):  # torch does not make or save such a one
        torch.save({**state, key: None}, path)
        name = "nothing"
    return f"{key}: {name}"


def write_state_fault(random: Random, state: State, path: Path) -> str:
    """Write the state in another wrapping."""
    name = random.choice(list(STATE_FAULTS))
    changed = STATE_FAULTS[name](random, dict(state))
    torch.save(changed, path, _use_new_zipfile_serialization=random.random() < 0.8)
    return name


def write_foreign(random: Random, path: Path, canary: Path) -> str:
    """Write another kind of file, with code to run in some; return what it is."""
    command = f"touch {canary}/ran"
    small = {"fc.weight": torch.zeros(2, 2048)}
    kinds: dict[str, Callable[[], object]] = {
        "a pickle that runs code": lambda: path.write_bytes(pickle.dumps(_Runs(command))),
        "code beside weights": lambda: torch.save({"state_dict": small, "x": _Runs(command)}, path),
        "a whole model": lambda: torch.save(nn.Linear(2, 2), path),
        "a plain pickle": lambda: path.write_bytes(pickle.dumps({"fc.weight": [1.0]})),
        "a zip archive": lambda: _write_zip(path, {"a.txt": b"text"}),
        "a zip of a broken pickle": lambda: _write_zip(path, {"m/data.pkl": random.randbytes(50)}),
        "a zip without numbers": lambda: _write_zip(
            path, {"m/data.pkl": pickle.dumps({}), "m/version": b"3"}
        ),
        "TorchScript": lambda: torch.jit.save(
            torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), path
        ),
        "NumPy": lambda: path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}"),
        "safetensors": lambda: path.write_bytes(_safetensors(random)),
        "another safetensors": lambda: path.write_bytes(_safetensors(random)),
    }
    name = random.choice(list(kinds))
    kinds[name]()
    return name


def _write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def _safetensors(random: Random) -> bytes:
    header = random.choice(
        (
            '{"fc.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
            '{"fc.weight":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,8]}}',
            '{"fc.weight":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}',
            '{"fc.weight":{"dtype":"F32","shape":[-2],"data_offsets":[8,0]}}',
            '{"fc.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,80000]}}',
            '{"__metadata__":{"a":1}}',
            "{}",
            "{" * 5000,
            '{"a":' * 3000,
            '{"\\ud800":null}',
        )
    ).encode()
    length = random.choice((len(header), len(header), len(header), 0, 5, 10**6, 2**63, 2**64 - 1))
    return struct.pack("<Q", length) + header + bytes(8)


def as_saved(state: State) -> bytes:
    """The bytes that torch.save writes."""
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()
