"""One epoch of training and one pass of validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from tracin.decoding import PixelBatch
from tracin.errors import TracInError
from tracin.images import ImageTable, normalize
from tracin.loss import Loss
from tracin.machine.processes import Processes
from tracin.machine.reading import Reader
from tracin.pretrained import usual_preprocessing
from tracin.training.images import NETWORK, Batch
from tracin.training.model import Classifier
from tracin.training.settings import Recipe

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Figures:
    """How well images were classified."""

    loss: float
    """Mean of the training loss: smoothed, weighted by class."""
    confusion: Int64Array
    """(C, C): images by the class that they carry (row) and the one that was named (column)."""

    @property
    def accuracy(self) -> float:
        """0 to 1"""
        return int(self.confusion.trace()) / int(self.confusion.sum())


def rate_share(recipe: Recipe, epoch: int, progress: float) -> float:
    """Share of the full learning rate at ``progress`` (0 to 1) of ``epoch`` (from 0).

    The first stage keeps the rate; in the second it rises in a line and falls as half a cosine.
    """
    done = (epoch + progress - recipe.head_epochs) / max(1, recipe.epochs)
    if done < 0:
        return 1.0
    if done < recipe.warmup:
        return done / recipe.warmup
    fall = (done - recipe.warmup) / (1 - recipe.warmup)
    return recipe.final_rate + (1 - recipe.final_rate) * 0.5 * (1 + math.cos(math.pi * fall))


def mean_rate(recipe: Recipe, epoch: int, steps: int) -> float:
    """Mean learning rate of the head over the ``steps`` steps of ``epoch`` (from 0)."""
    shares = [rate_share(recipe, epoch, (step + 0.5) / steps) for step in range(steps)]
    return recipe.learning_rate * sum(shares) / steps


def build_optimizer(model: Classifier, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; each group knows under ``full_rate`` the rate that the schedule scales."""
    head = {id(parameter) for parameter in model.head.parameters()}
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for parameter in model.parameters():
        # Biases and batch norm's scales are not pulled to zero: it costs accuracy.
        key = (id(parameter) in head, parameter.ndim > 1)
        groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": recipe.weight_decay if decays else 0.0,
                "full_rate": recipe.learning_rate if in_head else recipe.backbone_learning_rate,
            }
            for (in_head, decays), parameters in groups.items()
        ],
        lr=recipe.learning_rate,
        # One kernel for all parameters: the step takes half the time, a tenth of the whole on CPUs.
        fused=next(model.parameters()).device.type in ("cpu", "cuda"),
    )


