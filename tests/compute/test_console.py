"""What the user reads after a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.run_info import example_run_info
from tracin.compute.console import report
from tracin.results.run_info import SkippedImage


def test_one_of_each_is_not_many() -> None:
    info = replace(
        example_run_info(),
        train_images=1,
        test_images=1,
        test_accuracy=1.0,
        suspects=1,
        skipped=(SkippedImage("train/cat/1.jpg", "cut off"),),
        seconds={"total": 1.0, "features": 0.5},
    )
    text = report(info, Path("results"))
    assert "Influence of 1 training image on 1 test image, 1 unreadable image skipped." in text
    assert "1 of 1 test image right (100.0%)" in text
    assert "1 training label looks wrong: see results/suspects.csv" in text
    assert "time     1.0 s, 0.5 s of it passing images through the network, on " in text


def test_many_are_counted_in_thousands() -> None:
    info = replace(
        example_run_info(),
        train_images=20_000,
        test_images=5_000,
        suspects=1_234,
        skipped=(),
        seconds={"total": 7200.0, "features": 3000.0},
    )
    text = report(info, Path("results"))
    assert "Influence of 20,000 training images on 5,000 test images." in text
    assert "1,234 training labels look wrong" in text
    assert "time     2.0 h, 50 min of it passing images through the network, on " in text
