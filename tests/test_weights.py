"""A file of weights is freed of its wrappings, and says what is wrong with it."""

from __future__ import annotations

import json
import pickle
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tracin.architectures import FAMILIES
from tracin.errors import TracInError
from tracin.weights import read_extras, read_outline, read_weights
from tracin.weights_file import check_there

ONES = torch.ones(2)


def saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def test_what_was_taken_off_and_what_stood_beside_are_kept(tmp_path: Path) -> None:
    content = {"model": {"state_dict": {"module.model.a": ONES}, "epoch": 3}, "lr": 0.1}
    weights = read_weights(saved(content, tmp_path / "w.pth"))
    assert weights.state.keys() == {"a"}
    assert torch.equal(weights.state["a"], ONES)
    assert weights.prefix == "module.model."
    assert weights.extras == {"epoch": 3, "lr": 0.1}


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"optimizer": {}, "epoch": 3}])
def test_a_file_without_weights_has_an_empty_outline(content: Any, tmp_path: Path) -> None:
    """Of no names all begin with any prefix: it once looked for ever longer ones."""
    assert read_outline(saved(content, tmp_path / "w.pth")).shapes == {}


def test_a_prefix_that_not_all_share_stays(tmp_path: Path) -> None:
    weights = read_weights(saved({"model.a": ONES, "b": ONES}, tmp_path / "w.pth"))
    assert (set(weights.state), weights.prefix) == ({"model.a", "b"}, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is not a state_dict: it is empty"),
        ({"epoch": 3, "a": ONES}, "is not a state_dict: epoch holds no tensors"),
        (dict.fromkeys("abcdefg", 1), "a, b, c, d, e and 2 more hold no tensors"),
    ],
)
def test_what_is_no_state_dict_is_named(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=message):
        read_weights(saved(content, tmp_path / "w.pth"))


@pytest.mark.parametrize("detour", [False, True])
def test_a_file_that_holds_itself_is_refused(detour: bool, tmp_path: Path) -> None:
    content: dict[str, Any] = {"a": ONES}
    content["model"] = {"state_dict": content} if detour else content
    with pytest.raises(
        TracInError, match=r"is not a state_dict: (model|state_dict) holds no tensors"
    ):
        read_weights(saved(content, tmp_path / "w.pth"))


def test_without_safetensors_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(TracInError, match=r"safetensors is not installed.*pip install safetensors"):
        read_weights(tmp_path / "w.safetensors")


MARK = "layer1.0.conv1.weight"
NETWORK = {"conv1.weight": ONES, MARK: ONES, "fc.weight": ONES, "fc.bias": ONES}


def under(prefix: str) -> dict[str, Any]:
    return {prefix + key: value for key, value in NETWORK.items()}


WRAPPED: dict[str, tuple[Any, str]] = {
    "averaged": ({"n_averaged": torch.tensor(5), **under("module.")}, "module."),
    "a loss beside it": ({"state_dict": {**under("model."), "criterion.weight": ONES}}, "model."),
    "a metric inside": ({**NETWORK, "val_accuracy.total": torch.tensor(1.0)}, ""),
    "net": (under("net."), "net."),
    "encoder": (under("module.encoder."), "module.encoder."),
    "unknown key": ({"net": NETWORK, "acc": 91.2, "epoch": 3}, ""),
    "deep": ({"a": {"b": {"c": under("x.y.")}, "lr": 1}}, "x.y."),
    "average beside the usual one": ({"model": NETWORK, "ema": under("module.")}, ""),
    "momentum encoder without a head": ({**under("q."), f"k.{MARK}": ONES}, "q."),
}


@pytest.mark.parametrize("case", WRAPPED)
def test_the_network_is_found_under_any_wrapping(case: str, tmp_path: Path) -> None:
    content, prefix = WRAPPED[case]
    weights = read_weights(saved(content, tmp_path / "w.pth"))
    assert set(NETWORK) <= set(weights.state)
    assert all(key in NETWORK or key.startswith("k.") for key in weights.state)
    assert weights.prefix == prefix


