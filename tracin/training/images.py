"""Training images: which are kept back for validation, in which order and how varied they come.

Whatever is random here is a function of the seed, the epoch and the image, never of what was drawn
before: a continued training sees what an uninterrupted one sees, with any number of workers.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tracin.decoding import PixelBatch, PixelDataset, collate
from tracin.errors import TracInError
from tracin.image_folder import read_image_file
from tracin.images import Crop, ImageTable
from tracin.loss import Loss, balanced_weights
from tracin.machine.processes import Processes
from tracin.machine.reading import Reader, Reading, in_order
from tracin.machine.refusals import is_lack_of_memory
from tracin.training.settings import Augmentation, Recipe
from tracin.vision import v2
from tracin.wording import count

Rows = npt.NDArray[np.int64]

# Streams of random numbers, so that no two uses share one.
_SPLIT, _ORDER, _IMAGE, NETWORK = range(4)


@dataclass(frozen=True)
class Images:
    """The images of a training: the table of train/, and which of its rows serve for what."""

    table: ImageTable
    train: Rows
    validation: Rows
    """Kept back to choose the best epoch; may be empty."""
    loss: Loss

    @property
    def validation_paths(self) -> list[str]:
        """The images kept back."""
        return [self.table.paths[row] for row in self.validation]


def choose_images(table: ImageTable, recipe: Recipe) -> Images:
    """The images to train on and those kept back, with the loss that weighs their classes.

    Raises:
        TracInError: there is only one class.
    """
    if len(table.class_names) < 2:
        raise TracInError(
            f"The training images in {table.data_dir} have one class, {table.class_names[0]}. A "
            "classifier needs at least two."
        )
    train, validation = split_rows(table.labels, recipe.validation_share, recipe.seed)
    weights = None
    if recipe.class_weights == "balanced":
        weights = balanced_weights(torch.from_numpy(table.labels[train]), len(table.class_names))
    return Images(table, train, validation, Loss(recipe.label_smoothing, weights))


def split_rows(labels: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """(rows to train on, rows kept back for validation), both sorted.

    Each class gives ``share`` of its images, rounded but at least one, and keeps at least one to
    train on.
    """
    kept_back: list[npt.NDArray[np.int64]] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        np.random.default_rng([seed, _SPLIT, int(label)]).shuffle(members)
        size = max(1, round(share * len(members))) if share else 0
        kept_back.append(members[: min(size, len(members) - 1)])
    validation = np.sort(np.concatenate(kept_back))
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def build_augmentation(crop: Crop, settings: Augmentation) -> v2.Transform:
    """PIL image → varied pixels (3, crop, crop), uint8."""
    stretch = settings.max_stretch
    steps: list[torch.nn.Module] = [
        v2.RandomResizedCrop(
            crop.crop_size,
            scale=(settings.min_area, 1.0),
            ratio=(1 / stretch, stretch),
            interpolation=v2.InterpolationMode(crop.interpolation),
            antialias=True,
        )
    ]
    if settings.flip:
        steps.append(v2.RandomHorizontalFlip())
    if settings.colour:
        steps.append(v2.ColorJitter(*(3 * [settings.colour])))
    return v2.Compose([*steps, v2.PILToTensor()])


EpochAndRow = tuple[int, int]
"""Which image, and how it is varied."""
VariedImage = tuple[Tensor | None, int, str]
"""(pixels or None, label, why there are none)"""


class TrainingImages(Dataset[VariedImage]):
    """The varied pixels of (epoch, row); an unreadable image comes as a reason, as an exception in
    a worker process would reach the user as a traceback of that process.
    """

    def __init__(self, table: ImageTable, recipe: Recipe) -> None:
        self._table, self._seed = table, recipe.seed
        self._augmentation = build_augmentation(recipe.crop, recipe.augmentation)

    def __getitem__(self, key: EpochAndRow) -> VariedImage:
        epoch, row = key
        path = self._table.data_dir / self._table.paths[row]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, of odd palettes and big pictures
                with Image.open(io.BytesIO(read_image_file(path))) as file:
                    image = file.convert("RGB")
        # Pillow's decoders raise what they like on damaged files.
        except Exception as error:
            if is_lack_of_memory(error):  # not the file's fault
                raise MemoryError(f"while {path} was read") from error
            return None, 0, f"{path} cannot be read ({type(error).__name__}: {error})"
        seeds = np.random.SeedSequence([self._seed, _IMAGE, epoch, row])
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> 1))
            pixels: Tensor = self._augmentation(image)
        return pixels, int(self._table.labels[row]), ""


@dataclass(frozen=True)
class Batch:
    """Images of one step."""

    pixels: Tensor
    """(n, 3, crop, crop), uint8"""
    labels: Tensor
    """(n,), int64"""
    problem: str
    """Why an image is missing; empty where none is."""

    def pin_memory(self) -> Batch:
        """The same in page-locked memory; DataLoader calls this for CUDA."""
        return Batch(self.pixels.pin_memory(), self.labels.pin_memory(), self.problem)


def _collate(images: Sequence[VariedImage]) -> Batch:
    problem = next((reason for _, _, reason in images if reason), "")
    pixels = [pixels for pixels, _, _ in images if pixels is not None]
    labels = torch.tensor([label for _, label, _ in images])
    return Batch(torch.stack(pixels) if not problem else torch.empty(0), labels, problem)


class EpochBatches(Sampler[list[EpochAndRow]]):
    """This process's share of an epoch's batches, in the epoch's random order.

    Every step has ``batch_size`` images over all processes; what does not fill one is left out, and
    is other images in each epoch. With fewer images than that, one step takes them all.
    """

    def __init__(self, rows: Rows, recipe: Recipe, processes: Processes) -> None:
        self._epoch = 0
        self._rows, self._seed, self._processes = rows, recipe.seed, processes
        self._size = min(recipe.batch_size, len(rows)) // processes.count * processes.count
        if self._size < 2 * processes.count:
            raise TracInError(
                f"A step of {count(recipe.batch_size, 'image')} out of {len(rows):,} leaves fewer "
                f"than two for each of {count(processes.count, 'process')}, and batch norm needs "
                "two. Use a larger --batch_size, more images, or fewer processes."
            )

    def __len__(self) -> int:
        return len(self._rows) // self._size

    def start_epoch(self, epoch: int) -> None:
        """Give the batches of ``epoch`` (from 0) from now on."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[EpochAndRow]]:
        random = np.random.default_rng([self._seed, _ORDER, self._epoch])
        order = random.permutation(self._rows)
        for step in range(len(self)):
            batch = order[step * self._size : (step + 1) * self._size]
            yield [(self._epoch, int(row)) for row in batch[self._processes.share]]


def training_loader(
    table: ImageTable, batches: EpochBatches, recipe: Recipe, workers: int
) -> Reader[Batch]:
    """The images of ``batches``; each time it is iterated, those of the epoch started last."""
    reading = _reading(recipe, len(table), workers)
    return Reader(TrainingImages(table, recipe), batches, _collate, reading)


def validation_loader(
    images: Images, recipe: Recipe, processes: Processes, workers: int
) -> Reader[PixelBatch]:
    """This process's share of the images kept back, as evaluation pixels."""
    rows = [int(row) for row in images.validation[processes.share]]
    batches = in_order(len(rows), max(1, recipe.batch_size // processes.count))
    reading = _reading(recipe, len(rows), workers)
    return Reader(PixelDataset(images.table, rows, recipe.crop), batches, collate, reading)


def _reading(recipe: Recipe, images: int, workers: int) -> Reading:
    size = min(recipe.batch_size, images)
    return Reading(workers, size, recipe.crop.crop_size, torch.cuda.is_available())
