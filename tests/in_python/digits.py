"""scikit-learn's digits as tensors, and a small network that has learned them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from tracin.results import schema

DIGITS = load_digits()


PIXELS = torch.from_numpy(DIGITS.images).float()[:, None] / 16


LABELS = torch.from_numpy(DIGITS.target)

CLASSES = ("cat", "dog", "horse")
"""Of the folder of images."""


def quiet(_sentence: str) -> None:
    pass


def digit_network() -> nn.Sequential:
    """A network of one colour, trained for a second on the digits."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(3)),
        *(nn.Flatten(), nn.Linear(72, 24), nn.ReLU(), nn.Linear(24, 10)),
    )
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(8):
        for start in range(0, 1400, 50):
            rows = slice(start, start + 50)
            functional.cross_entropy(network(PIXELS[rows]), LABELS[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
    return network


def part(start: int, stop: int) -> TensorDataset:
    return TensorDataset(PIXELS[start:stop], LABELS[start:stop])


def scores_in(folder: Path) -> np.ndarray:
    return pd.read_csv(folder / schema.INFLUENCE_SCORES).to_numpy(np.float64)
