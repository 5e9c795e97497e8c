"""Which device computes, and how many processes read images beside it."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from tracin.errors import TracInError
from tracin.flags import Device
from tracin.machine.cores import core_count
from tracin.wording import count

MOST_WORKERS = 16
"""Processes that decode images beside a GPU, at most: each holds batches in memory."""


def choose_device(name: Device) -> torch.device:
    """Choose the device of that name, and keep it from rounding float32.

    "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        TracInError: the device is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    chosen = name if name != "auto" else next(kind for kind, there in available.items() if there)
    if not available[chosen]:
        raise TracInError(
            f"--device {chosen}: PyTorch {torch.__version__} finds no such device on this machine. "
            "Leave the flag out to take the best there is."
        )
    if chosen == "cuda":
        # "float32" promises float32: TF32 would round the convolutions' inputs to 10 bits.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(chosen)


def device_name(device: torch.device) -> str:
    """The device in words, such as ``cuda (NVIDIA H200)`` or ``cpu (AMD EPYC, 2 threads)``."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({_processor()}, {count(torch.get_num_threads(), 'thread')})"
    return device.type


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags = (_processor_fact("flags") or _processor_fact("Features")).split()  # x86 or ARM
    known = ("avx512_bf16", "amx_bf16", "bf16")
    return device.type == "cpu" and any(flag in flags for flag in known)


def _processor() -> str:
    return _processor_fact("model name") or platform.processor() or platform.machine()


def _processor_fact(name: str) -> str:
    """What Linux says of the first processor; "" elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    facts = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(facts, "")


def default_workers(device: torch.device, on_machine: int = 1) -> int:
    """How many processes decode images for this one.

    Beside a GPU all cores but one, ``MOST_WORKERS`` at most, shared by the run's processes on this
    machine. On the CPU decoding takes a few hundredths of the time of the forward pass, so one
    process keeps ahead of it.
    """
    if device.type == "cpu":
        return 1
    return max(1, min(MOST_WORKERS, core_count() // on_machine - 1))
