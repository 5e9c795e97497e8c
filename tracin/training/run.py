"""A training from images to checkpoints: its steps in order, and how it goes on after a kill."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tracin.errors import TracInError
from tracin.folder_lock import locked
from tracin.image_folder import TRAIN, describe_left_out
from tracin.images import ImageTable, find_training_images
from tracin.machine.device import device_name
from tracin.machine.processes import Processes, joined_processes
from tracin.places import refuse_inside
from tracin.training import outputs
from tracin.training.epochs import Session, run_epochs
from tracin.training.images import Images, choose_images
from tracin.training.learner import Learner
from tracin.training.model import build_model
from tracin.training.outcome import TrainingOutcome, poor_model_warning, read_outcome
from tracin.training.outputs import EpochRow, Manifest
from tracin.training.settings import SCRATCH, TrainingConfig
from tracin.wording import Say, quotable

OTHERWISE = "give another --output_dir"


@dataclass(frozen=True)
class TrainingResult:
    """What a training left behind."""

    best: Path | None
    """The best epoch's state dict; None where no images were kept back to choose it."""
    checkpoints: tuple[Path, ...]
    """Evenly spaced, in the order of their epochs."""
    reused: bool
    """The training was finished already, and its files whole: nothing was done."""
    warning: str
    """Why the model is no good and what to try, in lines; "" where it is."""


def train(config: TrainingConfig, say: Say) -> TrainingResult:
    """Train to the end, going on where a killed training left off; return what it left behind.

    Raises:
        TracInError: a fact about the images, the weights, the machine or the output folder that the
            user can change.
    """
    with joined_processes(config.device) as processes, _deterministic(), ExitStack() as held:
        say = say if processes.first else lambda _sentence: None
        read = config.layout.folders_read((TRAIN,))
        refuse_inside(config.output_dir, config.data_dir, "with --output_dir", read)
        table = find_training_images(config.data_dir, config.layout)
        if left_out := describe_left_out(table.left_out):
            say(left_out)
        identity = _identity(table, config)
        if processes.first:
            held.enter_context(locked(config.output_dir, OTHERWISE))
        processes.wait()
        earlier = outputs.read_manifest(config.output_dir)
        if earlier and not config.restart:
            if earlier.identity != identity:
                raise TracInError(_other_training(config.output_dir, earlier, identity))
            if outputs.is_whole(config.output_dir, earlier):
                if processes.first:
                    outputs.remove_state(config.output_dir)  # of one killed after its last step
                outcome = read_outcome(earlier.facts.get("outcome"))
                return _result(config, earlier, choose_images(table, config.recipe), outcome, True)
        processes.wait()  # until all have read the manifest that the first may now delete
        if processes.first:
            _clear(config, earlier, say)
        processes.wait()
        session = _open_session(config, choose_images(table, config.recipe), identity, processes)
        if session.history:
            say(f"Going on after epoch {len(session.history)} of {config.recipe.total_epochs}.")
        run_epochs(session, say)
        if processes.first:
            outputs.finish(config.output_dir, session.manifest, _facts(session, processes))
        processes.wait()
        return _result(config, session.manifest, session.images, session.outcome, False)


def differs_from_earlier(config: TrainingConfig) -> bool:
    """Whether ``output_dir`` holds a training of other images or with another recipe."""
    earlier = outputs.read_manifest(config.output_dir)
    if earlier is None:
        return False
    table = find_training_images(config.data_dir, config.layout)
    return earlier.identity != _identity(table, config)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Sum in the same order each time, except where CUDA has no such kernel."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA starts
    before = torch.are_deterministic_algorithms_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deterministic implementation.*")
            yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.benchmark = benchmark


