"""Whether the last epoch's model tells the classes apart, and what is said where it does not. Pure.

The measure is the one by which a run later decides whether the model may judge labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tracin.image_folder import TRAIN
from tracin.json_file import fitted
from tracin.model_check import AnswerCounts, collapse, count_answers, imbalance, no_better
from tracin.training import outputs
from tracin.training.settings import SCRATCH, TrainingConfig

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrainingOutcome:
    """What the model of the last epoch named, and how far the training came."""

    training: AnswerCounts
    """For varied training images, each before the step that learned from it."""
    validation: AnswerCounts | None
    """For the images kept back; None where there are none."""
    epochs: int
    best_epoch: int | None
    """From 1; None without validation."""
    best_accuracy: float | None
    """On the images kept back, 0 to 1."""

    @property
    def judged(self) -> AnswerCounts:
        """The answers that decide: those for images kept back, unless they are too few to tell."""
        if self.validation and (not _is_poor(self.validation) or self.validation.ruled_out):
            return self.validation
        return self.training

    @property
    def poor(self) -> bool:
        """Whether the model is not clearly better than always naming the largest class, or names
        one class for nearly everything.
        """
        return _is_poor(self.judged)

    @property
    def largest_share(self) -> float:
        """Share of the largest class, 0 to 1: among the images kept back, where there are any."""
        answers = self.validation or self.training
        return answers.largest / answers.images

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain values, for files."""
        return asdict(self)


def _is_poor(answers: AnswerCounts) -> bool:
    return answers.collapsed or not answers.clearly_better


def read_outcome(values: object) -> TrainingOutcome | None:
    """The outcome that ``as_dict`` gave; None where none such was kept."""
    try:
        outcome: TrainingOutcome = fitted(TrainingOutcome, values)
    except ValueError:
        return None
    return outcome


def count_confusion(confusion: Int64Array, class_names: Sequence[str]) -> AnswerCounts:
    """The answers in a table.

    Args:
        confusion: (C, C), images by the class that they carry (row) and the one named (column).
        class_names: of the training folder.
    """
    given, named = np.indices(confusion.shape).reshape(2, -1).repeat(confusion.ravel(), axis=1)
    return count_answers(given, named, class_names)


def poor_model_warning(
    outcome: TrainingOutcome,
    config: TrainingConfig,
    sizes: Int64Array,
    class_names: Sequence[str],
) -> str:
    """What is wrong with the model and what to try, in lines; "" where it tells the classes apart.

    Args:
        outcome: of the last epoch.
        config: of the training.
        sizes: (C,) images of each class that were trained on.
        class_names: of the training folder.
    """
    if not outcome.poor:
        return ""
    lines = (
        "Warning: this model hardly tells the classes apart, if at all.",
        *_problems(outcome),
        *imbalance(sizes, class_names),
        "What to try:",
        *(f"- {advice}" for advice in _advice(outcome, config)),
    )
    return "\n  ".join(lines)


def _problems(outcome: TrainingOutcome) -> list[str]:
    answers = outcome.judged
    kind = "validation image" if answers is outcome.validation else "training image"
    found = []
    if not answers.clearly_better:
        found.append(no_better(answers, kind))
    if answers.collapsed:
        found.append(collapse(answers, kind))
    if answers is outcome.training:
        found.append(
            "That was counted during the last epoch, each image before the step that learned from "
            "it."
        )
    elif not _is_poor(outcome.training):
        found.append(
            f"On the training images of the last epoch it was right on "
            f"{outcome.training.accuracy:.1%}: it knows those by heart, or its batch norm has had "
            "too few steps to settle."
        )
    return found


def _advice(outcome: TrainingOutcome, config: TrainingConfig) -> list[str]:
    """What the user can change, the easiest first."""
    recipe = config.recipe
    advice = []
    if outcome.best_epoch is not None and outcome.best_epoch != outcome.epochs:
        advice.append(
            f"Look at the best epoch: after epoch {outcome.best_epoch} the model was right on "
            f"{outcome.best_accuracy:.1%} of the validation images, and its weights are kept."
        )
    if outcome.epochs < recipe.total_epochs:
        advice.append(
            f"Train for longer: it stopped after epoch {outcome.epochs} of {recipe.total_epochs}; "
            f"raise --patience, now {recipe.patience}."
        )
    else:
        advice.append(
            f"Train for more epochs: this training had --head_epochs {recipe.head_epochs} and "
            f"--epochs {recipe.epochs}."
        )
    advice.append(
        f"Look at the curve, {config.output_dir / outputs.CURVE}. Where the loss jumps up and "
        "down, use smaller learning rates; where it hardly falls, use larger ones. These were "
        f"--learning_rate {recipe.learning_rate:g} and "
        f"--backbone_learning_rate {recipe.backbone_learning_rate:g}."
    )
    if recipe.backbone == SCRATCH:
        advice.append("Start from ImageNet weights: leave out --from_scratch.")
    return [*advice, _look_at_labels(config)]


def _look_at_labels(config: TrainingConfig) -> str:
    if config.layout.train_list is not None:
        file = config.layout.train_list.file
        return f"Look at the labels in {file}: does each image show the class that it names?"
    folder = config.data_dir / TRAIN
    if not config.layout.is_tree and not folder.is_dir():
        folder = config.data_dir  # the class folders stand in it
    return (
        f"Look into the folders in {folder}: does each hold the images of the class that it is "
        "named after?"
    )
