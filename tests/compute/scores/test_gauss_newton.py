"""Gauss-Newton influence against autograd's Hessian and against retraining without an image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

from tests.compute.factories import make_factors, permuted, random_factors
from tracin.compute.scores import gauss_newton
from tracin.compute.scores.factors import Factors
from tracin.compute.scores.gauss_newton import GaussNewton, gauss_newton_matrix, gauss_newton_scores
from tracin.compute.scores.tracin import Scores
from tracin.errors import TracInError


def all_scores(train: Factors, test: Factors, damping: float, rows: int = 512) -> Tensor:
    method = GaussNewton(train, damping)
    return torch.cat(list(Scores(method.rows(test), method.self_influence()).blocks(rows)))


def linear_factors(width: int, classes: int) -> tuple[Factors, Factors, Tensor]:
    """Factors of a linear head with weights (classes, width + 1), the bias last."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(classes, width + 1, generator=generator)
    sides = []
    for n in (30, 7):
        a = torch.randn(n, width, generator=generator)
        logits = a @ weights[:, :-1].T + weights[:, -1]
        sides.append(make_factors(a, logits, torch.randint(classes, (n,), generator=generator)))
    return sides[0], sides[1], weights.double()


def mean_loss(weights: Tensor, factors: Factors) -> Tensor:
    logits = factors.activations.double() @ weights[:, :-1].T + weights[:, -1]
    return functional.cross_entropy(logits, factors.labels)


def test_matrix_is_the_hessian_of_the_last_layer() -> None:
    """For a linear layer the Gauss-Newton matrix of the cross-entropy is its Hessian."""
    train, _, weights = linear_factors(width=4, classes=3)
    hessian = torch.autograd.functional.hessian(
        lambda w: mean_loss(w.view_as(weights), train), weights.flatten()
    )
    torch.testing.assert_close(gauss_newton_matrix(train), hessian, rtol=1e-5, atol=1e-7)


def test_scores_equal_brute_force() -> None:
    train, test, weights = linear_factors(width=4, classes=3)
    hessian = torch.autograd.functional.hessian(
        lambda w: mean_loss(w.view_as(weights), train), weights.flatten()
    ).numpy()

    def gradient(factors: Factors, i: int) -> Tensor:
        one = factors.rows(i, i + 1)
        jacobian = torch.autograd.functional.jacobian(lambda w: mean_loss(w, one), weights)
        return torch.as_tensor(jacobian).flatten()

    damped = hessian + 0.1 * np.trace(hessian) / len(hessian) * np.eye(len(hessian))
    left = torch.stack([gradient(train, i) for i in range(30)]).numpy()
    right = torch.stack([gradient(test, j) for j in range(7)]).numpy()
    expected = left @ np.linalg.solve(damped, right.T)
    scores = all_scores(train, test, 0.1)
    assert np.abs(scores.numpy() - expected).max() <= 1e-5 * np.abs(expected).max()
    own = np.einsum("ip,pi->i", left, np.linalg.solve(damped, left.T))
    np.testing.assert_allclose(gauss_newton_scores(train, test, 0.1).self_influence, own, rtol=1e-4)


def test_blocks_and_order_do_not_matter() -> None:
    train, test = random_factors(50, 0), random_factors(9, 1)
    expected = all_scores(train, test, 0.1)
    for rows in (1, 7, 50):
        torch.testing.assert_close(all_scores(train, test, 0.1, rows), expected)
    order = torch.randperm(50)
    torch.testing.assert_close(all_scores(permuted(train, order), test, 0.1), expected[order])


def test_images_are_taken_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    train = random_factors(50, 0)
    expected = gauss_newton_matrix(train), GaussNewton(train, 0.1).self_influence()
    monkeypatch.setattr(gauss_newton, "IMAGES_PER_STEP", 7)
    torch.testing.assert_close(gauss_newton_matrix(train), expected[0])
    torch.testing.assert_close(GaussNewton(train, 0.1).self_influence(), expected[1])


def test_certain_predictions_and_identical_images() -> None:
    labels = torch.arange(6) % 3
    certain = make_factors(torch.randn(6, 4), 1e4 * functional.one_hot(labels, 3).float(), labels)
    assert (all_scores(certain, certain, 0.1) == 0).all()
    same = permuted(random_factors(1, 0), torch.zeros(6, dtype=torch.int64))
    scores = all_scores(same, same, 0.1)
    assert torch.isfinite(scores).all()
    assert (scores > 0).all()


def test_too_large_a_layer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauss_newton, "MAX_PARAMETERS", 17)
    with pytest.raises(TracInError, match=r"18 × 18 .* 17 is the limit .*--method tracin"):
        GaussNewton(random_factors(4, 0), 0.1)


def test_too_small_a_damping_is_explained() -> None:
    with pytest.raises(TracInError, match=r"--damping 1e-30: give a larger one"):
        GaussNewton(random_factors(4, 0), 1e-30)


def penalised_loss(weights: Tensor, images: Tensor, labels: Tensor, penalty: float) -> Tensor:
    logits = images @ weights[:, :-1].T + weights[:, -1]
    return functional.cross_entropy(logits, labels) + penalty / 2 * weights.square().sum()


def fit(images: Tensor, labels: Tensor, penalty: float, weights: Tensor) -> Tensor:
    """Weights (C, d + 1) of the L2-penalised softmax regression: Newton steps to convergence."""

    def loss(flat: Tensor) -> Tensor:
        return penalised_loss(flat.view_as(weights), images, labels, penalty)

    flat = weights.flatten()
    for _ in range(50):
        gradient = torch.autograd.functional.jacobian(loss, flat)
        if gradient.norm() < 1e-10:
            return flat.view_as(weights)
        step = torch.linalg.solve(torch.autograd.functional.hessian(loss, flat), gradient)
        size = 1.0
        while loss(flat - size * step) > loss(flat) and size > 1e-6:
            size /= 2
        flat = flat - size * step
    raise AssertionError("the reference did not converge")


def test_scores_predict_leave_one_out_retraining() -> None:
    """Retrain a small convex head on digits without each of 40 images: rank correlation > 0.9."""
    digits, targets = load_digits(n_class=4, return_X_y=True)
    small = digits.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16) / 16.0
    images, labels = torch.tensor(small[:260]), torch.tensor(targets[:260])
    labels[:12] = (labels[:12] + 1) % 4  # some wrong labels, whose removal helps
    train_x, train_y, test_x, test_y = images[:200], labels[:200], images[200:], labels[200:]
    penalty = 1e-3
    weights = fit(train_x, train_y, penalty, torch.zeros(4, 17, dtype=torch.float64))

    def factors(x: Tensor, y: Tensor) -> Factors:
        return make_factors(x.float(), (x @ weights[:, :-1].T + weights[:, -1]).float(), y)

    train, test = factors(train_x, train_y), factors(test_x, test_y)
    damping = penalty / float(gauss_newton_matrix(train).diagonal().mean())
    predicted = all_scores(train, test, damping)[:40].mean(dim=1) / 200
    actual = []
    for left_out in range(40):
        kept = torch.arange(200) != left_out
        without = fit(train_x[kept], train_y[kept], penalty, weights)
        losses = [penalised_loss(w, test_x, test_y, 0.0).item() for w in (without, weights)]
        actual.append(losses[0] - losses[1])
    assert spearmanr(predicted.numpy(), actual).statistic > 0.9
    assert 0.5 < np.polyfit(predicted.numpy(), actual, 1)[0] < 2.0  # in size, too
