"""A file of weights is freed of its wrappings, and says what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tracin.errors import TracInError
from tracin.weights import read_weights

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
