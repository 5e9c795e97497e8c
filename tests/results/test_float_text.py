"""Numbers as text: the same bytes with and without orjson, and exact when read back."""

from __future__ import annotations

import numpy as np

from tracin.results.float_text import FAST, csv_rows, csv_rows_by_numpy

EDGES = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-7, 9.9e-7, 1e-6, 1e-5, 1e-4, 0.1, 123456.7, 16777216.0)
LARGE = (9.9e12, 1e13, 1e16, 1e21, 3.4028235e38, -3.4028235e38)


def test_numpys_text_is_orjsons() -> None:
    assert FAST
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    patterns = bits[np.isfinite(bits)]
    scores = (1e-3 * random.standard_normal(10_000)).astype(np.float32)
    for values in (np.array([*EDGES, *LARGE], np.float32), patterns, scores):
        assert csv_rows_by_numpy(values[None]) == csv_rows(values[None])


def test_it_reads_back_to_the_same_float() -> None:
    values = np.array([[*EDGES, *LARGE], [*EDGES, *LARGE]], np.float32)
    lines = csv_rows_by_numpy(values).decode().split("\n")
    read = np.array([[np.float32(cell) for cell in line.split(",")] for line in lines])
    np.testing.assert_array_equal(read, values)
    assert np.signbit(read[0, 1])
