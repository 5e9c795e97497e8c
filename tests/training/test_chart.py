"""What the training curve shows, read from its axes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes

from tracin.training.chart import build_curve, spread
from tracin.training.outputs import EpochRow

TRAINING = [(2.0, 0.2), (1.5, 0.4), (1.0, 0.6), (0.75, 0.625)]
VALIDATION = [(1.9, 0.25), (1.25, 0.5), (0.9, 0.75), (0.8, 0.5)]
BEST = 3
LARGEST = 0.182


def history(epochs: int, *, validated: bool, head_epochs: int = 0) -> list[EpochRow]:
    """The first so many epochs."""
    rows = []
    for number in range(1, epochs + 1):
        stage = "head" if number <= head_epochs else "all"
        loss, accuracy = VALIDATION[number - 1] if validated else (None, None)
        best = validated and number <= BEST
        rows.append(EpochRow(number, stage, 0.001, *TRAINING[number - 1], loss, accuracy, best))
    return rows


def charts(rows: list[EpochRow]) -> tuple[Axes, Axes]:
    accuracy, loss = build_curve(rows, LARGEST).axes
    return accuracy, loss


def drawn(ax: Axes) -> list[list[tuple[float, float]]]:
    """The points of each line."""
    return [
        [(float(x), float(y)) for x, y in np.column_stack(line.get_data()).tolist()]
        for line in ax.lines
    ]


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_lines_are_the_figures_of_the_epochs() -> None:
    accuracy, loss = charts(history(4, validated=True))
    for ax, column in ((loss, 0), (accuracy, 1)):
        for figures in (TRAINING, VALIDATION):
            expected = [(number, pair[column]) for number, pair in enumerate(figures, start=1)]
            assert expected in drawn(ax)


def test_lines_are_named_at_their_ends_and_in_percent() -> None:
    accuracy, loss = charts(history(4, validated=True))
    assert {"training 62.5%", "validation 50.0%", "largest class 18.2%"} <= set(words(accuracy))
    assert {"training 0.750", "validation 0.800"} <= set(words(loss))
    assert accuracy.get_legend() is None
    assert accuracy.yaxis.get_major_formatter()(0.6) == "60%"
    assert accuracy.get_ylim() == (0, 1)


def test_the_largest_class_is_a_dotted_line() -> None:
    accuracy, loss = charts(history(4, validated=True))
    (dotted,) = (line for line in accuracy.lines if line.get_linestyle() == ":")
    assert np.unique(dotted.get_ydata()).tolist() == [LARGEST]
    assert not [line for line in loss.lines if line.get_linestyle() == ":"]


def test_the_best_epoch_is_marked_on_the_validation_line() -> None:
    accuracy, loss = charts(history(4, validated=True))
    assert [(BEST, 0.75)] in drawn(accuracy) and [(BEST, 0.9)] in drawn(loss)
    assert "best: epoch 3" in words(accuracy)
    (_, subtitle, _) = build_curve(history(4, validated=True), LARGEST).texts
    assert subtitle.get_text() == (
        "4 epochs, the best is epoch 3: right on 75.0% of the validation images"
    )


def test_without_validation_there_is_neither_its_line_nor_a_best_epoch() -> None:
    rows = history(4, validated=False)
    for ax in charts(rows):
        assert not [text for text in words(ax) if text.startswith(("validation", "best"))]
    assert build_curve(rows, LARGEST).texts[1].get_text() == "4 epochs, without validation images"


@pytest.mark.parametrize("epochs", [1, 2, 4])
def test_epochs_are_whole_numbers(epochs: int) -> None:
    for ax in charts(history(epochs, validated=True)):
        low, high = ax.get_xlim()
        shown = [tick for tick in ax.get_xticks() if low <= tick <= high]
        assert shown == list(range(1, epochs + 1))


def test_the_stage_of_the_head_alone_is_shaded_and_explained() -> None:
    for ax in charts(history(4, validated=True, head_epochs=2)):
        (shade,) = ax.patches
        assert shade.get_window_extent().x1 == pytest.approx(ax.transData.transform((2.5, 0))[0])
        assert "the head alone" in ax.get_xlabel()
    for ax in charts(history(4, validated=True)):
        assert not ax.patches and ax.get_xlabel() == "epoch"


def test_every_loss_is_in_sight() -> None:
    _, loss = charts(history(1, validated=True))
    assert loss.get_ylim()[0] == 0 and loss.get_ylim()[1] > 2.0


def test_names_are_spread_no_more_than_need_be() -> None:
    assert spread([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5, 0.9], 0.1) == pytest.approx([0.45, 0.55, 0.9])
    # The first two push each other apart, and then into the third.
    assert spread([0.5, 0.5, 0.6], 0.1) == pytest.approx([0.4333333, 0.5333333, 0.6333333])
    places = spread([0.1, 0.12, 0.13, 0.3, 0.31], 0.1)
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in pairwise(places))
    assert spread([], 0.1) == []
