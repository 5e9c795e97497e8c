"""What one run did: the content of ``run.json``, written by compute and read by analyze."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tracin.errors import TracInError
from tracin.flags import HeadActivation, Method, Precision, ResizeMode
from tracin.image_folder import LeftOut
from tracin.model_check import Answers, ModelCheck
from tracin.results.manifest import FileRecord, Manifest
from tracin.results.schema import RUN_INFO

SCHEMA_VERSION = 1

DEFAULT_DATA_DIR = Path("data/processed")


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint of a run: where it came from and what was assumed about it."""

    path: str
    """Absolute."""
    sha256: str
    learning_rate: float
    learning_rate_source: str
    """"flag", "checkpoint", "JSON beside it" or "default"."""
    label_smoothing: float
    class_weights: tuple[float, ...] | None
    head_widths: tuple[int, ...]
    """From the pooled feature to the classes, (2048, 512, 256, 10) for Animals-10."""
    head_activation: HeadActivation | None
    """None: the head has no activation (a single Linear)."""
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
    rank_correlation: float
    """Spearman's, per test image, averaged: 1 is no difference."""
    top_ten_overlap: float
    """Share of each test image's ten highest scores that are the same images, 0 to 1."""


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
    train_images: int
    test_images: int
    train_images_found: int
    test_images_found: int
    skipped: tuple[SkippedImage, ...]
    checkpoints: tuple[CheckpointInfo, ...]
    layer: str
    precision: Precision
    precision_error: PrecisionError | None
    """None for float32, which is exact."""
    device: str
    batch_size: int
    num_workers: int
    seed: int
    resize_size: int
    crop_size: int
    kept_features: int
    """Forward passes that were not needed, because a former run kept their result."""
    top_k: int
    suspects: int
    """Rows of suspects.csv."""
    score_min: float
    score_max: float
    test_accuracy: float
    """Share of the run's test images whose largest logit is their class, 0 to 1."""
    seconds: dict[str, float]
    versions: dict[str, str]
    matrix: bool = True
    """Whether influence_scores.csv was written; else class_influence.csv stands in its place."""
    backbone: str = ""
    """How the forward pass was run; "" where every feature was kept, or an earlier version ran."""
    processes: int = 1
    resize_mode: ResizeMode = "shorter"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Taken off the pixels and divided by, by colour channel; the defaults are ImageNet's, which
    earlier versions always used."""
    features_dir: str = ""
    """Absolute path of features kept elsewhere; "" where they stand with the results or nowhere."""
    test_suspects: int = 0
    """Rows of test_suspects.csv."""
    left_out: tuple[LeftOut, ...] = ()
    """Whatever else stands in the folders of the images, and why it is not used."""
    model_check: ModelCheck | None = None
    """Whether the model can judge single images; None: an earlier version ran."""
    run_id: str = ""
    """Random, of this run alone; "" where an earlier version ran."""
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
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
        if version != SCHEMA_VERSION:
            raise TracInError(
                f"{path} has schema version {version}, and this program reads {SCHEMA_VERSION}. "
                "Run TracIn_Resnet50.py again with this version."
            )
        content["checkpoints"] = tuple(
            CheckpointInfo(**{name: _as_tuple(value) for name, value in entry.items()})
            for entry in content["checkpoints"]
        )
        if content["precision_error"] is not None:
            content["precision_error"] = PrecisionError(**content["precision_error"])
        if content.get("model_check") is not None:
            content["model_check"] = _model_check(content["model_check"])
        content["files"] = {
            name: FileRecord(**record) for name, record in dict(content.get("files", {})).items()
        }
        content["left_out"] = tuple(LeftOut(**entry) for entry in content.get("left_out", ()))
        content["skipped"] = tuple(SkippedImage(**entry) for entry in content["skipped"])
        return RunInfo(**{name: _as_tuple(value) for name, value in content.items()})
    except (ValueError, KeyError, TypeError) as error:
        raise TracInError(
            f"{path} is damaged ({type(error).__name__}: {error}). Run TracIn_Resnet50.py again, "
            "or remove the file to continue without it."
        ) from error


def _model_check(content: dict[str, Any]) -> ModelCheck:
    return ModelCheck(
        Answers(**content["train"]),
        Answers(**content["test"]),
        tuple(content["causes"]),
        bool(content.get("mismatch", False)),
    )


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def data_folder(results_dir: Path, given: Path | None) -> Path:
    """The folder that the images' paths are relative to: ``given``, else what ``run.json`` says."""
    if given is not None:
        return given
    if (results_dir / RUN_INFO).exists():
        return Path(read_run_info(results_dir).data_dir)
    return DEFAULT_DATA_DIR
