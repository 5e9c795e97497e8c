"""Probabilities and suspects of both splits against planted errors, at several shares of them."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from tests.compute.factories import can_judge, make_factors
from tracin.compute.labels.judged import JudgedLabels, judge_labels
from tracin.compute.labels.label_quality import (
    label_quality,
    suspects,
    wrong_label_probability,
)
from tracin.compute.scores.factors import Factors
from tracin.model_check import ModelCheck, count_answers
from tracin.results.schema import SUSPICION_CUT, TEST_SUSPICION_CUT


@functools.cache
def noisy_digits(share: float, seed: int) -> tuple[Factors, Factors, np.ndarray, np.ndarray]:
    """(training factors, test factors, which labels of each are wrong) of a small network that was
    trained on the digits, with ``share`` of all labels replaced at random.
    """
    images, truth = load_digits(return_X_y=True)
    random = np.random.default_rng(seed)
    order = random.permutation(len(truth))
    inputs, truth = torch.tensor(images[order] / 16.0).float(), truth[order]
    given = truth.copy()
    wrong = random.random(len(truth)) < share
    given[wrong] = (truth[wrong] + random.integers(1, 10, wrong.sum())) % 10
    labels = torch.tensor(given)
    torch.manual_seed(seed)
    hidden = nn.Sequential(nn.Linear(64, 256), nn.LeakyReLU(), nn.Linear(256, 64), nn.LeakyReLU())
    last = nn.Linear(64, 10)
    model = nn.Sequential(hidden, last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(12):
        for rows in torch.randperm(1300).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        activations = hidden(inputs)
        logits = last(activations)
    train, test = (
        make_factors(activations[rows], logits[rows], labels[rows])
        for rows in (slice(0, 1300), slice(1300, None))
    )
    return train, test, wrong[:1300], wrong[1300:]


def share_that_looks_right(share: float) -> tuple[float, float]:
    """(what the health score counts, the truth), means over three networks."""
    pairs = []
    for seed in range(3):
        train, _, wrong, _ = noisy_digits(share, seed)
        below = (label_quality([train]).suspicion < SUSPICION_CUT).double().mean()
        pairs.append((float(below), 1 - wrong.mean()))
    said, truth = np.mean(pairs, axis=0)
    return said, truth


@pytest.mark.parametrize(("share", "within"), [(0.0, 0.01), (0.05, 0.02), (0.1, 0.03), (0.2, 0.06)])
def test_the_share_that_looks_right_tracks_the_truth(share: float, within: float) -> None:
    said, truth = share_that_looks_right(share)
    assert abs(said - truth) < within


def test_it_falls_with_the_noise_even_where_it_says_too_much() -> None:
    """At 40 % the network is sure of nothing, and what it says is above the truth."""
    said = [share_that_looks_right(share)[0] for share in (0.0, 0.05, 0.1, 0.2, 0.4)]
    assert (np.diff(said) < -0.02).all()
    assert said[-1] < 0.8


@pytest.mark.parametrize(("share", "within"), [(0.0, 0.03), (0.05, 0.04), (0.1, 0.06), (0.2, 0.1)])
def test_the_probability_is_calibrated(share: float, within: float) -> None:
    """Among labels that are said to be wrong with probability p, about p are."""
    errors = []
    for seed in range(3):
        train, _, wrong, _ = noisy_digits(share, seed)
        said = wrong_label_probability(label_quality([train]).suspicion).numpy()
        bins = np.digitize(said, np.linspace(0, 1, 11)[1:-1])
        gaps = [
            abs(said[bins == each].mean() - wrong[bins == each].mean()) * (bins == each).mean()
            for each in np.unique(bins)
        ]
        errors.append(sum(gaps))
    assert np.mean(errors) < within


def test_the_probability_rises_with_the_suspicion_and_is_even_at_the_cut() -> None:
    said = wrong_label_probability(torch.linspace(0, 1.2, 50))
    assert (said.diff() > 0).all()
    assert 0.4 < float(wrong_label_probability(torch.tensor(SUSPICION_CUT))) < 0.6
    assert said[0] < 0.02
    assert said[-1] > 0.99


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_test_labels_from_the_higher_cut_on_are_mostly_wrong(share: float) -> None:
    """And the lower one, which serves training labels, would list too many."""
    listed, right, wrong_of_listed, planted = 0, 0, 0, 0
    for seed in range(3):
        train, test, _, wrong = noisy_digits(share, seed)
        quality = label_quality([test], [train])
        found = suspects(quality, 500, TEST_SUSPICION_CUT).numpy()
        listed += len(found)
        wrong_of_listed += wrong[found].sum()
        planted += wrong.sum()
        right += wrong[np.argsort(-quality.suspicion.numpy())[: wrong.sum()]].sum()
    assert listed > 10
    assert wrong_of_listed / listed > 0.8
    assert right / planted > 0.8


def test_a_test_image_is_compared_with_the_training_images_of_its_label() -> None:
    train, test, _, _ = noisy_digits(0.1, seed=0)
    quality = label_quality([test], [train])

    def unit_gradients(factors: Factors) -> torch.Tensor:
        probabilities = torch.softmax(factors.logits.double(), 1)
        given = torch.nn.functional.one_hot(factors.labels, 10)
        ones = torch.ones(len(factors), 1, dtype=torch.float64)
        inputs = torch.cat([factors.activations.double(), ones], 1)
        outer = (probabilities - given).unsqueeze(2) * inputs.unsqueeze(1)
        return torch.nn.functional.normalize(outer.flatten(1), dim=1)

    cosines = unit_gradients(test) @ unit_gradients(train).T
    for row in (0, 17, 400):
        same = train.labels == test.labels[row]
        expected = cosines[row, same].mean()
        assert quality.agreement[row] == pytest.approx(float(expected), abs=1e-5)
    probabilities = torch.softmax(test.logits, 1)
    given = probabilities[0, test.labels[0]]
    others = probabilities[0].clone()
    others[test.labels[0]] = 0
    expected = (given - others.max() + 1) / 2
    assert quality.normalized_margin[0] == pytest.approx(float(expected), abs=1e-6)


def judged(train: Factors, test: Factors, check: ModelCheck) -> JudgedLabels:
    return judge_labels([train], [test], check, max_suspects=500, damping=0.1)


def test_a_model_that_cannot_judge_suspects_nobody() -> None:
    train, test, _, _ = noisy_digits(0.2, seed=0)
    named = np.zeros(300, np.int64)
    answers = count_answers(np.arange(300) % 10, named, "abcdefghij")
    found = judged(train, test, ModelCheck(answers, answers))
    for listed in (found.suspects, found.test_suspects, found.looked_at, found.gain):
        assert len(listed) == 0
    found = judged(train, test, can_judge())
    assert len(found.suspects) == len(found.gain) > 100
    assert len(found.test_suspects) > 2


def test_where_none_is_suspicious_the_nearest_are_looked_at() -> None:
    train, test, _, _ = noisy_digits(0.0, seed=0)
    clean = train.rows(0, 300)
    calm = label_quality([clean]).suspicion.argsort()[:200]
    few = clean.take(calm)
    found = judged(few, test, can_judge())
    assert len(found.suspects) == 0
    order = found.quality.suspicion.argsort(descending=True, stable=True)
    assert found.looked_at.tolist() == order[:10].tolist()
