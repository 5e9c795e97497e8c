"""The suspects' factors as a file: written, read, and refused where damaged."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tracin.errors import TracInError
from tracin.results.schema import SUSPECT_FACTORS
from tracin.results.suspect_factors import (
    CheckpointFactors,
    SuspectFactors,
    decoded,
    encoded,
    read_suspect_factors,
    size_in_characters,
    write_suspect_factors,
)


def example(random: np.random.Generator) -> SuspectFactors:
    """Three suspects of two labels, four classes, five inputs."""

    def array(*shape: int) -> str:
        return encoded(random.normal(size=shape).astype(np.float32))

    return SuspectFactors(
        paths=("train/a/1.jpg", "train/c/2.jpg", "train/a/שלום.jpg"),
        given=(0, 2, 0),
        class_names=("a", "b", "c", "d"),
        width=5,
        labels=(0, 2),
        counts=(20, 10),
        checkpoints=(CheckpointFactors(array(3, 4), array(3, 5), array(2, 4, 5)),) * 2,
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    factors = example(np.random.default_rng(0))
    write_suspect_factors(tmp_path, factors)
    assert read_suspect_factors(tmp_path) == factors


def test_arrays_keep_every_bit() -> None:
    array = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    assert np.array_equal(decoded(encoded(array), (3, 4, 5)), array)


def test_the_size_is_known_beforehand(tmp_path: Path) -> None:
    factors = example(np.random.default_rng(0))
    texts = [text for each in factors.checkpoints for text in dataclasses.astuple(each)]
    assert sum(map(len, texts)) == pytest.approx(size_in_characters(3, 4, 5, 2, 2), abs=3 * 6)


def test_no_file_and_no_suspect_are_nothing(tmp_path: Path) -> None:
    assert read_suspect_factors(tmp_path) is None
    empty = CheckpointFactors("", "", "")
    none = SuspectFactors((), (), ("a", "b"), 5, (), (), (empty,))
    write_suspect_factors(tmp_path, none)
    assert read_suspect_factors(tmp_path) is None


NOT_FINITE = encoded(np.full((3, 4), np.nan, dtype=np.float32))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"given": [0, 2]}, "no label whose sum is there"),
        ({"given": [0, 1, 0]}, "no label whose sum is there"),
        ({"labels": [0, 9], "given": [0, 9, 0]}, "none of the classes"),
        ({"labels": [0, 2, 2], "counts": [1, 1, 1]}, "do not belong together"),
        ({"counts": [20]}, "do not belong together"),
        ({"counts": [20, -1]}, "counts"),
        ({"width": 6}, "another size"),
        ({"width": 10**400}, "another size"),
        ({"width": 0}, "width"),
        ({"checkpoints": [{"errors": NOT_FINITE}]}, "not finite"),
        ({"checkpoints": [{"inputs": "A" * 79 + "?"}]}, "no base64"),
        ({"checkpoints": [{"class_sums": 7}]}, "class_sums"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    content = dataclasses.asdict(example(np.random.default_rng(0)))
    if isinstance(altered := changes.get("checkpoints"), list):
        changes = {"checkpoints": [{**content["checkpoints"][0], **altered[0]}]}
    (tmp_path / SUSPECT_FACTORS).write_text(json.dumps({**content, **changes}), "utf-8")
    with pytest.raises(TracInError, match=says) as caught:
        read_suspect_factors(tmp_path)
    assert SUSPECT_FACTORS in str(caught.value)
