"""What the user asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracin.flags import (
    ClassWeights,
    Device,
    HeadActivation,
    Interpolation,
    Method,
    Precision,
    ResizeMode,
)
from tracin.layout import TREE, Layout
from tracin.results import schema

Colour = tuple[float, float, float]
"""A value for each colour channel."""


@dataclass(frozen=True)
class RunConfig:
    """What the user asked for: the flags of TracIn_Resnet50.py."""

    model_paths: tuple[Path, ...]
    data_dir: Path
    output_dir: Path
    layout: Layout = TREE
    """What says which images of ``data_dir`` are training and which test images."""
    architecture: str = ""
    """As the user calls it; "" where the checkpoint tells."""
    train_subset: int | None = None
    test_subset: int | None = None
    batch_size: int = 32
    learning_rates: tuple[float, ...] = ()
    """Empty: what each checkpoint stores, else the default. One value serves all checkpoints."""
    label_smoothing: float | None = None
    class_weights: ClassWeights | None = None
    head_activation: HeadActivation | None = None
    method: Method = "tracin"
    damping: float = 0.1
    top_k: int = 10
    max_suspects: int = 500
    device: Device = "auto"
    num_workers: int | None = None
    precision: Precision = "float32"
    seed: int = 0
    resize_size: int | None = None
    """None, here and below: what the checkpoints store, else what is usual for the architecture."""
    crop_size: int | None = None
    resize_mode: ResizeMode | None = None
    interpolation: Interpolation | None = None
    mean: Colour | None = None
    std: Colour | None = None
    skip_unreadable: bool = False
    cache_dir: Path | None = None
    """Where features are kept; None: ``features/`` in the output folder."""
    use_cache: bool = True
    matrix: bool = True
    """Write the matrix; else summaries and lists only."""
    dry_run: bool = False
    """End after the plan."""
    command: tuple[str, ...] = ()

    @property
    def features_dir(self) -> Path | None:
        """The folder of the kept features; None where none are kept."""
        if not self.use_cache:
            return None
        return self.cache_dir or self.output_dir / schema.FEATURES
