"""A data set whose transform is not that of the training: which it should be is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset
from torchvision.transforms import v2

from tests.in_python.digits import LABELS, PIXELS
from tracin import compute
from tracin.compute.check.normalized import (
    IMAGENET,
    NONE,
    TO_ONE,
    Renormalized,
    normalization_of_inputs,
)
from tracin.flags import IMAGENET_MEAN, IMAGENET_STD
from tracin.images import Normalization
from tracin.in_python.data_set import DataSetInputs

COLOURED = 0.1 + 0.8 * PIXELS.expand(-1, 3, -1, -1)
"""Pixels from 0.1 to 0.9 of three channels."""


class Shown(Dataset[Any]):
    """Digits as a transform leaves them; its steps can be looked at or not."""

    def __init__(self, start: int, stop: int, *steps: nn.Module) -> None:
        self.rows = range(start, stop)
        self.transform: nn.Module = v2.Compose([nn.Identity(), *steps])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        row = self.rows[index]
        return self.transform(COLOURED[row]), int(LABELS[row])


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, image: Tensor) -> Tensor:
        return image * self.factor


class Sine(nn.Module):
    """No brighter and no darker image is the same to it."""

    def forward(self, image: Tensor) -> Tensor:
        return (2 * image).sin()


def normalized(of: Normalization) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (of.mean, of.std))
    return (COLOURED - mean) / std


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    """Trained on digits with ImageNet's statistics taken off."""
    torch.manual_seed(0)
    network = nn.Sequential(Sine(), nn.Flatten(), nn.Linear(192, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    pixels = normalized(IMAGENET)
    for _ in range(6):
        for start in range(0, 1400, 50):
            rows = slice(start, start + 50)
            functional.cross_entropy(network(pixels[rows]), LABELS[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
    return network


@pytest.mark.parametrize(
    "steps", [(nn.Identity(),), (Times(255.0),), (v2.Normalize([0.5] * 3, [0.1] * 3),)]
)
def test_the_right_normalisation_is_named(
    steps: tuple[nn.Module, ...], network: nn.Sequential, tmp_path: Path
) -> None:
    """Whether the data set tells what it did or not; and no flag is named, since there is none."""
    sides = Shown(0, 200, *steps), Shown(1400, 1450, *steps)
    said: list[str] = []
    info = compute(network, *sides, results=tmp_path, say=said.append)
    assert info.model_check is not None
    (cause,) = info.model_check.causes
    assert cause.startswith(
        "The images seem to be normalised otherwise than in training: with pixels from 0 to 1, "
        f"then Normalize({list(IMAGENET_MEAN)}, {list(IMAGENET_STD)}), the model is right on "
    )
    assert "--" not in cause


OWN = Normalization((0.1, 0.2, 0.3), (2.0, 3.0, 4.0))
BYTES = Normalization((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))


@pytest.mark.parametrize(
    ("last", "told", "expected"),
    [
        (nn.Identity(), False, NONE),
        (Times(255.0), False, BYTES),
        (v2.Normalize([0.5] * 3, [0.5] * 3), False, TO_ONE),
        (v2.Normalize(IMAGENET_MEAN, IMAGENET_STD), False, IMAGENET),
        (v2.Normalize(OWN.mean, OWN.std), True, OWN),
    ],
)
def test_what_was_done_to_the_pixels(last: nn.Module, told: bool, expected: Normalization) -> None:
    """Known, or told from the values. Done otherwise, the inputs are as if done so at once."""
    shown = Shown(0, 40, last)
    if not told:
        shown.transform = last  # whose steps nobody looks at
    inputs = DataSetInputs(shown, torch.arange(40).numpy(), (3, 8, 8))
    assert (inputs.normalization is not None) == told
    known = normalization_of_inputs(inputs, len(shown))
    assert known == expected
    again = Renormalized(inputs, known, IMAGENET)
    torch.testing.assert_close(again[3], normalized(IMAGENET)[3], atol=1e-4, rtol=1e-4)
