"""Sums against exact fractions, in every order and division."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from tracin.machine.exact_sums import on_grid, spacing


@pytest.mark.parametrize("scale", [1e-20, 1.0, 3e9])
def test_any_order_and_division_gives_the_same_bits(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    values = scale * torch.randn(1000, generator=generator, dtype=torch.float64)
    step = spacing(float(values.abs().sum()))
    terms = on_grid(values, step)
    expected = sum(map(Fraction, terms.tolist()), Fraction(0))
    for order in (torch.arange(1000), torch.randperm(1000, generator=generator)):
        for parts in (1, 3, 7):
            total = 0.0
            for part in terms[order].chunk(parts):
                total += sum(part.tolist())
            assert Fraction(total) == expected
    exact = sum(map(Fraction, values.tolist()), Fraction(0))
    assert abs(expected - exact) <= Fraction(len(values)) * Fraction(step) / 2
    assert float(abs(expected - exact)) <= 1e-9 * float(values.abs().sum())


def test_nothing_sums_to_nothing() -> None:
    assert on_grid(torch.zeros(3), spacing(0.0)).tolist() == [0.0, 0.0, 0.0]
