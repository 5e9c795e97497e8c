"""Class means as an array: numpy reads what we write, and damage is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tracin.errors import TracInError
from tracin.results import class_means
from tracin.results.class_means import class_means_file, class_means_writer, open_class_means
from tracin.results.schema import CLASS_INFLUENCE, CLASS_INFLUENCE_ARRAY

MEANS = np.random.default_rng(0).normal(0, 1e-6, (23, 4)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The array, written in uneven blocks."""
    monkeypatch.setattr(class_means, "MOST_AS_TEXT", 91)  # of 92
    with class_means_writer(tmp_path, len(MEANS), ["a", "b", "c", "d"]) as writer:
        for start, stop in ((0, 1), (1, 20), (20, 23)):
            writer.write(MEANS[start:stop])
    file = tmp_path / CLASS_INFLUENCE_ARRAY
    assert writer.record.size == file.stat().st_size
    assert writer.record.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    return file


def test_few_are_text_and_many_an_array() -> None:
    most = class_means.MOST_AS_TEXT
    assert class_means_file(most // 1000, 1000) == CLASS_INFLUENCE
    assert class_means_file(most // 1000 + 1, 1000) == CLASS_INFLUENCE_ARRAY


def test_numpy_reads_them(path: Path) -> None:
    np.testing.assert_array_equal(np.load(path), MEANS)


def test_rows_and_single_numbers(path: Path) -> None:
    means = open_class_means(path, 23, 4)
    np.testing.assert_array_equal(means[5:30], MEANS[5:])
    rows = np.array([22, 3, 3])
    np.testing.assert_array_equal(means[rows, 2], MEANS[rows, 2])
    np.testing.assert_array_equal(means[np.empty(0, np.int64), 0], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not hold the means that run.json"),
        (b"a,b\n1,2\n", "does not hold the means that run.json"),
    ],
)
def test_what_is_no_array_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / CLASS_INFLUENCE_ARRAY
    file.write_bytes(content)
    with pytest.raises(TracInError, match=message):
        open_class_means(file, 23, 4)


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        (MEANS[1:], "22 × 4 of float32, not 23 × 4"),
        (MEANS.astype(np.float64), "23 × 4 of float64"),
        (MEANS.ravel(), "it holds 92 of float32"),
        (np.array([{"a": 1}], dtype=object), "does not hold"),
    ],
)
def test_another_array_is_refused(other: np.ndarray, shown: str, tmp_path: Path) -> None:
    file = tmp_path / CLASS_INFLUENCE_ARRAY
    np.save(file, other)
    with pytest.raises(TracInError, match=shown):
        open_class_means(file, 23, 4)


def test_cut_off_or_not_finite(path: Path) -> None:
    means = open_class_means(path, 23, 4)
    whole = path.read_bytes()
    broken = MEANS.copy()
    broken[7, 1] = np.nan
    path.write_bytes(whole[: -MEANS.nbytes] + broken.tobytes())
    assert means[8:].shape == (15, 4)
    with pytest.raises(TracInError, match="a number that is not finite"):
        means[:8]
    path.write_bytes(whole[:-5])
    for read in (lambda: means[:1], lambda: open_class_means(path, 23, 4)):
        with pytest.raises(TracInError, match=r"class_influence\.npy does not hold"):
            read()
