"""Ways from a checkpoint and images to influence scores, each timed: ours, Captum's, autograd's.

Only what computes is timed: imports, the model and the list of images are ready before the clock
starts. Reading and decoding the images is timed, but for the bare forward pass.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from captum.influence import TracInCP, TracInCPFast
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet50
from torchvision.transforms import v2

from tests.real_data import CLASS_NAMES, animals_head
from tracin.compute.features.backbone import Forward, Pending
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.decoding import DecodedImage, PixelDataset, collate
from tracin.flags import IMAGENET_MEAN, IMAGENET_STD
from tracin.images import Crop, find_images
from tracin.machine.reading import Reader, Reading, in_order
from tracin.results.matrix import read_blocks
from tracin.results.run_info import read_run_info
from tracin.results.schema import INFLUENCE_SCORES

SCRIPT = Path(__file__).parent.parent / "TracIn_Resnet50.py"
RATE = 1e-4
LAST_LAYER = "fc.4"

Scores = npt.NDArray[np.float32]
"""(n_train, n_test), positive = proponent (helps)"""


@dataclass(frozen=True)
class Case:
    """What every contestant is given."""

    data_dir: Path
    checkpoint: Path
    device: torch.device
    batch_size: int
    num_workers: int


@dataclass(frozen=True)
class Timing:
    """What a contestant took, and its scores."""

    seconds: float
    scores: Scores | None = None
    without_bias: Scores | None = None
    """Scores of the last layer's weight alone, where they are known too."""
    command_seconds: float | None = None
    """From starting the process to its end, imports included; None: no process was started."""
    steps: dict[str, float] = field(default_factory=dict)
    """Seconds of a command's steps, as its run.json has them."""

    @property
    def check_seconds(self) -> float:
        """Seconds of ``seconds`` in which the command measured what bfloat16 costs."""
        return self.steps.get("precision", 0.0)

    def rate(self, images: int, *, check: bool = True) -> float:
        """Images a second, with or without that check."""
        return images / (self.seconds - (0.0 if check else self.check_seconds))


def bare_forward(case: Case, precision: str) -> Timing:
    """Our backbone over pixels that are all in memory: the limit of the other ways."""
    tables = find_images(case.data_dir)
    pixels: ConcatDataset[DecodedImage] = ConcatDataset(
        [PixelDataset(table, range(len(table)), Crop()) for table in tables]
    )
    loader = DataLoader(pixels, case.batch_size, collate_fn=collate)
    batches = [batch.pixels for batch in loader]
    if case.device.type == "cuda":
        batches = [batch.pin_memory() for batch in batches]
    backbone = load_checkpoint(case.checkpoint, CLASS_NAMES).backbone
    forward = Forward(backbone, case.device, precision)
    for batch in {len(batch): batch for batch in batches}.values():
        forward(batch)  # what is done once for each size is not timed
    start = time.perf_counter()
    for batch in batches:
        forward(batch)
    return Timing(time.perf_counter() - start)


def decoded_forward(case: Case, precision: str) -> Timing:
    """Our backbone over images that are decoded beside it, on the same cores: the honest limit.

    Read, batched and passed as a run does it; nothing is hashed for a store, scored or written.
    """
    tables = find_images(case.data_dir)
    crop = Crop()
    images: ConcatDataset[DecodedImage] = ConcatDataset(
        [PixelDataset(table, range(len(table)), crop) for table in tables]
    )
    backbone = load_checkpoint(case.checkpoint, CLASS_NAMES).backbone
    forward = Forward(backbone, case.device, precision)
    forward(torch.zeros(case.batch_size, 3, crop.crop_size, crop.crop_size, dtype=torch.uint8))
    pinned = case.device.type == "cuda"
    reading = Reading(case.num_workers, case.batch_size, crop.crop_size, pin_memory=pinned)
    start = time.perf_counter()
    reader = Reader(images, in_order(len(images), case.batch_size), collate, reading)
    waiting: deque[Pending] = deque()
    for batch in reader:
        waiting.append(forward.start(batch.pixels))
        if len(waiting) > forward.in_flight:
            waiting.popleft().result()
    for features in waiting:
        features.result()
    return Timing(time.perf_counter() - start)


