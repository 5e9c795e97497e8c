"""The epochs of a training one after the other, each kept before the next begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from tqdm import tqdm

from tracin.architectures import ARCHITECTURE_KEY
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.machine.device import default_workers
from tracin.training import outputs
from tracin.training.chart import write_curve
from tracin.training.images import EpochBatches, Images, training_loader, validation_loader
from tracin.training.learner import Figures, Learner, mean_rate
from tracin.training.outcome import TrainingOutcome, count_confusion
from tracin.training.outputs import EpochRow, Manifest
from tracin.training.settings import Recipe, TrainingConfig
from tracin.wording import Say, count


@dataclass
class Session:
    """A training on its way; all but the first three change with each epoch."""

    config: TrainingConfig
    images: Images
    learner: Learner
    manifest: Manifest
    history: list[EpochRow]
    outcome: TrainingOutcome | None
    """Of the last epoch; None before the first."""


def best_row(history: list[EpochRow]) -> EpochRow | None:
    """The best epoch so far; None where no images are kept back."""
    return next((row for row in reversed(history) if row.best), None)


def is_over(history: list[EpochRow], recipe: Recipe) -> bool:
    """Whether all epochs are done, or the second stage went on too long without a better one."""
    best = best_row(history)
    if len(history) >= recipe.total_epochs or best is None:
        return len(history) >= recipe.total_epochs
    return len(history) - max(best.epoch, recipe.head_epochs) >= recipe.patience


def run_epochs(session: Session, say: Say) -> None:
    """Train to the end, keeping each epoch's result in the output folder.

    Raises:
        TracInError: an image cannot be read, or the loss is no longer finite.
    """
    config, learner, images = session.config, session.learner, session.images
    recipe, processes = config.recipe, learner.processes
    workers = config.num_workers
    if workers is None:
        workers = default_workers(processes.device, processes.on_machine)
    batches = EpochBatches(images.train, recipe, processes)
    train_loader = training_loader(images.table, batches, recipe, workers)
    val_loader = validation_loader(images, recipe, processes, workers)
    done, steps = len(session.history), len(batches)
    with tqdm(
        total=recipe.total_epochs * steps,
        initial=done * steps,
        desc="Training",
        unit="step",
        disable=None if processes.first else True,
    ) as bar:
        while not is_over(session.history, recipe):
            epoch = len(session.history)
            batches.start_epoch(epoch)
            if epoch in (done, recipe.head_epochs):
                learner.start_stage(head_only=epoch < recipe.head_epochs)
            train = learner.train_epoch(epoch, train_loader, on_step=bar.update)
            validation = None
            if len(images.validation):
                validation = learner.validate(val_loader, images.table)
            session.history.append(
                _row(session, train, validation, mean_rate(recipe, epoch, steps))
            )
            session.outcome = _outcome(session, train, validation)
            if processes.first:
                _keep_epoch(session, session.outcome)
            processes.wait()
            with tqdm.external_write_mode():
                say(_sentence(session.history[-1], recipe))
    if len(session.history) < recipe.total_epochs:
        say(
            f"Stopped after epoch {len(session.history)} of {recipe.total_epochs}: no better "
            f"validation result for {count(recipe.patience, 'epoch')}."
        )


def _row(session: Session, train: Figures, validation: Figures | None, rate: float) -> EpochRow:
    epoch = len(session.history)
    return EpochRow(
        epoch=epoch + 1,
        stage="head" if epoch < session.config.recipe.head_epochs else "all",
        learning_rate=rate,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        val_loss=validation.loss if validation else None,
        val_accuracy=validation.accuracy if validation else None,
        best=validation is not None and _is_best(session.history, validation),
    )


def _outcome(session: Session, train: Figures, validation: Figures | None) -> TrainingOutcome:
    names, best = session.images.table.class_names, best_row(session.history)
    return TrainingOutcome(
        training=count_confusion(train.confusion, names),
        validation=count_confusion(validation.confusion, names) if validation else None,
        epochs=len(session.history),
        best_epoch=best.epoch if best else None,
        best_accuracy=best.val_accuracy if best else None,
    )


def _is_best(history: list[EpochRow], validation: Figures) -> bool:
    """Whether ``validation`` is better than every epoch before, by accuracy, then by loss."""
    before = [
        (row.val_accuracy, -row.val_loss)
        for row in history
        if row.val_accuracy is not None and row.val_loss is not None
    ]
    return all((validation.accuracy, -validation.loss) > figures for figures in before)


def _sentence(row: EpochRow, recipe: Recipe) -> str:
    text = (
        f"Epoch {row.epoch} of {recipe.total_epochs}: right on {row.train_accuracy:.1%} of the "
        f"training images, loss {row.train_loss:.3f}"
    )
    if row.val_accuracy is not None:
        text += f"; on {row.val_accuracy:.1%} of the validation images, loss {row.val_loss:.3f}"
    return text + (" (the best so far)" if row.best else "")


def _keep_epoch(session: Session, outcome: TrainingOutcome) -> None:
    """Write the last epoch's weights where they are wanted, then the state for going on.

    In this order: a kill between the two makes the epoch run again, with the same result.
    """
    folder, row = session.config.output_dir, session.history[-1]
    recipe = session.config.recipe
    best = ""
    if row.val_accuracy is not None and row.val_loss is not None and row.best:
        best = outputs.best_name(row.val_accuracy, row.val_loss, recipe.architecture)
        session.manifest = outputs.announce(folder, session.manifest, best)
        outputs.write_tensors(_best_weights(session), folder / best)
    if row.epoch in recipe.checkpoint_epochs:
        name = outputs.checkpoint_name(row.epoch)
        session.manifest = outputs.announce(folder, session.manifest, name)
        outputs.write_tensors(_checkpoint(session), folder / name)
    for name in (outputs.HISTORY, outputs.CURVE):
        session.manifest = outputs.announce(folder, session.manifest, name)
    outputs.write_history(folder, session.history)
    with outputs.writing(folder / outputs.CURVE) as temporary:
        write_curve(temporary, session.history, outcome.largest_share)
    kept = {
        **session.learner.state(),
        "history": [asdict(row) for row in session.history],
        "outcome": outcome.as_dict(),
    }
    outputs.write_tensors(kept, folder / outputs.STATE)
    if best:
        session.manifest = outputs.remove_worse(folder, session.manifest, best)


def _best_weights(session: Session) -> Mapping[str, object]:
    """The state dict alone, as that of Animals-10 is; of another network with all that scoring has
    to know.
    """
    if session.config.recipe.architecture == DEFAULT_ARCHITECTURE:
        return outputs.plain_state(session.learner.model)
    return _checkpoint(session)


def _checkpoint(session: Session) -> dict[str, object]:
    """What ``TracIn_Resnet50.py --model_path`` takes without further flags."""
    recipe, weights = session.config.recipe, session.images.loss.class_weights
    checkpoint = {
        "model_state_dict": outputs.plain_state(session.learner.model),
        "learning_rate": session.history[-1].learning_rate,
        "label_smoothing": recipe.label_smoothing,
        # The weights themselves, not "balanced": those of the images trained on, without the ones
        # kept back.
        "class_weights": "none" if weights is None else list(weights),
        "class_names": list(session.images.table.class_names),
        "epoch": session.history[-1].epoch,
        "resize_size": recipe.crop.resize_size,
        "crop_size": recipe.crop.crop_size,
        "head_activation": "leaky_relu",
    }
    if recipe.architecture == DEFAULT_ARCHITECTURE:  # shown images as ever
        return checkpoint
    shown = session.learner.normalization
    return {
        **checkpoint,
        ARCHITECTURE_KEY: recipe.architecture,
        "interpolation": recipe.crop.interpolation,
        "mean": list(shown.mean),
        "std": list(shown.std),
    }
