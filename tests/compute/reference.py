"""TracIn by float64 autograd, image by image: shares no code with the product."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.datasets import ImageFolder
from torchvision.models import get_model_weights
from torchvision.transforms._presets import ImageClassification

Transform = Callable[[Any], Tensor]


def torchvision_transform(name: str, **sizes: int) -> Transform:
    """torchvision's own transform of the pretrained weights ``name``, at other sizes."""
    usual = get_model_weights(name).DEFAULT.transforms
    transform: Transform = ImageClassification(**(usual.keywords | sizes))
    return transform


def with_statistics(model: nn.Module, folder: Path, transform: Transform) -> nn.Module:
    """``model`` in eval mode, its batch norms' statistics those of the training images: otherwise
    activations grow or vanish from layer to layer.
    """
    images = torch.stack([image for image, _ in ImageFolder(str(folder / "train"), transform)])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(images)
    return model.eval()


def autograd_scores(model: nn.Module, last: str, folder: Path, transform: Transform) -> np.ndarray:
    """Products of the gradients (n_train, n_test) of the parameters of the layer ``last``."""
    model.double().requires_grad_(False)
    parameters = [each.requires_grad_() for each in model.get_submodule(last).parameters()]
    sides = []
    for split in ("train", "test"):
        rows = []
        for image, label in ImageFolder(str(folder / split), transform):
            loss = nn.functional.cross_entropy(
                model(image.double().unsqueeze(0)), torch.tensor([label])
            )
            gradients = torch.autograd.grad(loss, parameters)
            rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
        sides.append(torch.stack(rows))
    model.float().requires_grad_(False)
    scores: np.ndarray = (sides[0] @ sides[1].T).numpy()
    return scores