def _identity(table: ImageTable, config: TrainingConfig) -> dict[str, Any]:
    """The recipe and the images by path and size, so that a changed folder is noticed; of a list
    also their labels, which the paths do not tell.
    """
    digest = hashlib.sha256()
    for path, label in zip(table.paths, table.labels.tolist(), strict=True):
        told = f"\0{table.class_names[label]}" if config.layout.has_lists else ""
        digest.update(f"{path}\0{(table.data_dir / path).stat().st_size}{told}\n".encode())
    return {**config.recipe.as_dict(), "images": len(table), "images_sha256": digest.hexdigest()}


def _other_training(folder: Path, earlier: Manifest, identity: dict[str, Any]) -> str:
    keys = [key for key in identity if earlier.identity.get(key) != identity[key]]
    facts = "; ".join(
        "other images"
        if key == "images_sha256"
        else f"{key} {quotable(earlier.identity.get(key))}, now {identity[key]}"
        for key in keys
    )
    kind = "a finished" if earlier.finished else "an unfinished"
    return (
        f"{folder} holds {kind} training with other settings ({facts}). Give the same settings "
        "again, give another --output_dir, or replace that training with --restart."
    )


def _clear(config: TrainingConfig, earlier: Manifest | None, say: Say) -> None:
    """Delete what must not be continued: another training, or a finished one that is damaged."""
    outputs.remove_leftovers(config.output_dir)
    if earlier and (config.restart or earlier.finished):
        reason = "as asked" if config.restart else "some of its files were changed or are missing"
        say(f"The earlier training in {config.output_dir} is discarded: {reason}.")
        outputs.discard(config.output_dir, earlier)
    elif earlier is None:
        outputs.remove_state(config.output_dir)


def _open_session(
    config: TrainingConfig, images: Images, identity: dict[str, Any], processes: Processes
) -> Session:
    """Take the training up as its last finished epoch left it, or begin one; note it on disk."""
    folder, recipe = config.output_dir, config.recipe
    state = outputs.read_state(folder)
    # A continued training brings its weights along: the ImageNet file need not be there again.
    backbone = recipe.backbone if state is None else SCRATCH
    classes, side = len(images.table.class_names), recipe.crop.crop_size
    model = build_model(classes, backbone, recipe.seed, recipe.architecture, side)
    learner = Learner(model, recipe, images.loss, processes)
    history: list[EpochRow] = []
    outcome = None
    if state is not None:
        with outputs.intact(folder / outputs.STATE):
            learner.load_state(state)
            history = [EpochRow(**row) for row in state["history"]]
            outcome = read_outcome(state.get("outcome"))
    manifest = outputs.read_manifest(folder) or Manifest(identity)
    if processes.first:
        outputs.write_manifest(folder, manifest)
    return Session(config, images, learner, manifest, history, outcome)


def _facts(session: Session, processes: Processes) -> dict[str, Any]:
    """What was done, for the reader of ``training.json``."""
    return {
        "epochs": len(session.history),
        "class_names": list(session.images.table.class_names),
        "validation_images": session.images.validation_paths,
        "outcome": session.outcome.as_dict() if session.outcome else None,
        "device": device_name(processes.device),
        "processes": processes.count,
        "torch": torch.__version__,
    }


def _result(
    config: TrainingConfig,
    manifest: Manifest,
    images: Images,
    outcome: TrainingOutcome | None,
    reused: bool,
) -> TrainingResult:
    folder, names = config.output_dir, images.table.class_names
    sizes = np.bincount(images.table.labels[images.train], minlength=len(names))
    best = next((name for name in manifest.files if name.startswith(outputs.BEST_PREFIXES)), None)
    checkpoints = [name for name in manifest.files if name.startswith(outputs.CHECKPOINT_PREFIX)]
    return TrainingResult(
        best=folder / best if best else None,
        checkpoints=tuple(folder / name for name in sorted(checkpoints, key=_epoch_of)),
        reused=reused,
        warning=poor_model_warning(outcome, config, sizes, names) if outcome else "",
    )


def _epoch_of(name: str) -> int:
    return int(Path(name).stem.removeprefix(outputs.CHECKPOINT_PREFIX))
