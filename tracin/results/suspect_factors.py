"""The suspects' factors and the sums of their classes: what suspicion is computed from anew.

Written by compute and put into the page, which takes decided images out of the comparison. Arrays
stand as base64 of float32, little-endian, row by row: JSON that a browser reads.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracin.errors import TracInError
from tracin.json_file import Natural, Positive, fitted, read_json
from tracin.results.schema import SUSPECT_FACTORS

MOST_CHARACTERS = 8_000_000
"""Of the file: the page carries it. Ten classes and 500 suspects take 0.9 MB a checkpoint where the
last layer has 256 inputs, and 6.6 MB where it has 2,048."""

_REMEDY = "Run TracIn_Resnet50.py again, or remove the file to continue without it."

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CheckpointFactors:
    """At one checkpoint; each field an array in base64."""

    errors: str
    """(m, C): softmax(z) − onehot(given) of each suspect."""
    inputs: str
    """(m, d + 1): [a; 1] of each suspect at length 1."""
    class_sums: str
    """(L, C, d + 1): the sum of all training images' unit gradients, by given label."""


@dataclass(frozen=True)
class SuspectFactors:
    """m suspects, C classes, and the L labels that the suspects carry."""

    paths: tuple[str, ...]
    """(m,), relative to the data folder."""
    given: tuple[Natural, ...]
    """(m,): the class index of each suspect's label."""
    class_names: tuple[str, ...]
    """(C,)."""
    width: Positive
    """d + 1."""
    labels: tuple[Natural, ...]
    """(L,): the classes of the sums."""
    counts: tuple[Natural, ...]
    """(L,): how many training images carry each of them."""
    checkpoints: tuple[CheckpointFactors, ...]

    @property
    def characters(self) -> int:
        """Of all arrays."""
        return sum(len(e.errors) + len(e.inputs) + len(e.class_sums) for e in self.checkpoints)


def size_in_characters(suspects: int, classes: int, width: int, labels: int, files: int) -> int:
    """Of the file, nearly; ``files`` checkpoints, the rest as in ``SuspectFactors``."""
    floats = suspects * (classes + width) + labels * classes * width
    return files * floats * 16 // 3


def encoded(array: Float32Array) -> str:
    """The base64 text of an array."""
    return base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")


def decoded(text: str, shape: tuple[int, ...]) -> Float32Array:
    """The array of ``shape`` in a base64 text.

    Raises:
        ValueError: it holds something else, or a number that is not finite.
    """
    if len(text) != 4 * -(-4 * int(np.prod(shape, dtype=object)) // 3):
        raise ValueError("an array has another size than its suspects and classes")
    try:
        array = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").reshape(shape)
    except binascii.Error as error:
        raise ValueError(f"an array is no base64 ({error})") from error
    if not np.isfinite(array).all():
        raise ValueError("an array holds a number that is not finite")
    return array.astype(np.float32)


def write_suspect_factors(folder: Path, factors: SuspectFactors) -> None:
    """Write ``suspect_factors.json`` into ``folder``."""
    text = json.dumps(asdict(factors), ensure_ascii=False)
    (folder / SUSPECT_FACTORS).write_text(text + "\n", encoding="utf-8")


def read_suspect_factors(folder: Path) -> SuspectFactors | None:
    """The content of ``suspect_factors.json``; None where there is no file, or no suspect in it.

    Raises:
        TracInError: the file is damaged.
    """
    path = folder / SUSPECT_FACTORS
    if not path.exists():
        return None
    content = read_json(path, _REMEDY)
    try:
        factors: SuspectFactors = fitted(SuspectFactors, content)
        _check(factors)
    except ValueError as error:
        raise TracInError(f"{path} is damaged ({error}). {_REMEDY}") from error
    return factors if factors.paths and factors.checkpoints else None


def _check(factors: SuspectFactors) -> None:
    m, classes, labels = len(factors.paths), len(factors.class_names), set(factors.labels)
    if len(factors.given) != m or not set(factors.given) <= labels:
        raise ValueError("a suspect has no label whose sum is there")
    if len(factors.counts) != len(factors.labels) or len(labels) != len(factors.labels):
        raise ValueError("labels and counts do not belong together")
    if any(label >= classes for label in labels):
        raise ValueError("a label is none of the classes")
    for each in factors.checkpoints:
        decoded(each.errors, (m, classes))
        decoded(each.inputs, (m, factors.width))
        decoded(each.class_sums, (len(labels), classes, factors.width))
