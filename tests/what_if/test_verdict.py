"""What may be said about a difference, and when nothing may."""

from __future__ import annotations

import numpy as np
import pytest

from tracin.what_if.interval import SEEDS
from tracin.what_if.verdict import CAVEAT, Verdict, signed_points


def verdict_of(changed: int, at_random: int, n: int = 100, *, warning: str = "") -> Verdict:
    """A verdict whose heads name the first ``changed`` and ``at_random`` of n images rightly."""
    rows = [np.tile(np.arange(n) < right, (SEEDS, 1)) for right in (changed, at_random)]
    change = "without the 5 most suspicious training images"
    return Verdict(change, "without 5 random ones", rows[0], rows[1], warning)


def test_a_clear_difference_is_said_and_noise_is_called_noise() -> None:
    better = verdict_of(95, 80)
    assert better.mean == pytest.approx(15.0)
    assert better.sentence.startswith(
        "Without the 5 most suspicious training images the retrained head is right on 95.0% of 100 "
        "test images, without 5 random ones on 80.0%: +15.00 points (95% interval +"
    )
    assert "beyond the noise: the change helps." in better.sentence
    assert "beyond the noise: the change hurts." in verdict_of(80, 95).sentence
    assert "within the noise: nothing can be concluded" in verdict_of(95, 94).sentence
    assert [each.finding for each in (better, verdict_of(80, 95), verdict_of(95, 94))] == [
        "helps",
        "hurts",
        "within the noise",
    ]


@pytest.mark.parametrize(("n", "judged"), [(1, False), (4, False), (5, True)])
def test_few_test_images_are_no_ground_for_a_verdict(n: int, judged: bool) -> None:
    verdict = verdict_of(n, 0, n)
    assert (verdict.finding == "too few test images") != judged
    assert ("There are too few test images for a verdict" in verdict.sentence) != judged
    assert ("helps" in verdict.sentence) == judged
    assert "+100.00 points" in verdict.sentence


def test_a_model_that_cannot_judge_is_said_first_and_gets_no_verdict() -> None:
    verdict = verdict_of(95, 80, warning="This model cannot judge.")
    assert verdict.paragraphs[0] == "This model cannot judge."
    assert verdict.finding == "the model cannot judge"
    assert "95.0% of 100 test images" in verdict.sentence
    assert verdict.sentence.endswith("There is no verdict: the model cannot judge.")
    few = verdict_of(1, 0, 1, warning="This model cannot judge.").sentence
    assert few.endswith("the model cannot judge, and the test images are too few (1).")
    assert "helps" not in " ".join(verdict.paragraphs)


def test_what_the_backbone_has_seen_is_said_with_every_verdict() -> None:
    assert verdict_of(95, 80).paragraphs[-1] == CAVEAT
    assert "The backbone has seen every image under its former label" in CAVEAT
    assert "may be larger or smaller" in CAVEAT


def test_signs() -> None:
    assert [signed_points(value) for value in (0.421, -0.421, 0.001)] == ["+0.42", "−0.42", "0.00"]
