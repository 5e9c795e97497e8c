"""What one run did: the content of ``run.json``, written by compute and read by analyze."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

from tracin.errors import TracInError
from tracin.flags import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    HeadActivation,
    Interpolation,
    Method,
    Precision,
    ResizeMode,
)
from tracin.image_folder import LeftOut
from tracin.json_file import Natural, Positive, Share, Within, fitted, read_json
from tracin.layout import DEFAULT_DATA_DIR, TREE, Layout
from tracin.model_check import ModelCheck
from tracin.results.manifest import Manifest
from tracin.results.schema import RUN_INFO

SCHEMA_VERSION = 1

_REMEDY = "Run TracIn_Resnet50.py again, or remove the file to continue without it."


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint of a run: where it came from and what was assumed about it."""

    path: str
    """Absolute; the mere name of a module that was handed over in Python."""
    sha256: str
    learning_rate: Annotated[float, Within(0)]
    learning_rate_source: str
    """"flag", "checkpoint", "JSON beside it" or "default"."""
    label_smoothing: Share
    class_weights: tuple[Annotated[float, Within(0)], ...] | None
    head_widths: tuple[Positive, ...]
    """From the pooled feature to the classes, (2048, 512, 256, 10) for Animals-10."""
    head_activation: HeadActivation | None
    """None: the head has no activation (a single Linear), or only the architecture's own."""
    head_activation_assumed: bool


@dataclass(frozen=True)
class SkippedImage:
    """An image that could not be read and was left out on request."""

    path: str
    reason: str


@dataclass(frozen=True)
class PrecisionError:
    """How far TracIn's scores are from float32's, on a sample of images at the first checkpoint."""

    train_images: int
    test_images: int
    same_order: Share
    """How often, of two training images and a test image, the same one has the higher score."""
    same_order_interval: tuple[Share, Share]
    """Its 95 % interval, for all images of the run."""


@dataclass(frozen=True)
class RunInfo:
    """What one run of TracIn_Resnet50.py did; the content of ``run.json``."""

    tracin_version: str
    created: str
    command: tuple[str, ...]
    method: Method
    damping: float | None
    """λ of Gauss-Newton as a multiple of its matrix's mean eigenvalue; None for tracin."""
    data_dir: str
    """Absolute path of the data folder; the paths in the tables are relative to it."""
    train_split: str
    test_split: str
    class_names: tuple[str, ...]
    train_images: Positive
    test_images: Positive
    train_images_found: Positive
    test_images_found: Positive
    skipped: tuple[SkippedImage, ...]
    checkpoints: tuple[CheckpointInfo, ...]
    layer: str
    precision: Precision
    precision_error: PrecisionError | None
    """None for float32, which is exact."""
    device: str
    batch_size: Positive
    num_workers: Natural
    seed: int
    resize_size: Positive
    crop_size: Positive
    kept_features: Natural
    """Forward passes that were not needed, because a former run kept their result."""
    top_k: int
    suspects: Natural
    """Rows of suspects.csv."""
    score_min: float
    score_max: float
    test_accuracy: Share
    """Share of the run's test images whose largest logit is their class, 0 to 1."""
    seconds: dict[str, Annotated[float, Within(0)]]
    versions: dict[str, str]
    matrix: bool = True
    """Whether influence_scores.csv was written; else the class means stand in its place."""
    backbone: str = ""
    """How the forward pass was run; "" where every feature was kept, or an earlier version ran."""
    processes: Positive = 1
    resize_mode: ResizeMode = "shorter"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    """Taken off the pixels and divided by, by colour channel; the defaults are ImageNet's, which
    earlier versions always used."""
    interpolation: Interpolation = "bilinear"
    architecture: str = "resnet50"
    """Of the last checkpoint, in full; earlier versions knew the ResNet50 alone, and bilinear."""
    features_dir: str = ""
    """Absolute path of features kept elsewhere; "" where they stand with the results or nowhere."""
    test_suspects: Natural = 0
    """Rows of test_suspects.csv."""
    left_out: tuple[LeftOut, ...] = ()
    """Whatever else stands in the folders of the images, and why it is not used."""
    model_check: ModelCheck | None = None
    """Whether the model can judge single images; None: an earlier version ran."""
    map_variance: tuple[Share, Share] = (0.0, 0.0)
    """Of the training images' features, how much lies along the map's two directions, 0 to 1."""
    layout: Layout = TREE
    """What said which images of the data folder are training and which test images."""
    run_id: str = ""
    """Random, of this run alone; "" where an earlier version ran."""
    from_module: bool = False
    """Whether the network was handed over in Python: no file alone can bring it back."""
    inputs_from: str = ""
    """The data set that prepared the model's inputs itself, in Python; "": this program did, from
    the images' files."""
    files: Manifest = field(default_factory=dict)
    """The run's files, all but ``run.json``; empty where an earlier version ran."""
    schema_version: int = SCHEMA_VERSION


def write_run_info(folder: Path, info: RunInfo) -> Path:
    """Write ``run.json`` into ``folder``; return its path."""
    path = folder / RUN_INFO
    text = json.dumps(asdict(info), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def read_run_info(folder: Path) -> RunInfo:
    """The content of ``run.json`` in ``folder``.

    Raises:
        TracInError: the file is damaged, or of a schema version that this program does not know.
    """
    path = folder / RUN_INFO
    content = read_json(path, _REMEDY)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise TracInError(
            f"{path} has schema version {version}, and this program reads {SCHEMA_VERSION}. "
            "Run TracIn_Resnet50.py again with this version."
        )
    try:
        info: RunInfo = fitted(RunInfo, content)
        _check(info)
    except ValueError as error:
        raise TracInError(f"{path} is damaged: {error}. {_REMEDY}") from error
    return info


def _check(info: RunInfo) -> None:
    """Raise ValueError where fields do not go together, or one is empty that must not be."""
    if len(set(info.class_names)) < max(1, len(info.class_names)) or "" in info.class_names:
        raise ValueError("class_names must hold one name or more, each once")
    if not info.checkpoints:
        raise ValueError("checkpoints is empty")


def data_folder(results_dir: Path, given: Path | None) -> Path:
    """The folder that the images' paths are relative to: ``given``, else what ``run.json`` says."""
    if given is not None:
        return given
    if (results_dir / RUN_INFO).exists():
        return Path(read_run_info(results_dir).data_dir)
    return DEFAULT_DATA_DIR