def command(case: Case, precision: str, output_dir: Path, *, kept: bool) -> Timing:
    """Our command in a process of its own; its seconds are run.json's, without the model check.

    Args:
        case: the images and the machine.
        precision: of the backbone.
        output_dir: its results folder.
        kept: whether every feature is expected there from a former run, or none.

    Raises:
        CalledProcessError: the command failed; what it says stands on stderr.
        ValueError: ``kept`` is wrong, so that the time is not what it is taken for.
    """
    flags = {
        "--model_path": case.checkpoint,
        "--data_dir": case.data_dir,
        "--output_dir": output_dir,
        "--learning_rate": RATE,
        "--precision": precision,
        "--device": case.device.type,
        "--batch_size": case.batch_size,
        "--num_workers": case.num_workers,
    }
    words = [str(word) for pair in flags.items() for word in pair]
    start = time.perf_counter()
    subprocess.run([sys.executable, str(SCRIPT), *words], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    info = read_run_info(output_dir)
    expected = info.train_images + info.test_images if kept else 0
    if info.kept_features != expected:
        raise ValueError(f"{info.kept_features} kept features were used, not {expected}")
    scores = np.concatenate(list(read_blocks(output_dir / INFLUENCE_SCORES)))
    # A head of random weights cannot judge, and the search for the reason is not timed here.
    seconds = info.seconds["total"] - info.seconds["check"]
    return Timing(seconds, scores, command_seconds=wall, steps=info.seconds)


def captum_fast(case: Case) -> Timing:
    """Captum's TracInCPFast; the test images are one batch, which is its best case."""
    model, train, test = _model(case), _loader(case, "train"), _loader(case, "test", whole=True)
    fast = TracInCPFast(
        model,
        model.get_submodule(LAST_LAYER),
        train,
        [str(case.checkpoint)],
        checkpoints_load_func=_load,
        loss_fn=nn.CrossEntropyLoss(reduction="sum"),
        batch_size=case.batch_size,
    )
    return _timed(lambda: fast.influence(next(iter(test))).T)


def captum_cp(case: Case) -> Timing:
    """Captum's TracInCP on the last layer."""
    model, train, test = _model(case), _loader(case, "train"), _loader(case, "test")
    tracin = TracInCP(
        model,
        train,
        [str(case.checkpoint)],
        checkpoints_load_func=_load,
        layers=[LAST_LAYER],
        loss_fn=nn.CrossEntropyLoss(reduction="none"),
        batch_size=case.batch_size,
    )
    return _timed(lambda: tracin.influence(test).T)


def autograd(case: Case) -> Timing:
    """A forward and a backward pass to the last layer for each image, then the matrix product."""
    model, train, test = _model(case), _loader(case, "train", 1), _loader(case, "test", 1)
    _load(model, str(case.checkpoint))
    parameters = list(model.get_submodule(LAST_LAYER).parameters())
    loss_fn = nn.CrossEntropyLoss(reduction="sum")

    def gradients(loader: DataLoader[Any]) -> Tensor:
        rows = []
        for image, label in loader:
            loss = loss_fn(model(image), label)
            weight, bias = torch.autograd.grad(loss, parameters)
            rows.append(torch.cat([weight.flatten(), bias]))
        return torch.stack(rows)

    start = time.perf_counter()
    sides = gradients(train), gradients(test)
    scores = (RATE * sides[0] @ sides[1].T).cpu().numpy()
    seconds = time.perf_counter() - start
    weights = [side[:, : -len(CLASS_NAMES)] for side in sides]
    return Timing(seconds, scores, (RATE * weights[0] @ weights[1].T).cpu().numpy())


class _DeviceLoader(DataLoader[Any]):
    """Batches on a device: Captum takes them as the loader gives them."""

    device: torch.device

    def __iter__(self) -> Any:
        for images, labels in super().__iter__():
            yield images.to(self.device), labels.to(self.device)


def _loader(
    case: Case, split: str, batch_size: int | None = None, *, whole: bool = False
) -> _DeviceLoader:
    """torchvision's usual way from a folder to batches, with as many processes as we have."""
    steps = [
        v2.Resize(256),
        v2.CenterCrop(224),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]
    images = ImageFolder(str(case.data_dir / split), v2.Compose(steps))
    loader = _DeviceLoader(
        images,
        len(images) if whole else batch_size or case.batch_size,
        num_workers=case.num_workers,
        pin_memory=case.device.type == "cuda",
    )
    loader.device = case.device
    return loader


def _model(case: Case) -> nn.Module:
    """The ResNet50 as its user would build it, without weights.

    Only the last layer asks for gradients. Else the backbone's activations would be kept for them:
    a peak of 4.8 GB instead of 1.9 GB with batches of 40 images, and slower.
    """
    model: nn.Module = resnet50(weights=None)
    model.fc = animals_head(len(CLASS_NAMES))
    model.requires_grad_(False).get_submodule(LAST_LAYER).requires_grad_(True)
    return model.eval().to(case.device)


def _load(model: nn.Module, path: str) -> float:
    """The learning rate of a checkpoint, after its weights were put into the model."""
    state = torch.load(path, weights_only=True)
    model.load_state_dict({key.removeprefix("model."): value for key, value in state.items()})
    return RATE


def _timed(influence: Callable[[], Tensor]) -> Timing:
    start = time.perf_counter()
    scores = influence().detach().cpu().numpy()
    return Timing(time.perf_counter() - start, scores)
