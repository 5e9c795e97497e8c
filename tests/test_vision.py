"""torchvision without torch's compiler: nothing is loaded for it, and whoever wants it gets it."""

from __future__ import annotations

import subprocess
import sys


def output_of(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_network_is_outlined_and_run_without_the_compiler() -> None:
    program = (
        "import sys, torch\n"
        "from tracin.vision import functional, models, torchvision\n"
        "from tracin.architectures import build, outline\n"
        "outline('resnet50'); outline('vit_b_16')\n"
        "image = torch.zeros(3, 9, 7, dtype=torch.uint8)\n"
        "functional.center_crop(functional.resize(image, [5]), [4])\n"
        "build('resnet18')(torch.zeros(1, 3, 32, 32))\n"
        "boxes = torch.tensor([[0.0, 0, 0, 4, 4]])\n"
        "print(torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), boxes, 2).sum().item())\n"
        "print([name for name in sys.modules if name.startswith(('torch._dynamo', 'sympy'))])\n"
    )
    assert output_of(program).splitlines() == ["4.0", "[]"]


def test_the_compiler_is_there_for_whoever_asks_for_it() -> None:
    program = (
        "import sys, tracin.vision\n"
        "sys.modules['torch._dynamo'] = stand_in = tracin.vision._StandIn('torch._dynamo')\n"
        "known = stand_in.config  # a question that it does not know\n"
        "import torch._dynamo\n"
        "print(known is torch._dynamo.config, torch._dynamo is not stand_in)\n"
    )
    assert output_of(program) == "True True"
