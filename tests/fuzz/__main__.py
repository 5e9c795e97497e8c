"""Fuzz all commands: python -m tests.fuzz --cases 5000 --seed 0."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.fuzz.families import FAMILIES
from tests.fuzz.oracle import Verdict
from tests.fuzz.play import play
from tests.fuzz.pristine import make_pristine
from tests.fuzz.watch import heard

COLUMNS = (
    "family",
    "cases",
    "exit 0",
    "exit 1",
    "exit 2",
    "escapes",
    "too long",
    "outside",
    "slowest",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 1 where any case escaped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000, help="over all families")
    parser.add_argument("--seed", type=int, default=0, help="of the first case of each family")
    parser.add_argument("--family", choices=list(FAMILIES), action="append")
    parser.add_argument("--show", action="store_true", help="what every case says")
    arguments = parser.parse_args(argv)
    names = arguments.family or list(FAMILIES)
    root = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        with heard():
            pristine = make_pristine(root / "pristine")
        verdicts: dict[str, list[Verdict]] = {}
        for place, name in enumerate(names):
            count = arguments.cases // len(names) + (place < arguments.cases % len(names))
            verdicts[name] = []
            for seed in range(arguments.seed, arguments.seed + count):
                verdict = play(name, seed, pristine, root / "case")
                verdicts[name].append(verdict)
                if verdict.faults or arguments.show:
                    _show(name, seed, verdict)
            _row(name, verdicts[name])
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print("  ".join(f"{name:>9}" for name in COLUMNS))
    for name, judged in verdicts.items():
        _row(name, judged)
    everything = [verdict for judged in verdicts.values() for verdict in judged]
    _row("all", everything)
    return int(any(verdict.faults for verdict in everything))


def _show(name: str, seed: int, verdict: Verdict) -> None:
    case = verdict.case
    print(f"--- --family {name} --seed {seed} --cases 1  ({verdict.seconds:.1f} s)", flush=True)
    called = f"{case.command} {' '.join(map(str, case.arguments))}"
    print(f"    {case.fault!a}, exit {verdict.status}: {called[:300]!a}")
    for fault in verdict.faults:
        print(f"    ESCAPE {fault.strip()[-1500:]}")
    print(f"    stderr: {verdict.said.err[-1200:]!a}", flush=True)


def _row(name: str, judged: Sequence[Verdict]) -> None:
    cells = [
        name,
        len(judged),
        *(sum(verdict.status == status for verdict in judged) for status in (0, 1, 2)),
        sum(bool(verdict.faults) for verdict in judged),
        sum(verdict.too_long for verdict in judged),
        sum(verdict.astray for verdict in judged),
        f"{max((verdict.seconds for verdict in judged), default=0):.1f} s",
    ]
    print("  ".join(f"{cell:>9}" for cell in cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
