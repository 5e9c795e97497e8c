"""Every architecture against float64 autograd, on real images shown by torchvision's own transform.

    python -m benchmarks.architectures resnet18 vit_b_32 …     these
    python -m benchmarks.architectures                         all of torchvision's, most of an hour

Random weights, three classes, pieces of scikit-learn's two photos at the size that the architecture
is made for. Says of each network: its last layer, the widths of its head, how images are shown, the
largest difference of a score in parts of the largest score, and how the backbone ran. Also, that no
two networks have the same names and shapes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from torchvision.models import get_model

from tests.compute.reference import autograd_scores, torchvision_transform, with_statistics
from tests.real_data import write_image_tree
from tracin.architectures import SCALED_TO_ONE, outline, torchvision_names
from tracin.compute.config import RunConfig
from tracin.compute.run import run
from tracin.errors import TracInError
from tracin.results import schema

CLASSES = ("cat", "dog", "horse")
LEARNING_RATE = 1e-4


def main() -> None:
    names = sys.argv[1:] or sorted(torchvision_names())
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_image_tree(data, train_per_class=3, test_per_class=2, size=256, classes=CLASSES)
        for name in names:
            try:
                print(row(name, data, Path(folder)), flush=True)
            except TracInError as error:
                print(f"| {name} | refused: {error} |", flush=True)
    check_unique(names)


def row(name: str, data: Path, folder: Path) -> str:
    """A line of the table."""
    torch.manual_seed(0)
    options = {"init_weights": False, "transform_input": True} if name in SCALED_TO_ONE else {}
    transform = torchvision_transform(name)
    model = with_statistics(get_model(name, num_classes=3, **options), data, transform)
    path = folder / "weights.pth"
    torch.save(model.state_dict(), path)
    out = folder / name
    config = RunConfig((path,), data, out, use_cache=False, learning_rates=(LEARNING_RATE,))
    info = run(config, lambda _sentence: None)
    assert info is not None
    assert info.architecture == name
    scores = pd.read_csv(out / schema.INFLUENCE_SCORES).to_numpy(np.float64)
    expected = LEARNING_RATE * autograd_scores(model, info.layer, data, transform)
    error = np.abs(scores - expected).max() / np.abs(expected).max()
    widths = "→".join(map(str, info.checkpoints[0].head_widths))
    shown = f"{info.resize_size}→{info.crop_size} {info.interpolation}"
    return f"| {name} | {info.layer} | {widths} | {shown} | {error:.0e} | {info.backbone} |"


def check_unique(names: list[str]) -> None:
    """Say which networks a checkpoint could not tell apart."""
    seen: dict[frozenset[tuple[str, tuple[int, ...]]], str] = {}
    for name in names:
        facts = frozenset((key, tuple(size)) for key, size in outline(name).shapes.items())
        if facts in seen:
            print(f"{name} has the names and shapes of {seen[facts]}")
        seen[facts] = name
    print(f"{len(seen)} of {len(names)} networks are told apart by names and shapes")


if __name__ == "__main__":
    main()
