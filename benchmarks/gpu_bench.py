"""What the steps of benchmarks/gpu_check.py work on: images, a checkpoint, the command measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torchvision.models import resnet50

from benchmarks.photo_set import CLASSES, write_photo_set
from tracin.compute.features.backbone import Forward
from tracin.compute.model.checkpoint import load_checkpoint
from tracin.decoding import PixelDataset, collate
from tracin.images import Crop, find_images, normalize
from tracin.machine.device import choose_device, device_name
from tracin.machine.reading import in_order
from tracin.results.matrix import read_blocks
from tracin.results.schema import INFLUENCE_SCORES

ROOT = Path(__file__).resolve().parent.parent
SMALL = 200
"""Images of the runs that are compared: 160 training and 40 test images."""

# The command in a process that says what it took, GPU memory included.
_PROGRAM = """
import json, resource, sys, time
start = time.perf_counter()
import TracIn_Resnet50
status = TracIn_Resnet50.main(sys.argv[2:])
import torch
peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
readers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
name = sys.argv[1] + "." + __import__("os").environ.get("RANK", "0")
open(name, "w").write(json.dumps([time.perf_counter() - start, peak, rss, readers]))
sys.exit(status)
"""


@dataclass(frozen=True)
class Bench:
    """Where the check works, and on what."""

    folder: Path
    device: str
    photos: int
    deadline: float
    """Of ``time.monotonic``: whatever runs then is ended."""

    @cached_property
    def checkpoint(self) -> Path:
        """A ResNet50 with the Animals-10 head, in the user's form: its weights are random, but for
        the last Linear's, which tell the classes' tints apart.
        """
        torch.manual_seed(0)
        model = resnet50(weights=None)
        model.fc = nn.Sequential(
            *(nn.Linear(2048, 512), nn.LeakyReLU(), nn.Linear(512, 256), nn.LeakyReLU()),
            nn.Linear(256, len(CLASSES)),
        )
        model.train()
        with torch.no_grad():  # real statistics for batch norm: scores of the size of a trained one
            for _ in range(5):
                model(torch.randn(16, 3, 64, 64))
        model.eval()
        table, _ = find_images(self.small)
        decoded = PixelDataset(table, range(len(table)), Crop())
        batches = [collate([decoded[row] for row in part]) for part in in_order(len(table), 16)]
        with torch.no_grad():
            pixels = [normalize(batch.pixels) for batch in batches]
            last, model.fc[4] = model.fc[4], nn.Identity()
            activations = torch.cat([model(part) for part in pixels]).double()
        wanted = 8 * nn.functional.one_hot(torch.from_numpy(table.labels), len(CLASSES)).double()
        centred = activations - activations.mean(dim=0)
        gram = centred.T @ centred
        gram += 0.01 * gram.diagonal().mean() * torch.eye(len(gram))
        fitted = torch.linalg.solve(gram, centred.T @ (wanted - wanted.mean(dim=0)))
        last.weight.data = fitted.T.float()
        last.bias.data = (wanted.mean(dim=0) - activations.mean(dim=0) @ fitted).float()
        model.fc[4] = last
        state = {f"model.{key}": value for key, value in model.state_dict().items()}
        torch.save(state, self.folder / "animals10.pth")
        return self.folder / "animals10.pth"

    @cached_property
    def small(self) -> Path:
        """A folder of ``SMALL`` photos."""
        write_photo_set(self.folder / "small", SMALL, coloured=True)
        return self.folder / "small"

    @cached_property
    def forward(self) -> Forward:
        """The backbone on the device, in float32."""
        return self.forward_in("float32")

    def forward_in(self, precision: str) -> Forward:
        """The backbone on the device."""
        device = choose_device("cuda" if self.device == "cuda" else "cpu")
        backbone = load_checkpoint(self.checkpoint, CLASSES).backbone
        return Forward(backbone, device, precision)


@dataclass(frozen=True)
class Measured:
    """What a run of the command took."""

    seconds: float
    gpu_bytes: int
    bytes: int
    reader_bytes: int


def machine(bench: Bench) -> str:
    """The machine in a line."""
    device = device_name(choose_device("cuda" if bench.device == "cuda" else "cpu"))
    parts = [device, f"{os.cpu_count()} cores", f"Python {platform.python_version()}"]
    return "; ".join([*parts, f"torch {torch.__version__}", f"cuDNN {_cudnn()}"])


def _cudnn() -> str:
    return str(torch.backends.cudnn.version() or "none")


def command(
    bench: Bench, name: str, data: Path, *flags: str, processes: int = 1, device: str = ""
) -> list[Measured]:
    """Run the command into the folder ``name``; what each process took.

    Raises:
        RuntimeError: it failed; its last lines are the message.
    """
    results = bench.folder / name
    words = ["--model_path", str(bench.checkpoint), "--data_dir", str(data), *flags]
    words += ["--output_dir", str(results), "--no_cache", "--device", device or bench.device]
    (bench.folder / "measured.py").write_text(_PROGRAM, encoding="utf-8")
    begin = [sys.executable]
    if processes > 1:
        begin += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    report = bench.folder / f"{name}.took"
    done = subprocess.run(
        [*begin, str(bench.folder / "measured.py"), str(report), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=max(1.0, bench.deadline - time.monotonic()),
    )
    if done.returncode:
        raise RuntimeError(" | ".join(done.stderr.strip().splitlines()[-4:]))
    files = sorted(bench.folder.glob(f"{name}.took.*"))
    return [Measured(*json.loads(file.read_text())) for file in files]


def scores(bench: Bench, name: str) -> npt.NDArray[np.float64]:
    """The matrix of the run ``name``."""
    blocks = list(read_blocks(bench.folder / name / INFLUENCE_SCORES))
    return np.concatenate(blocks).astype(np.float64)
