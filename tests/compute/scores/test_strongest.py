"""The strongest pairs against a stable sort of whole columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.compute.factories import random_factors
from tracin.compute.scores.strongest import Strongest, StrongestFinder, similarities


def find(keys: Tensor, scores: Tensor, k: int, rows: int, processes: int = 1) -> Strongest:
    finders = [StrongestFinder(keys.shape[1], k) for _ in range(processes)]
    for number, start in enumerate(range(0, len(keys), rows)):
        block = slice(start, start + rows)
        finders[number % processes].add(start, keys[block], scores[block])
    for other in finders[1:]:
        finders[0].merge(other.candidates())
    return finders[0].result()


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("rows", [1, 7, 100])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_strongest_equal_a_stable_sort(rows: int, k: int, processes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(100, 8, generator=generator)
    keys[50:] = keys[:50]  # identical images: ties
    keys[:, 3] = -1.0  # nothing above zero
    keys[:, 4] = 0.0
    keys[13, 4] = 1.0  # one, so fewer than k
    scores = torch.randn(100, 8, generator=generator)
    found = find(keys, scores, k, rows, processes)
    for column in range(8):
        order = np.argsort(-keys[:, column].numpy(), kind="stable")[:k]
        expected = [row for row in order if keys[row, column] > 0]
        mine = found.test == column
        assert found.train[mine].tolist() == expected
        assert found.rank[mine].tolist() == list(range(1, len(expected) + 1))
        np.testing.assert_array_equal(found.scores[mine], scores[expected, column])


def test_rising_keys_replace_all_earlier_ones() -> None:
    keys = torch.arange(1.0, 101.0).unsqueeze(1)
    assert find(keys, keys, 3, rows=10).train.tolist() == [99, 98, 97]


def test_similarities_multiply_to_the_gradients_cosine() -> None:
    train, test = random_factors(20, 0), random_factors(6, 1)
    train.errors[2] = 0.0
    pairs = find(torch.rand(20, 6), torch.rand(20, 6), 20, 20)
    activation, error = similarities([train], [test], pairs)
    ones = torch.ones(20, 1)
    for index in range(len(pairs.train)):
        i, j = pairs.train[index], pairs.test[index]
        g = torch.outer(train.errors[i], torch.cat([train.activations[i], ones[0]])).flatten()
        h = torch.outer(test.errors[j], torch.cat([test.activations[j], ones[0]])).flatten()
        cosine = functional.cosine_similarity(g, h, dim=0).item()
        assert activation[index] * error[index] == pytest.approx(cosine, abs=1e-5)
    assert (error[pairs.train == 2] == 0).all()


def test_similarities_are_means_over_checkpoints() -> None:
    sides = [(random_factors(20, s), random_factors(6, s + 9)) for s in (0, 1)]
    pairs = find(torch.rand(20, 6), torch.rand(20, 6), 5, 20)
    both = similarities([a for a, _ in sides], [b for _, b in sides], pairs)
    single = [similarities([a], [b], pairs) for a, b in sides]
    for index in (0, 1):
        np.testing.assert_allclose(
            both[index], (single[0][index] + single[1][index]) / 2, atol=1e-6
        )
