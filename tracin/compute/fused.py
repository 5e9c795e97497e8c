"""A backbone fused by oneDNN's graph compiler: the same function, a quarter to three times faster.

Chosen by measurement (docs/benchmarks.md): on x86 it beat eager PyTorch at every size and equalled
``torch.compile``, which needs a C++ compiler and tens of seconds. Its interface, torch.jit, is
deprecated, so that whoever calls this must be able to do without.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Tensor]


def can_fuse(device: torch.device) -> bool:
    """Whether oneDNN's graph compiler may be there: PyTorch has it on x86 processors only."""
    return (
        device.type == "cpu"
        and platform.machine().lower() in ("x86_64", "amd64")
        and torch.backends.mkldnn.is_available()
    )


def fuse(module: nn.Module, example: Tensor) -> Function:
    """``module`` compiled for inputs like ``example``, and warmed up; takes about a second.

    PyTorch keeps the compiled weights (110 MB for a ResNet50 in float32) until the process ends.

    Raises:
        Exception: whatever torch.jit raises where it cannot do this.
    """
    before = torch.jit.onednn_fusion_enabled()
    torch.jit.enable_onednn_fusion(True)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # of its deprecation
            compiled = torch.jit.freeze(torch.jit.trace(module, example, check_trace=False))
            for _ in range(2):  # the first call records shapes, the second compiles
                compiled(example)
    finally:
        torch.jit.enable_onednn_fusion(before)
    function: Function = compiled
    return function
