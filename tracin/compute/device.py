"""Which device computes, and how many processes read images beside it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from tracin.errors import TracInError


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        TracInError: the device is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available[name]:
        raise TracInError(
            f"--device {name}: PyTorch {torch.__version__} finds no such device here. Leave the "
            "flag out to take the best there is."
        )
    if name == "cuda":
        # "float32" promises float32: TF32 would round the convolutions' inputs to 10 bits.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """The device in words, such as ``cuda (NVIDIA H200)`` or ``cpu (AMD EPYC, 2 threads)``."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({_processor()}, {torch.get_num_threads()} threads)"
    return device.type


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def default_workers(device: torch.device) -> int:
    """How many processes decode images.

    Beside a GPU all cores but one, sixteen at most. On the CPU decoding takes a few hundredths of
    the time of the forward pass, so one process keeps ahead of it.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return 1 if device.type == "cpu" else max(1, min(16, cores - 1))
