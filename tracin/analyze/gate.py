"""Whether data pass a bar that a person set, for those who check a data set in CI. Pure.

What cannot be known does not pass: a gate that opens in the dark guards nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.words.certain import leaked_test_images
from tracin.errors import TracInError
from tracin.model_check import FEWEST_TO_JUDGE
from tracin.results.schema import DUPLICATES, TRAIN_SUMMARY
from tracin.wording import count


class BelowTheBarError(TracInError):
    """The data do not pass; everything was written all the same."""

    status = 3


@dataclass(frozen=True)
class Requirements:
    """What the data must reach; None: not asked."""

    least_health: float | None = None
    """Percent, 0 to 100."""
    most_leaks: int | None = None
    """Test images that are training images too, pixel by pixel."""


def check_requirements(overall: OverallSummary, wanted: Requirements) -> None:
    """Raise BelowTheBarError unless the data pass; it says everything that they lack."""
    if lacking := [
        *_health_lacking(overall, wanted.least_health),
        *_leaks(overall, wanted.most_leaks),
    ]:
        raise BelowTheBarError(f"These data do not pass. {' '.join(lacking)}")


def _health_lacking(overall: OverallSummary, least: float | None) -> Iterator[str]:
    if least is None:
        return
    health, asked = overall.health, f"so --fail_under {least:g} is not met."
    if health is None:
        yield f"The health score is withheld, since the model cannot judge, {asked}"
    elif not health.of_labels:
        yield f"There is no health score of the labels without {TRAIN_SUMMARY}, {asked}"
    elif health.n < FEWEST_TO_JUDGE:
        yield f"{count(health.n, 'training image')} are too few for a health score, {asked}"
    elif health.doubt:
        yield f"The health score proves nothing, since the model is {health.doubt}, {asked}"
    elif health.percent < least:
        # As many decimals as it takes to see that the figure is below.
        shown = next(
            text
            for text in (f"{health.percent:.{digits}f}" for digits in (1, 3, 17))
            if float(text) < least
        )
        yield f"The health score is {shown} %, {asked}"


def _leaks(overall: OverallSummary, limit: int | None) -> Iterator[str]:
    if limit is None:
        return
    if overall.same_pictures is None:
        yield f"Without {DUPLICATES} nobody knows of leaks, so --max_leaks {limit} is not met."
        return
    leaked = len(leaked_test_images(overall))
    if leaked > limit:
        verb = "is a training image" if leaked == 1 else "are training images"
        yield f"{count(leaked, 'test image')} {verb} too, and --max_leaks allows {limit:,}."