class Learner:
    """The model with what changes it: optimizer, loss scale, loss."""

    def __init__(self, model: Classifier, recipe: Recipe, loss: Loss, processes: Processes) -> None:
        # Convolutions run about 1.5 times as fast in this layout; MPS has gaps in it.
        device = processes.device
        self.layout = torch.contiguous_format if device.type == "mps" else torch.channels_last
        self.model = model.to(device).to(memory_format=self.layout)
        self.recipe, self.processes, self.loss = recipe, processes, loss
        self.normalization = usual_preprocessing(recipe.architecture).normalization
        self.optimizer = build_optimizer(self.model, recipe)
        self.precision = _precision(device)
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=self.precision is torch.float16
        )  # float16 alone has too small a range for gradients
        self._class_weights = (
            None if loss.class_weights is None else torch.tensor(loss.class_weights).to(device)
        )
        self._network: nn.Module | None = None

    def state(self) -> dict[str, Any]:
        """What ``load_state`` needs to go on from here."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become what the learner was when it gave ``state``."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])

    def start_stage(self, head_only: bool) -> None:
        """Freeze the backbone, or set it free."""
        self._network = None  # lets go of the hooks of the former stage
        self.model.freeze_backbone(head_only)
        self._network = (
            DistributedDataParallel(self.model) if self.processes.count > 1 else self.model
        )

    def train_epoch(
        self, epoch: int, loader: Reader[Batch], on_step: Callable[[], object]
    ) -> Figures:
        """Train on the images of ``epoch`` (from 0); return their figures, each before its step.

        Raises:
            TracInError: an image cannot be read, or the loss is no longer finite.
        """
        self.model.training_mode(backbone=epoch >= self.recipe.head_epochs)
        totals = self._no_totals()
        with self._drawing(epoch):
            for step, batch in enumerate(loader):
                if batch.problem:
                    raise TracInError(f"{batch.problem}. Repair or delete it.")
                share = rate_share(self.recipe, epoch, (step + 0.5) / len(loader))
                for group in self.optimizer.param_groups:
                    group["lr"] = group["full_rate"] * share
                labels = batch.labels.to(self.processes.device, non_blocking=True)
                logits = self._logits(batch.pixels)
                loss = self._cross_entropy(logits, labels, "mean")
                self.optimizer.zero_grad(set_to_none=True)
                self.scaler.scale(loss).backward()
                self.scaler.step(self.optimizer)
                self.scaler.update()
                self._tally(totals, logits.detach(), labels)
                if not math.isfinite(float(totals[0])):
                    raise TracInError(
                        f"The loss is not finite in step {step + 1} of epoch {epoch + 1}: the "
                        "training diverged. Use smaller rates (--learning_rate, "
                        "--backbone_learning_rate)."
                    )
                on_step()
        return self._figures(totals)

    @torch.no_grad()
    def validate(self, loader: Iterable[PixelBatch], table: ImageTable) -> Figures:
        """Judge the model by the images of ``loader``, this process's share of those kept back.

        Args:
            loader: batches of evaluation pixels.
            table: the images that the batches' ``rows`` index.

        Raises:
            TracInError: an image cannot be read.
        """
        self.model.eval()
        totals = self._no_totals()
        for batch in loader:
            if batch.unreadable:
                row, reason = batch.unreadable[0]
                path = table.data_dir / table.paths[row]
                raise TracInError(f"{path} cannot be read ({reason}). Repair or delete it.")
            labels = torch.from_numpy(table.labels[batch.rows]).to(self.processes.device)
            self._tally(totals, self._logits(batch.pixels), labels)
        return self._figures(totals)

    @contextmanager
    def _drawing(self, epoch: int) -> Iterator[None]:
        """Let the network draw (dropout, layers left out) the same in ``epoch`` whatever came
        before, and other numbers in each process.
        """
        device = self.processes.device
        seeds = np.random.SeedSequence([self.recipe.seed, NETWORK, epoch, self.processes.rank])
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> 1))
            yield

    def _logits(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.processes.device, non_blocking=True)
        images = normalize(pixels, self.normalization)
        images = images.contiguous(memory_format=self.layout)
        # Under no_grad there is nothing for DistributedDataParallel to do.
        network = self._network if torch.is_grad_enabled() else self.model
        if network is None:
            raise ValueError("start_stage comes before the first step")
        half = self.precision is not torch.float32
        with torch.autocast(self.processes.device.type, self.precision, enabled=half):
            logits: Tensor = network(images)
        return logits.float()

    def _cross_entropy(self, logits: Tensor, labels: Tensor, reduction: str) -> Tensor:
        return functional.cross_entropy(
            logits,
            labels,
            self._class_weights,
            reduction=reduction,
            label_smoothing=self.loss.label_smoothing,
        )

    def _no_totals(self) -> Tensor:
        """(2 + C²,): what ``_tally`` adds to."""
        return torch.zeros(2 + self.model.classes**2, dtype=torch.float64)

    def _tally(self, totals: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch to ``totals``: sum of losses, sum of their weights, confusion row by row."""
        weights = self._class_weights
        totals[0] += float(self._cross_entropy(logits, labels, "sum"))
        totals[1] += len(labels) if weights is None else float(weights[labels].sum())
        cells = (labels * self.model.classes + logits.argmax(dim=1)).cpu()
        totals[2:].index_add_(0, cells, torch.ones(len(cells), dtype=torch.float64))

    def _figures(self, totals: Tensor) -> Figures:
        """The figures of all processes together."""
        summed = self.processes.sum(totals.to(_reducible(self.processes.device))).cpu()
        loss, weight = summed[:2].tolist()
        confusion = summed[2:].to(torch.int64).reshape(self.model.classes, -1)
        return Figures(loss / weight, confusion.numpy())


def _precision(device: torch.device) -> torch.dtype:
    if device.type != "cuda":
        return torch.float32
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def _reducible(device: torch.device) -> torch.device:
    """Where sums over processes are taken: NCCL takes CUDA tensors only, MPS has no float64."""
    return device if device.type == "cuda" else torch.device("cpu")