def test_what_may_be_part_of_the_network_is_kept_for_the_comparison(tmp_path: Path) -> None:
    weights = read_weights(saved({**under("net."), "attention.weight": ONES}, tmp_path / "w.pth"))
    assert "attention.weight" in weights.state


@pytest.mark.parametrize(
    "content",
    [{"student": NETWORK, "teacher": NETWORK | {}}, {**under("online."), **under("ema.")}],
)
def test_of_several_networks_none_is_guessed(content: Any, tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=r"holds several networks.*(student|online\.)"):
        read_weights(saved(content, tmp_path / "w.pth"))


UNUSABLE: dict[str, tuple[Callable[[], torch.Tensor], str]] = {
    "sparse": (lambda: torch.eye(3).to_sparse(), "x is stored as sparse_coo"),
    "compressed": (lambda: torch.eye(4).to_sparse_csr(), "x is stored as sparse_csr"),
    "meta": (lambda: torch.ones(3, device="meta"), "x is a meta tensor"),
    "terabytes": (lambda: torch.zeros(1).expand(10**12), "x has shape .* fewer numbers stored"),
    "quantised": (lambda: torch.quantize_per_tensor(ONES, 0.1, 0, torch.qint8), "x is quantised"),
    "whole numbers": (lambda: torch.ones(3, dtype=torch.int8), "x is stored as int8"),
    "complex": (lambda: torch.ones(3, dtype=torch.complex64), "x is stored as complex64"),
    "nothing": (lambda: torch.ones(0, 3), "x has shape .* holds no number"),
    "too large for float32": (
        lambda: torch.full((2,), 1e300, dtype=torch.float64),
        "holds NaN or infinite",
    ),
}


@pytest.mark.filterwarnings("ignore")  # torch's, while these are made
@pytest.mark.parametrize("case", UNUSABLE)
def test_numbers_in_another_layout_are_named(case: str, tmp_path: Path) -> None:
    value, message = UNUSABLE[case]
    path = saved({"x": value()}, tmp_path / "w.pth")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(TracInError, match=message):
            read_weights(path)
    assert not told


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16])
def test_narrow_numbers_are_read_exactly(kind: torch.dtype, tmp_path: Path) -> None:
    exact = torch.tensor([0.5, -1.75, 448.0])
    state = read_weights(saved({"x": exact.to(kind)}, tmp_path / "w.pth")).state
    assert torch.equal(state["x"], exact)


FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"),
    "page": (b"\n<!DOCTYPE html><html>", "is a web page"),
    "json": (b'{"a": 1}', "is JSON, not weights"),
    "keras": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    "packed": (b"\x1f\x8b\x08\x00", "is a packed archive"),
    "stack": (b"\x80\x02.", "is damaged or no PyTorch checkpoint"),
    "plain pickle": (pickle.dumps([1, 2], 4), "is damaged or no PyTorch checkpoint"),
    "short header": (struct.pack("<Q", 2) + b"{", "is damaged or no PyTorch checkpoint"),
}


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_files_are_told_apart(case: str, suffix: str, tmp_path: Path) -> None:
    content, message = FOREIGN[case]
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    for read in (read_weights, read_extras):
        with pytest.raises(TracInError, match=message) as caught:
            read(path)
        assert "weights_only" not in str(caught.value)


