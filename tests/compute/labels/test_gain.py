"""The gain of a corrected label: against the dense solution, and its sign by retraining."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.compute.factories import make_factors, random_factors
from tracin.compute.labels import gain
from tracin.compute.labels.gain import label_gain
from tracin.compute.scores.factors import Factors
from tracin.compute.scores.gauss_newton import gauss_newton_matrix, gradients, parameters

DAMPING = 0.1


def test_it_equals_the_dense_solution() -> None:
    train, test = random_factors(80, 0), random_factors(30, 1)
    rows = torch.arange(0, 80, 3)
    suggested = (train.labels[rows] + 1) % train.logits.shape[1]
    matrix = gauss_newton_matrix(train)
    matrix.diagonal().add_(DAMPING * float(matrix.diagonal().mean()))
    direction = torch.linalg.solve(matrix, gradients(test).mean(dim=0))
    ones = torch.ones(80, 1, dtype=torch.float64)
    inputs = torch.cat([train.activations.double(), ones], dim=1)
    expected = []
    for row, other in zip(rows.tolist(), suggested.tolist(), strict=True):
        change = torch.zeros(train.logits.shape[1], dtype=torch.float64)
        change[train.labels[row]] += 1
        change[other] -= 1
        expected.append(float(direction @ torch.outer(change, inputs[row]).flatten()) / 80)
    found = label_gain(train, test, rows, suggested, DAMPING)
    largest = max(map(abs, expected))
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), atol=5e-3 * largest, rtol=0
    )


def noisy_classes(seed: int) -> tuple[Factors, Factors, Tensor]:
    """(training factors with 15 % wrong labels, clean test factors, true training labels) of a
    last layer fitted to the wrong labels too.
    """
    generator = torch.Generator().manual_seed(seed)
    centres = 2.0 * torch.randn(4, 12, generator=generator)

    def draw(n: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(0, 4, (n,), generator=generator)
        return centres[labels] + torch.randn(n, 12, generator=generator), labels

    (inputs, truth), (test_inputs, test_labels) = draw(400), draw(300)
    given = truth.clone()
    wrong = torch.randperm(400, generator=generator)[:60]
    given[wrong] = (truth[wrong] + torch.randint(1, 4, (60,), generator=generator)) % 4
    last = fitted(inputs, given)
    with torch.no_grad():
        train = make_factors(inputs, last(inputs), given)
        return train, make_factors(test_inputs, last(test_inputs), test_labels), truth


def fitted(inputs: Tensor, labels: Tensor) -> nn.Linear:
    torch.manual_seed(0)
    last = nn.Linear(12, 4)
    optimizer = torch.optim.LBFGS(last.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = sum((weight.square().sum() for weight in last.parameters()), torch.zeros(()))
        value = functional.cross_entropy(last(inputs), labels) + 1e-3 * penalty
        value.backward()
        return value

    optimizer.step(loss)
    return last


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_relabelling_the_first_lowers_the_test_loss_and_the_last_raises_it(seed: int) -> None:
    train, test, truth = noisy_classes(seed)
    rows = torch.arange(len(train))
    suggested = torch.where(truth != train.labels, truth, (train.labels + 1) % 4)
    found = label_gain(train, test, rows, suggested, DAMPING)
    order = found.argsort(descending=True)

    def test_loss(changed: Tensor) -> float:
        labels = train.labels.clone()
        labels[changed] = suggested[changed]
        with torch.no_grad():
            logits = fitted(train.activations, labels)(test.activations)
            return float(functional.cross_entropy(logits, test.labels))

    before = test_loss(rows[:0])
    assert test_loss(order[:60]) < before - 0.02
    assert test_loss(order[-60:]) > before + 0.02
    assert (truth != train.labels)[order[:60]].float().mean() > 0.8


def test_a_certain_model_has_no_curvature_and_no_division_by_zero() -> None:
    factors = make_factors(
        torch.ones(4, 3), 1e4 * torch.eye(4, 2)[[0, 1, 0, 1]], torch.arange(4) % 2
    )
    found = label_gain(factors, factors, torch.tensor([0]), torch.tensor([1]), DAMPING)
    assert torch.isfinite(found).all()


def test_of_too_many_images_some_tell_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test, truth = noisy_classes(0)
    rows = torch.nonzero(truth != train.labels).squeeze(1)
    exact = label_gain(train, test, rows, truth[rows], DAMPING)
    monkeypatch.setattr(gain, "MOST_WORK", parameters(train) * len(train) // 2)
    half = label_gain(train, test, rows, truth[rows], DAMPING)
    assert not torch.equal(half, exact)
    assert torch.corrcoef(torch.stack([half, exact]))[0, 1] > 0.85
    assert 0.8 < half.mean() / exact.mean() < 1.25


def test_no_suspects_no_gain() -> None:
    factors, none = random_factors(10, 0), torch.zeros(0, dtype=torch.int64)
    assert label_gain(factors, factors, none, none, DAMPING).tolist() == []
