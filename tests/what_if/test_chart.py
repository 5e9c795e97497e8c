"""The chart of a verdict: its axes end where figures cannot be, and it shows earlier answers."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from tests.what_if.test_answers import ANSWER
from tests.what_if.test_verdict import verdict_of
from tracin.analyze.pictures.style import applied_style
from tracin.what_if.chart import draw_verdict
from tracin.what_if.verdict import Verdict


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for ax in figure.axes for text in ax.texts)


@pytest.mark.parametrize("verdict", [verdict_of(1, 0, 1), verdict_of(30, 30, 30)])
def test_no_axis_shows_what_cannot_be(verdict: Verdict) -> None:
    with applied_style():
        _, arms, difference, _ = draw_verdict(verdict, ()).axes
    low, high = arms.get_xlim()
    assert -4 < low < high < 104
    assert all(0 <= tick <= 100 for tick in arms.get_xticks())
    assert max(map(abs, difference.get_xlim())) <= 103
    assert 100 in arms.get_xticks()


def test_earlier_answers_stand_below_on_the_same_scale() -> None:
    with applied_style():
        figure = draw_verdict(verdict_of(95, 80), [ANSWER, ANSWER])
    _, _, difference, _, _, earlier = figure.axes
    assert earlier.get_xlim() == difference.get_xlim()
    means = [float(line.get_xdata()[0]) for line in earlier.lines if line.get_marker() == "o"]  # type: ignore[index, arg-type]
    assert means == [12.5, 12.5]
    assert words(figure).count("With 1 image relabelled and 2 deleted (actions.csv)") == 2
    assert "+12.50 (−2.25 to +27.50)" in words(figure)


def test_the_caveat_and_the_warning_stand_on_it() -> None:
    with applied_style():
        figure = draw_verdict(verdict_of(95, 80, warning="This model cannot judge."), ())
    assert words(figure).startswith(
        "What if the training data were changed? This model cannot judge."
    )
    assert words(figure).count("This model cannot judge.") == 1
    assert "The backbone has seen every image under its former label" in words(figure)
