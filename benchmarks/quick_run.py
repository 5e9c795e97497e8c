"""Wall time of the two commands of a first look, as a user types them.

    python -m benchmarks.quick_run

Makes 224-pixel JPEGs in ten classes and a checkpoint in the Animals-10 form in a temporary folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.real_data import CLASS_NAMES, animals_resnet50, write_image_tree

ROOT = Path(__file__).parent.parent
COMMANDS = (
    ("TracIn_Resnet50.py", "--train_subset", "100", "--test_subset", "10"),
    ("TracIn_Resnet50.py", "--train_subset", "100", "--test_subset", "10"),
    ("analyze_results.py",),
)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image_tree(folder / "data/processed", train_per_class=40, test_per_class=10, size=224)
        (folder / "models").mkdir()
        state = animals_resnet50(len(CLASS_NAMES)).state_dict()
        torch.save(
            {f"model.{key}": value for key, value in state.items()},
            folder / "models/Resnet50_animals10_val_0_9796_0_5963.pth",
        )
        print(f"{os.cpu_count()} cores\n\n{'seconds':>8}  command")
        for number, (script, *flags) in enumerate(COMMANDS):
            start = time.perf_counter()
            command = [sys.executable, str(ROOT / script), *flags]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            again = " (again: features kept)" if number == 1 else ""
            seconds = time.perf_counter() - start
            print(f"{seconds:8.1f}  python {' '.join((script, *flags))}{again}", flush=True)


if __name__ == "__main__":
    main()
