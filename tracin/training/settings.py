"""What a training was asked to do, and how its result depends on that."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tracin.flags import DEFAULT_ARCHITECTURE, ClassWeights, Device
from tracin.images import Crop
from tracin.layout import TREE, Layout

IMAGENET = "imagenet"
SCRATCH = "scratch"


@dataclass(frozen=True)
class Augmentation:
    """How a training image is varied each time it is shown."""

    min_area: float = 0.35
    """The random crop covers at least this share of the image."""
    max_stretch: float = 4 / 3
    """Largest ratio of the crop's sides."""
    flip: bool = True
    """Mirror half of the images; wrong where left and right matter, as in writing."""
    colour: float = 0.2
    """Brightness, contrast and saturation vary by up to this share; 0 leaves colours alone."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights: with one recipe, one data set and one kind of machine,
    two trainings are equal.
    """

    architecture: str = DEFAULT_ARCHITECTURE
    """Its full name, such as ``resnet50`` or ``timm/resnet18d``."""
    backbone: str = IMAGENET
    """``imagenet``, ``scratch``, or the path of a file with weights of the architecture."""
    head_epochs: int = 3
    """First stage: the head alone, with the backbone frozen."""
    epochs: int = 12
    """Second stage: everything."""
    learning_rate: float = 1e-3
    """Of the head."""
    backbone_learning_rate: float = 1e-4
    """In the second stage. Smaller than the head's: pretrained weights are nearly right."""
    weight_decay: float = 1e-2
    batch_size: int = 32
    """Images in one step, over all processes together."""
    label_smoothing: float = 0.1
    class_weights: ClassWeights = "balanced"
    warmup: float = 0.1
    """Share of the second stage in which the rates rise."""
    final_rate: float = 0.05
    """The rates end at this share of their height."""
    validation_share: float = 0.1
    """Of the training images, kept back to choose the best epoch. 0: no choice, no early stop."""
    patience: int = 4
    """Second-stage epochs without a better validation result before the training stops."""
    checkpoints: int = 5
    seed: int = 0
    crop: Crop = field(default_factory=Crop)
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def total_epochs(self) -> int:
        """Epochs of both stages."""
        return self.head_epochs + self.epochs

    @property
    def checkpoint_epochs(self) -> tuple[int, ...]:
        """After which epochs (from 1) a checkpoint is kept: evenly spaced, the last among them."""
        total, count = self.total_epochs, min(self.checkpoints, self.total_epochs)
        return tuple((number * total + count // 2) // count for number in range(1, count + 1))

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain values, for files."""
        return asdict(self)


@dataclass(frozen=True)
class TrainingConfig:
    """One training: where from, where to, how, and on what."""

    data_dir: Path
    output_dir: Path
    recipe: Recipe = field(default_factory=Recipe)
    device: Device = "auto"
    num_workers: int | None = None
    """Processes that read images; None: chosen for this machine."""
    restart: bool = False
    """Discard what an earlier training left in ``output_dir``."""
    layout: Layout = TREE
    """What says which images of ``data_dir`` are training images."""
