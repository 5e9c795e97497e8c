"""Arguments in Python: the flags of the script, and what is no use is refused by name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.in_python.digits import (
    part,
    quiet,
)
from tracin import compute
from tracin.errors import TracInError

WRONG_ARGUMENTS: list[dict[str, Any]] = [
    {"method": "tracln"},
    {"precision": "fp16"},
    {"device": "gpu"},
    {"class_weights": "weird"},
    {"label_smoothing": 2.0},
    {"learning_rate": -1.0},
    {"learning_rate": [0.1, float("nan")]},
    {"train_subset": 0},
    {"test_subset": -5},
    {"crop_size": 0},
    {"top_k": 0},
    {"batch_size": 0},
    {"num_workers": -1},
    {"mean": (0.5,)},
    {"std": (0.0, 0.0, 0.0)},
    {"damping": 0.0},
]


@pytest.mark.parametrize("wrong", WRONG_ARGUMENTS, ids=str)
def test_an_argument_that_the_script_would_refuse_is_refused(
    wrong: dict[str, Any], network: nn.Sequential, tmp_path: Path
) -> None:
    (name,) = wrong
    with pytest.raises(TracInError, match=rf"^{name}=.* cannot be used: give "):
        compute(network, part(0, 20), part(20, 30), tmp_path, **wrong, say=quiet)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", " a", "x\r", "nan", "a\ud800"])
def test_a_class_name_that_no_list_could_hold_is_refused(
    name: str, network: nn.Sequential, tmp_path: Path
) -> None:
    names = [name, *"bcdefghij"]
    with pytest.raises(TracInError, match="class_names="):
        compute(network, part(0, 20), part(20, 30), tmp_path, class_names=names, say=quiet)


def test_numbers_and_single_files_may_be_of_any_kind(
    network: nn.Sequential, tmp_path: Path
) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pth")
    rates: tuple[Any, ...] = (torch.tensor(0.5), np.array([0.5]), np.float32(0.5))
    for rate in rates:
        info = compute(
            *(network, part(0, 20), part(20, 30), tmp_path),
            checkpoints=str(tmp_path / "w.pth"),
            learning_rate=rate,
            say=quiet,
        )
        assert info.checkpoints[0].learning_rate == 0.5


def test_the_keywords_are_the_script_s_flags() -> None:
    """One meaning, one name, one default."""
    from TracIn_Resnet50 import build_parser

    flags = vars(build_parser().parse_args([]))
    named = {
        name: parameter.default
        for name, parameter in inspect.signature(compute).parameters.items()
        if name in flags
    }
    assert len(named) > 15
    differing = {
        name for name, default in named.items() if (default or None) != (flags[name] or None)
    }
    assert not differing
