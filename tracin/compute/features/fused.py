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
        and hasattr(torch._C, "_jit_set_llga_enabled")
    )


def fuse(module: nn.Module, example: Tensor) -> tuple[Function, Tensor]:
    """Compile ``module`` for inputs of the shape of ``example``; return it and its output for that.

    Takes as long as two or three calls. PyTorch keeps the compiled weights (110 MB for a ResNet50
    in float32) until the process ends.

    Raises:
        Exception: whatever torch.jit raises where it cannot do this.
    """
    before = torch.jit.onednn_fusion_enabled()
    torch.jit.enable_onednn_fusion(True)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # of its deprecation
            traced = torch.jit.trace(module, example[:1], check_trace=False)
            compiled = torch.jit.freeze(traced)
            compiled(example)  # records the shapes; the next call compiles for them
            output = compiled(example)
    finally:
        torch.jit.enable_onednn_fusion(before)
    return compiled, output
