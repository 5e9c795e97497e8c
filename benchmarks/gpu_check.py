"""Everything that only a GPU can show, in one command and one table, in eight minutes.

    python -m benchmarks.gpu_check                            on a machine with a CUDA GPU
    python -m benchmarks.gpu_check --device cpu --photos 200  what can be tried without one

Needs the repository, torch, torchvision, numpy, pandas and Pillow. Images and checkpoint are made
in a temporary folder. What is not reached in time is said to be; the exit status is 1 where a check
fails.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tracin.flags import positive_int

MINUTES = 8.0


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument(
        "--photos",
        type=positive_int,
        metavar="N",
        help="images of the large run (default: those of Animals-10, 26,117)",
    )
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="M")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryDirectory() as name:
        _stand_in_for_tqdm(Path(name))
        from benchmarks import gpu_bench, gpu_steps
        from benchmarks.photo_set import ANIMALS

        deadline = time.monotonic() + 60 * arguments.minutes
        photos = arguments.photos or ANIMALS
        bench = gpu_bench.Bench(Path(name), arguments.device, photos, deadline)
        print(gpu_bench.machine(bench), flush=True)
        rows = list(_rows(bench, gpu_steps.STEPS, deadline))
    print(f"\n{_table(rows)}")
    return 1 if any(row[3].startswith("NOT") for row in rows) else 0


Row = tuple[str, str, str, str]
"""(step, what was measured, value, verdict)"""


def _rows(
    bench: object, steps: dict[str, Callable[..., Iterator[tuple[str, str, str]]]], deadline: float
) -> Iterator[Row]:
    for name, step in steps.items():
        start = time.monotonic()
        if start > deadline:
            yield name, "not run: out of time", "", "-"
            continue
        try:
            for what, value, verdict in step(bench, deadline - start):
                yield name, what, value, verdict
        except Exception as error:  # the other steps still tell something
            fact = " ".join(str(error).split())[:300]
            yield name, f"failed: {type(error).__name__}: {fact}", "", "NOT met"
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def _table(rows: list[Row]) -> str:
    table = [("step", "what", "value", "verdict"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    return "\n".join(
        "  ".join([*(row[c].ljust(widths[c]) for c in range(3)), row[3]]).rstrip() for row in table
    )


def _stand_in_for_tqdm(folder: Path) -> None:
    """Progress bars that draw nothing, on a machine without tqdm: also in the commands started."""
    try:
        import tqdm  # noqa: F401
    except ImportError:
        (folder / "stand_in").mkdir()
        (folder / "stand_in/tqdm.py").write_text(
            "import contextlib\n"
            "class tqdm:\n"
            "    n = 0\n"
            "    def __init__(self, things=None, **options): self.things = things\n"
            "    def __iter__(self): return iter(self.things)\n"
            "    def __enter__(self): return self\n"
            "    def __exit__(self, *error): pass\n"
            "    def update(self, n=1): self.n += n\n"
            "    def close(self): pass\n"
            "    @staticmethod\n"
            "    def write(text, file=None): print(text, file=file)\n"
            "    @staticmethod\n"
            "    def external_write_mode(**options): return contextlib.nullcontext()\n",
            encoding="utf-8",
        )
        sys.path.insert(0, str(folder / "stand_in"))
    # Spawned reading processes and the commands find the repository, and the stand-in where needed.
    found = [str(folder / "stand_in"), str(Path(__file__).resolve().parent.parent)]
    os.environ["PYTHONPATH"] = os.pathsep.join([*found, os.environ.get("PYTHONPATH", "")])


if __name__ == "__main__":
    sys.exit(main())
