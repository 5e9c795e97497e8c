"""The tables of benchmarks/throughput.py, as text or as markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import captum
import numpy as np
import torch

from benchmarks.contestants import Scores, Timing
from benchmarks.photo_set import ANIMALS
from tracin.machine.device import device_name

Key = tuple[str, str]
"""(letter of the way, precision)"""
Timings = dict[Key, Timing]

NAMES = {
    "a": "bare forward pass, pixels in memory",
    "g": "the same, images decoded on the same cores",
    "b": "TracIn_Resnet50.py",
    "c": "the same again, features kept",
    "d": "Captum TracInCPFast",
    "e": "Captum TracInCP",
    "f": "autograd, an image at a time",
}


@dataclass(frozen=True)
class Target:
    """How many times as fast as another way one way is meant to be."""

    one: Key
    other: Key
    least: float


TARGETS = (
    Target(("b", "float32"), ("g", "float32"), 0.9),
    Target(("b", "bfloat16"), ("g", "bfloat16"), 0.9),
    Target(("b", "float32"), ("a", "float32"), 0.85),
    Target(("b", "bfloat16"), ("a", "bfloat16"), 0.85),
    Target(("b", "float32"), ("d", "float32"), 4),
    Target(("b", "bfloat16"), ("d", "float32"), 15),
    Target(("c", "float32"), ("b", "float32"), 20),
    Target(("c", "bfloat16"), ("b", "bfloat16"), 20),
)


def machine(device: torch.device) -> str:
    """The machine in a line: device, processor, cores, versions, and how busy it is."""
    parts = [device_name(device)]
    if device.type != "cpu":
        parts.append(device_name(torch.device("cpu")))
    # What bfloat16 gains on a processor depends on these.
    speedups = [name for name in ("avx512_bf16", "amx_bf16") if name in _processor_flags()]
    parts += [
        f"{os.cpu_count()} cores",
        f"bfloat16 instructions: {', '.join(speedups) or 'none found'}",
        f"torch {torch.__version__}",
        f"captum {captum.__version__}",
    ]
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f} before the start")
    return "; ".join(parts)


def _processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split()}


def tables(timings: Timings, images: int, *, markdown: bool) -> str:
    """The timings, the targets, and what the whole of Animals-10 would take.

    Args:
        timings: of each way and precision that was measured.
        images: training and test images together.
        markdown: instead of text in columns.
    """
    parts = [_timing_table(timings, images, markdown), _agreement(timings)]
    if targets := _target_rows(timings, images):
        header = ("images/s of", "over", "ratio", "without the check", "target")
        parts.append(_table(header, targets, markdown))
    parts.append(_extrapolation(timings, images))
    return "\n\n".join(part for part in parts if part)


def full_table(timing: Timing, images: int, *, markdown: bool) -> str:
    """The steps of one command on many photos."""
    rows = [
        ("the command, start-up included", timing.command_seconds or 0.0),
        ("from the start of the run (run.json's total)", timing.seconds),
        *((f"of it {name}", spent) for name, spent in timing.steps.items() if name != "total"),
    ]
    table = _table(("", "seconds"), [(name, f"{spent:.1f}") for name, spent in rows], markdown)
    return (
        f"TracIn_Resnet50.py in bfloat16 on {images:,} photos of 224 to 500 pixels a side\n\n"
        f"{table}\n\n{timing.rate(images):.1f} images/s in all, "
        f"{images / timing.steps['features']:.1f} images/s while images are read"
    )


def _timing_table(timings: Timings, images: int, markdown: bool) -> str:
    header = (
        *("", "way to the scores", "precision", "seconds", "images/s"),
        *("of it check s", "images/s without", "command s", "difference"),
    )
    reference = timings.get(("b", "float32"))
    rows = []
    for (letter, precision), timing in timings.items():
        check = timing.check_seconds
        wall = timing.command_seconds
        rows.append(
            (
                letter,
                NAMES[letter],
                precision,
                f"{timing.seconds:.2f}",
                f"{timing.rate(images):.1f}",
                f"{check:.2f}" if check else "",
                f"{timing.rate(images, check=False):.1f}" if check else "",
                "" if wall is None else f"{wall:.2f}",
                "" if reference in (None, timing) else _difference(reference, timing.scores),
            )
        )
    return _table(header, rows, markdown)


def _difference(reference: Timing | None, scores: Scores | None) -> str:
    """The largest difference from the reference's scores, as a share of its largest score."""
    if reference is None or reference.scores is None or scores is None:
        return ""
    largest = np.abs(reference.scores).max()
    return f"{np.abs(scores - reference.scores).max() / largest:.1e}"


def _agreement(timings: Timings) -> str:
    lines = []
    if ("b", "float32") in timings:
        lines.append(
            "difference: the largest from row b's scores in float32, as a share of its largest "
            "score."
        )
    fast, exact = timings.get(("d", "float32")), timings.get(("f", "float32"))
    if fast:
        lines.append(
            "Captum's fast version multiplies the last layer's inputs and output gradients alone: "
            "its scores leave the bias out by design, hence row d's difference."
        )
    if fast and exact and exact.without_bias is not None:
        weights = _difference(Timing(0.0, exact.without_bias), fast.scores)
        lines.append(f"From autograd's scores without the bias they differ by {weights}.")
    return "\n".join(lines)


def _target_rows(timings: Timings, images: int) -> list[tuple[str, ...]]:
    rows = []
    for target in TARGETS:
        one, other = timings.get(target.one), timings.get(target.other)
        if one is None or other is None:
            continue
        cells = [
            _verdict(one.rate(images, check=check) / other.rate(images, check=check), target.least)
            for check in (True, False)
        ]
        if not one.check_seconds:
            cells[1] = ""
        names = [" ".join(key) for key in (target.one, target.other)]
        rows.append((*names, *cells, f"at least {target.least:g}"))
    return rows


def _verdict(ratio: float, least: float) -> str:
    return f"{ratio:.2f} ({'met' if ratio >= least else 'not met'})"


def _extrapolation(timings: Timings, images: int) -> str:
    lines = []
    for precision in ("float32", "bfloat16"):
        if timing := timings.get(("b", precision)):
            rate = images / timing.steps["features"]
            lines.append(
                f"Extrapolated, not measured: {ANIMALS:,} images in {precision} at the {rate:.1f} "
                f"images/s of row b while it reads images: {ANIMALS / rate / 60:.1f} minutes."
            )
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> str:
    numeric = [
        all(row[column][:1].isdigit() or not row[column] for row in rows)
        for column in range(len(header))
    ]
    if markdown:
        rule = ["---:" if right else "---" for right in numeric]
        return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in (header, *rows)
    )
