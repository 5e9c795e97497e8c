"""How long the passes take: said once, from a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tracin.compute.features import pace
from tracin.compute.features.pace import Pace


class Run:
    """A run of ``passes`` forward passes, with what it said."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, passes: int, faster: float | None = None
    ) -> None:
        self.now, self.said, self.asked = 1000.0, list[str](), 0
        self._faster = faster
        monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=lambda: self.now))
        self._pace = Pace(passes, self.said.append, self._measure)

    def _measure(self) -> float | None:
        self.asked += 1
        return self._faster

    def add(self, images: int, seconds: float) -> None:
        """So many images, ``seconds`` after the last."""
        self.now += seconds
        self._pace.add(images)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    return lambda passes, faster=None: Run(monkeypatch, passes, faster)


def test_the_warm_up_is_not_measured(run: Callable[..., Run]) -> None:
    """40 slow images, then 10 a second: of 1,080, 1,000 are left after 4 s: 100 s."""
    slow = run(1080)
    slow.add(20, 100)
    slow.add(20, 100)
    for _ in range(3):
        slow.add(10, 1)
    assert slow.said == []
    slow.add(10, 1)
    assert slow.said == ["Forward passes: 10 images/s, about 2 min to go."]
    for _ in range(20):
        slow.add(10, 60)
    assert len(slow.said) == 1
    assert slow.asked == 1


def test_nothing_is_said_of_a_short_rest(run: Callable[..., Run]) -> None:
    """After 4 s at 8 images a second, 20 s are left with 160 images, and that is worth saying."""
    for rest, lines in ((159, 0), (160, 1)):
        short = run(32 + 32 + rest, faster=100.0)
        short.add(32, 3)
        for _ in range(4):
            short.add(8, 1)
        assert len(short.said) == short.asked == lines
        short.add(8, 1000)  # slower later: the speed was taken for known
        assert len(short.said) == short.asked == lines


def test_a_clock_that_runs_without_images_says_nothing(run: Callable[..., Run]) -> None:
    """The bar looks at the others' progress ten times a second, and there may be none."""
    waiting = run(10_000)
    waiting.add(32, 1)
    for _ in range(100):
        waiting.add(0, 0.1)
    assert waiting.said == []
    waiting.add(20, 0.0)
    assert waiting.said == ["Forward passes: 2 images/s, about 83 min to go."]


@pytest.mark.parametrize(
    ("faster", "said"),
    [
        (None, "Forward passes: 10 images/s, about 10 min to go."),
        (11.9, "Forward passes: 10 images/s, about 10 min to go."),
        (
            40.0,
            "Forward passes: 10 images/s, about 10 min to go (about 2 min with --precision "
            "bfloat16, which rounds the scores slightly; such a run states its error).",
        ),
    ],
)
def test_bfloat16_is_offered_where_it_is_faster(
    run: Callable[..., Run], faster: float | None, said: str
) -> None:
    slow = run(6072, faster)
    slow.add(32, 1)
    slow.add(40, 4)
    assert slow.said == [said]
