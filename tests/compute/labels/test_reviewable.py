"""What the page computes with gives the suspicion of the definition, and stays small enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.compute.factories import random_factors
from tests.compute.labels.test_label_quality import double_loop
from tracin.compute.labels import reviewable
from tracin.compute.labels.reviewable import suspect_factors
from tracin.compute.scores.factors import Factors
from tracin.images import ImageTable
from tracin.results.suspect_factors import SuspectFactors, decoded

ROWS = torch.tensor([31, 4, 17])


def made(checkpoints: list[Factors]) -> SuspectFactors:
    """Of the images of ``ROWS``."""
    labels = checkpoints[0].labels.numpy()
    names = tuple("abcdefgh"[: checkpoints[0].logits.shape[1]])
    paths = tuple(f"train/{row}.jpg" for row in range(len(labels)))
    return suspect_factors(checkpoints, ImageTable(Path(), "train", paths, labels, names), ROWS)


@pytest.fixture
def checkpoints() -> list[Factors]:
    """Of one set of images."""
    first, second = random_factors(40, 0), random_factors(40, 1)
    return [first, Factors(second.activations, second.logits, second.errors, first.labels)]


def test_suspicion_follows_from_the_file_alone(checkpoints: list[Factors]) -> None:
    agreement, norm = double_loop(checkpoints)
    content = made(checkpoints)
    assert content.paths == ("train/31.jpg", "train/4.jpg", "train/17.jpg")
    m, classes, width = 3, len(content.class_names), content.width
    found = np.zeros((2, m))
    for each in content.checkpoints:
        errors, inputs = decoded(each.errors, (m, classes)), decoded(each.inputs, (m, width))
        sums = decoded(each.class_sums, (len(content.labels), classes, width))
        for at, label in enumerate(content.given):
            slot = content.labels.index(label)
            length = float(np.linalg.norm(errors[at]))
            cosines = (errors[at] / length) @ sums[slot] @ inputs[at] - 1
            found[:, at] += cosines / (content.counts[slot] - 1) / 2, length / 2
    np.testing.assert_allclose(found, [agreement[ROWS], norm[ROWS]], atol=1e-5)


def test_a_last_layer_without_a_bias_has_inputs_without_a_one(checkpoints: list[Factors]) -> None:
    content = made([replace(each, bias=False) for each in checkpoints])
    assert content.width == checkpoints[0].activations.shape[1]
    inputs = decoded(content.checkpoints[0].inputs, (3, content.width))
    own = checkpoints[0].activations[ROWS].numpy()
    expected = own / np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(inputs, expected, atol=1e-6)


def test_too_many_numbers_are_left_out_whole(
    checkpoints: list[Factors], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(checkpoints)
    texts = [text for each in whole.checkpoints for text in vars(each).values()]
    monkeypatch.setattr(reviewable, "MOST_CHARACTERS", sum(map(len, texts)) // 2)
    none = made(checkpoints)
    assert not (none.paths or none.labels or none.counts)
    assert all(text == "" for each in none.checkpoints for text in vars(each).values())
