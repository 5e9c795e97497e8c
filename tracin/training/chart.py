"""The training curve as a figure."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tracin.training.outputs import EpochRow

TRAIN_COLOUR = "#7f7f7f"
VALIDATION_COLOUR = "#1f77b4"
STAGE_COLOUR = "#f2efe6"


def build_curve(history: Sequence[EpochRow]) -> Figure:
    """Loss and accuracy by epoch, the best epoch marked, the head-only stage shaded."""
    figure = Figure(figsize=(10, 4.3), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    draw_series(loss, history, "loss")
    draw_series(accuracy, history, "accuracy")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    # One legend beside the curves rather than over them.
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def draw_series(ax: Axes, history: Sequence[EpochRow], name: str) -> Axes:
    """Draw the training and the validation curve of ``name``, "loss" or "accuracy", into ``ax``."""
    epochs = [row.epoch for row in history]
    series = [getattr(row, f"train_{name}") for row in history]
    ax.plot(epochs, series, color=TRAIN_COLOUR, marker=".", label="training, with augmentation")
    if any(row.val_loss is not None for row in history):
        values = [getattr(row, f"val_{name}") for row in history]
        ax.plot(epochs, values, color=VALIDATION_COLOUR, marker=".", label="validation")
        best = max((row for row in history if row.best), key=lambda row: row.epoch)
        value = getattr(best, f"val_{name}")
        ax.plot(best.epoch, value, "*", markersize=14, color=VALIDATION_COLOUR, label="best epoch")
    head_epochs = sum(row.stage == "head" for row in history)
    if head_epochs:
        ax.axvspan(0.5, head_epochs + 0.5, color=STAGE_COLOUR, zorder=0, label="head only")
    ax.set_xlim(0.5, len(history) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("epoch")
    ax.set_title(name.capitalize())
    return ax
