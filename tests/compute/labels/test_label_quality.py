"""The suspicion score against its plain double loop, and where it is defined by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.compute.factories import make_factors, permuted, random_factors
from tracin.compute.labels.label_quality import (
    LabelQuality,
    label_quality,
    suggest_by_prediction,
    suspects,
)
from tracin.compute.scores.factors import Factors
from tracin.results.schema import SUSPICION_CUT


def double_loop(checkpoints: list[Factors]) -> tuple[np.ndarray, np.ndarray]:
    """(agreement, error norm), written as the definition reads, in float64."""
    agreements: list[list[float]] = []
    norms: list[list[float]] = []
    for factors in checkpoints:
        labels = factors.labels.tolist()
        gradients, errors = [], []
        for a, z, y in zip(
            factors.activations.double(), factors.logits.double(), labels, strict=True
        ):
            d = torch.softmax(z, 0) - functional.one_hot(torch.tensor(y), len(z))
            errors.append(d.norm().item())
            gradients.append(torch.outer(d, torch.cat([a, torch.ones(1)])).flatten())
        agreement = []
        for i, g in enumerate(gradients):
            cosines = [
                functional.cosine_similarity(g, other, dim=0).item()
                for j, other in enumerate(gradients)
                if j != i and labels[j] == labels[i]
            ]
            agreement.append(sum(cosines) / len(cosines) if cosines else 0.0)
        agreements.append(agreement)
        norms.append(errors)
    return np.mean(agreements, axis=0), np.mean(norms, axis=0)


@pytest.fixture
def checkpoints() -> list[Factors]:
    parts = [random_factors(40, seed) for seed in (0, 1, 2)]
    labels = parts[0].labels.clone()
    labels[labels == 2] = 1
    labels[7] = 2  # one image alone in its class
    return [make_factors(part.activations, part.logits, labels) for part in parts]


def test_suspicion_equals_the_double_loop(checkpoints: list[Factors]) -> None:
    agreement, norm = double_loop(checkpoints)
    quality = label_quality(checkpoints)
    np.testing.assert_allclose(quality.agreement, agreement, atol=1e-5)
    np.testing.assert_allclose(quality.error_norm, norm, atol=1e-5)
    np.testing.assert_allclose(quality.suspicion, (1 - agreement) * norm, atol=1e-5)
    assert quality.agreement[7] == 0


def test_order_of_images_does_not_matter(checkpoints: list[Factors]) -> None:
    order = torch.randperm(40, generator=torch.Generator().manual_seed(3))
    expected = label_quality(checkpoints)
    shuffled = label_quality([permuted(factors, order) for factors in checkpoints])
    for name in LabelQuality.__dataclass_fields__:
        torch.testing.assert_close(getattr(shuffled, name), getattr(expected, name)[order])


def test_the_training_loss_does_not_enter(checkpoints: list[Factors]) -> None:
    other = [
        Factors(f.activations, f.logits, torch.zeros_like(f.errors), f.labels) for f in checkpoints
    ]
    torch.testing.assert_close(label_quality(other).suspicion, label_quality(checkpoints).suspicion)


def test_margin_is_the_area_under_the_margin(checkpoints: list[Factors]) -> None:
    expected = np.zeros(40)
    for factors in checkpoints:
        for i, (z, y) in enumerate(zip(factors.logits, factors.labels, strict=True)):
            others = [value.item() for c, value in enumerate(z) if c != y]
            expected[i] += (z[y].item() - max(others)) / len(checkpoints)
    np.testing.assert_allclose(label_quality(checkpoints).margin, expected, atol=1e-5)


def test_a_planted_wrong_label_stands_first_with_its_true_class() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(60) % 3
    centres = 4 * torch.eye(3, 6)
    activations = centres[truth] + 0.3 * torch.randn(60, 6, generator=generator)
    labels = truth.clone()
    labels[10] = (truth[10] + 1) % 3
    factors = make_factors(activations, activations[:, :3], labels)
    quality = label_quality([factors])
    assert suspects(quality, 500).tolist() == [10]
    assert suspects(quality, 0).tolist() == []
    assert quality.suspicion[10] > SUSPICION_CUT
    assert quality.suggested[10] == truth[10]
    assert suggest_by_prediction([factors])[10] == truth[10]
    assert (quality.suggested != labels).all()


def test_a_class_without_images_is_not_suggested() -> None:
    """Its centroid would be zero, and zero beats a negative cosine."""
    activations = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0], [-1.0, -0.1]])
    labels = torch.tensor([1, 1, 2, 2])
    quality = label_quality([make_factors(activations, torch.randn(4, 3), labels)])
    assert quality.suggested.tolist() == [2, 2, 1, 1]
    one_class = make_factors(activations, torch.randn(4, 3), torch.ones(4, dtype=torch.int64))
    assert label_quality([one_class]).suggested.tolist() == [1, 1, 1, 1]


def test_suspects_are_sorted_with_ties_by_index() -> None:
    scores = torch.tensor([0.1, 2.0, 0.9, 2.0, 0.5, 0.4])
    quality = LabelQuality(
        scores, scores, scores, scores, scores, torch.zeros(6, dtype=torch.int64)
    )
    assert suspects(quality, 500).tolist() == [1, 3, 2, 4]
    assert suspects(quality, 2).tolist() == [1, 3]


@pytest.mark.parametrize(
    "case", ["one class", "one image", "identical", "certain", "nearly certain"]
)
def test_edges_are_defined(case: str) -> None:
    if case == "one class":
        labels = torch.zeros(5, dtype=torch.int64)
        factors = make_factors(torch.randn(5, 4), torch.randn(5, 1), labels)
    elif case == "one image":
        factors = random_factors(1, 0)
    elif case == "identical":
        one = random_factors(1, 0)
        factors = permuted(one, torch.zeros(6, dtype=torch.int64))
    elif case == "nearly certain":
        # An error signal of 1e-23 has a direction, though its square is zero in float32.
        gaps = torch.tensor([45.0, 52.0, 56.0, 70.0, 85.0, 0.0]).unsqueeze(1)
        logits = gaps * torch.tensor([1.0, 0.0, -0.01])
        factors = make_factors(torch.rand(6, 4), logits, torch.zeros(6, dtype=torch.int64))
    else:
        labels = torch.arange(6) % 3
        factors = make_factors(
            torch.randn(6, 4), 1e4 * functional.one_hot(labels, 3).float(), labels
        )
    quality = label_quality([factors])
    for name in LabelQuality.__dataclass_fields__:
        assert torch.isfinite(getattr(quality, name).float()).all(), name
    assert (quality.agreement.abs() <= 1 + 1e-5).all()
    assert (quality.suspicion >= 0).all()
    if case in ("one class", "certain"):
        assert (quality.suspicion == 0).all()
    if case == "identical":
        torch.testing.assert_close(quality.agreement, torch.ones(6))