def test_other_archives_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    for name, message in (("w/constants.pkl", "TorchScript"), ("photo.jpg", "zip archive")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
        with pytest.raises(TracInError, match=message):
            read_weights(path)


def test_what_is_in_a_file_counts_and_not_its_name(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({"x": ONES}, tmp_path / "w.pth")
    saved({"x": ONES}, tmp_path / "w.safetensors")
    for path in tmp_path.iterdir():
        assert torch.equal(read_weights(path).state["x"], ONES)


def test_an_optimizers_file_is_named(tmp_path: Path) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(ONES)], lr=0.1)
    with pytest.raises(TracInError, match="the state of an optimizer and no weights"):
        read_weights(saved(optimizer.state_dict(), tmp_path / "w.pth"))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TracInError, match="is a folder"):
        check_there(tmp_path)
    with pytest.raises(TracInError, match="no regular file"):
        check_there(Path("/dev/null"))


def test_damage_anywhere_ends_in_a_sentence(tmp_path: Path) -> None:
    """Bytes changed, cut off or put in, in each of three formats."""
    random = torch.Generator().manual_seed(0)
    originals = [saved(NETWORK, tmp_path / "new.pth")]
    originals.append(tmp_path / "old.pth")
    torch.save(NETWORK, originals[-1], _use_new_zipfile_serialization=False)
    header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    originals.append(tmp_path / "w.safetensors")
    originals[-1].write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    for original in originals:
        whole = original.read_bytes()
        path = tmp_path / f"changed{original.suffix}"
        for _ in range(60):
            place, value, kind = torch.randint(1 << 30, (3,), generator=random).tolist()
            place %= len(whole)
            inside = [bytes([value % 256]), b"", bytes([value % 256]) * 3][kind % 3]
            tail = b"" if kind % 7 == 0 else whole[place + 1 :]
            path.write_bytes(whole[:place] + inside + tail)
            try:
                read_weights(path)
                read_extras(path)
            except TracInError as error:
                assert "weights_only" not in str(error)


def test_a_nested_tensor_is_told_before_its_shape_is_asked_for(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of a prototype
        nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    torch.save({"fc.weight": nested}, tmp_path / "nested.pth")
    with pytest.raises(TracInError, match=r"fc\.weight is a nested tensor"):
        read_weights(tmp_path / "nested.pth")


@pytest.mark.parametrize("fault", ["allocate", "shape"])
def test_what_torch_says_is_told_as_what_it_is(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "allocate": "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.",
        "shape": "invalid header. This is an internal error. Report it to PyTorch.",
    }

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(said[fault])

    torch.save({"fc.weight": ONES}, tmp_path / "w.pth")
    monkeypatch.setattr(torch, "load", fail)
    expected = {"allocate": "not enough memory", "shape": r"\(invalid header\)\. Copy"}[fault]
    with pytest.raises(TracInError, match=expected):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("mark", FAMILIES)
def test_networks_of_every_family_are_found_under_a_prefix(mark: str, tmp_path: Path) -> None:
    network = {f"net.{mark}": ONES, "net.head.weight": ONES, "criterion.weight": ONES}
    weights = read_weights(saved({"ema": network, "lr": 0.1}, tmp_path / "w.pth"))
    assert (set(weights.state), weights.prefix) == ({mark, "head.weight"}, "net.")
    assert weights.extras == {"lr": 0.1}


def test_a_named_network_is_found_by_its_own_mark(tmp_path: Path) -> None:
    path = saved({"a.b.patch_embed.proj.weight": ONES, "loss.x": ONES}, tmp_path / "w.pth")
    assert read_weights(path, ["patch_embed.proj.weight"]).prefix == "a.b."
    outline = read_outline(path, ["patch_embed.proj.weight"])
    assert outline.shapes == {"patch_embed.proj.weight": ONES.shape}


def test_tables_of_positions_may_hold_whole_numbers(tmp_path: Path) -> None:
    table = torch.arange(6).view(2, 3)
    for name in ("attn.relative_position_index", "attention_bias_idxs", "idx"):
        state = read_weights(saved({name: table}, tmp_path / "w.pth")).state
        assert torch.equal(state[name], table)
    with pytest.raises(TracInError, match="weight is stored as int64"):
        read_weights(saved({"index.weight": table}, tmp_path / "w.pth"))
