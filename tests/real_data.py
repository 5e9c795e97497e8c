"""Real pictures from scikit-learn's bundled photos and a real ResNet50, without downloads."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet50

CLASS_NAMES = (
    "butterfly",
    "cat",
    "chicken",
    "cow",
    "dog",
    "elephant",
    "horse",
    "sheep",
    "spider",
    "squirrel",
)


def write_image_tree(
    folder: Path,
    *,
    train_per_class: int,
    test_per_class: int,
    size: int,
    classes: Sequence[str] = CLASS_NAMES,
) -> None:
    """Write train/<class>/*.jpg and test/<class>/*.jpg: a digit over a piece of a photo.

    Class k shows the handwritten digit k, half transparent, over a random crop of one of
    scikit-learn's two sample photos: real pixels of natural statistics, with something to learn.
    """
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    digits = load_digits()
    random = np.random.default_rng(0)
    for label, name in enumerate(classes):
        drawings = digits.images[digits.target == label]
        for split, count in (("train", train_per_class), ("test", test_per_class)):
            target = folder / split / name
            target.mkdir(parents=True)
            for number in range(count):
                offset = 0 if split == "train" else train_per_class
                drawing = drawings[(offset + number) % len(drawings)]
                picture = _compose(photos[int(random.integers(2))], drawing, size, random)
                picture.save(target / f"{name}_{number:05d}.jpg", quality=90)


def write_pieces(
    folder: Path, *, train_per_class: int, test_per_class: int, size: int = 200
) -> None:
    """Write train/ and test/ with square pieces of scikit-learn's two photos, temple and flower."""
    random = np.random.default_rng(0)
    for name, photo in zip(("temple", "flower"), load_sample_images().images, strict=True):
        for split, count in (("train", train_per_class), ("test", test_per_class)):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                top, left = random.integers(0, 427 - size), random.integers(0, 640 - size)
                piece = photo[top : top + size, left : left + size]
                Image.fromarray(piece).save(folder / split / name / f"{number}.png")


def _compose(
    photo: Image.Image, drawing: np.ndarray, size: int, random: np.random.Generator
) -> Image.Image:
    side = int(random.integers(size, 400))
    left, top = (int(random.integers(0, extent - side + 1)) for extent in photo.size)
    crop = photo.crop((left, top, left + side, top + side)).resize((size, size))
    digit = Image.fromarray((drawing * 15.9).astype(np.uint8)).resize((size, size))
    return Image.blend(crop, digit.convert("RGB"), 0.6)


def animals_head(classes: int) -> nn.Sequential:
    """The Animals-10 head, written out here so that tests do not lean on the product's own."""
    return nn.Sequential(
        nn.Linear(2048, 512),
        nn.LeakyReLU(0.01),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.01),
        nn.Linear(256, classes),
    )


def animals_resnet50(classes: int, seed: int = 0) -> nn.Module:
    """A ResNet50 with the Animals-10 head, in eval mode.

    Its weights are random; a pass over photo crops in training mode gives batch norm real
    statistics, so that activations and logits have the size they have in a trained model.
    """
    torch.manual_seed(seed)
    model: nn.Module = resnet50(weights=None)
    model.fc = animals_head(classes)
    photo = torch.tensor(load_sample_images().images[0]).permute(2, 0, 1).float() / 255 - 0.45
    crops = torch.stack(
        [
            photo[:, top : top + 64, left : left + 64]
            for top in (0, 150, 300)
            for left in (0, 200, 500)
        ]
    )
    model.train()
    with torch.no_grad():
        for _ in range(10):
            model(crops / 0.225)
    return model.eval()


def fit_head(model: nn.Module, data_dir: Path, steps: int = 40) -> nn.Module:
    """A copy of ``model`` with its head fitted to the training images, shown at 32 pixels."""
    fitted = copy.deepcopy(model).eval()
    shown = transforms.Compose(
        [transforms.Resize(40), transforms.CenterCrop(32), transforms.ToTensor()]
    )
    samples = list(ImageFolder(str(data_dir / "train"), shown))
    images = torch.stack([image for image, _ in samples])
    labels = torch.tensor([label for _, label in samples])
    head = fitted.get_submodule("fc")
    fitted.fc = nn.Identity()
    with torch.no_grad():
        features = fitted((images - 0.45) / 0.225)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(features), labels).backward()
        optimizer.step()
    fitted.fc = head
    return fitted
