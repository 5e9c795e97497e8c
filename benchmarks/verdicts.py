"""How far the tool's verdicts can be trusted: against planted errors, whose truth is known."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.planted import Array, Trained
from tracin.compute.labels.gain import label_gain
from tracin.compute.labels.label_quality import label_quality, wrong_label_probability
from tracin.compute.scores.factors import Factors, cross_entropy, error_signals
from tracin.results.schema import SUSPICION_CUT

Row = dict[str, object]

BINS = 10
WRONG_TEST_LABELS = 0.05
RELABELLED = 60
DAMPING = 0.1


def health(trained: Trained) -> list[Row]:
    """Rows: what the health score says, and the truth, in percent."""
    below = (label_quality(trained.train).suspicion < SUSPICION_CUT).double().mean()
    return [
        {"health": "said", "percent": 100 * float(below)},
        {"health": "truth", "percent": 100 * (1 - trained.wrong.mean())},
    ]


def calibration(trained: Trained) -> list[Row]:
    """Rows: the expected calibration error of the probability that a label is wrong, 0 to 1."""
    said = wrong_label_probability(label_quality(trained.train).suspicion).numpy()
    bins = np.minimum((BINS * said).astype(int), BINS - 1)
    gaps = [
        abs(said[bins == each].mean() - trained.wrong[bins == each].mean()) * (bins == each).mean()
        for each in np.unique(bins)
    ]
    sure = said >= 0.9
    return [
        {"probability": "expected calibration error", "value": sum(gaps)},
        {"probability": "mean said", "value": said.mean()},
        {"probability": "share that is wrong", "value": trained.wrong.mean()},
        {"probability": "wrong where at least 0.9 is said", "value": trained.wrong[sure].mean()}
        if sure.any()
        else {"probability": "wrong where at least 0.9 is said", "value": np.nan},
    ]


def wrong_test_labels(trained: Trained, seed: int) -> list[Row]:
    """Rows: how test labels are found of which one in twenty was changed after the training."""
    random = np.random.default_rng([seed, 2])
    labels = trained.test[0].labels.clone()
    classes = trained.test[0].logits.shape[1]
    chosen = random.choice(len(labels), round(WRONG_TEST_LABELS * len(labels)), replace=False)
    shift = torch.from_numpy(random.integers(1, classes, len(chosen)))
    labels[chosen] = (labels[chosen] + shift) % classes
    wrong = np.zeros(len(labels), dtype=bool)
    wrong[chosen] = True
    test = [
        Factors(side.activations, side.logits, error_signals(side.logits, labels), labels)
        for side in trained.test
    ]
    quality = label_quality(test, trained.train)
    suspicion = quality.suspicion.numpy()
    loss = cross_entropy(test[-1].logits, labels).numpy()
    margin = 1 - quality.normalized_margin.numpy()
    mistakes = test[-1].logits.argmax(dim=1).numpy() != labels.numpy()
    rows: list[Row] = [
        {"test labels": f"average precision, {name}", "value": average_precision_score(wrong, by)}
        for name, by in (("suspicion", suspicion), ("loss", loss), ("margin", margin))
    ]
    for cut in (0.5, 0.7, 0.9):
        listed = suspicion >= cut
        rows += [
            {"test labels": f"listed from {cut}", "value": int(listed.sum())},
            {"test labels": f"precision from {cut}", "value": _share(wrong, listed)},
            {"test labels": f"recall from {cut}", "value": _share(listed, wrong)},
        ]
    rows.append(
        {"test labels": "precision of asking at every mistake", "value": _share(wrong, mistakes)}
    )
    return rows


def _share(what: Array, among: Array) -> float:
    return float(what[among].mean()) if among.any() else float("nan")


def relabelling(trained: Trained) -> list[Row]:
    """Rows: the mean test loss after the first suspects were relabelled, in two orders, unseen."""
    train, test = trained.train[-1], trained.test[-1]
    quality = label_quality(trained.train)
    every = torch.arange(len(train))
    gain = label_gain(train, test, every, quality.suggested, DAMPING)
    probable = gain * wrong_label_probability(quality.suspicion).double()
    before = _loss_after(trained, every[:0], quality.suggested)
    rows: list[Row] = [{"relabelled": "none", "test loss": before}]
    for name, key in (
        ("by suspicion", quality.suspicion),
        ("by gain × P", probable),
        ("by gain × P, reversed", -probable),
    ):
        order = key.argsort(descending=True, stable=True)[:RELABELLED]
        after = _loss_after(trained, order, quality.suggested)
        rows.append({"relabelled": f"{RELABELLED} {name}", "test loss": after})
    return rows


def _loss_after(trained: Trained, rows: Tensor, suggested: Tensor) -> float:
    """Mean test loss of a last layer fitted to the labels of which ``rows`` were changed."""
    train, test = trained.train[-1], trained.test[-1]
    labels = train.labels.clone()
    labels[rows] = suggested[rows]
    last = nn.Linear(train.activations.shape[1], train.logits.shape[1])
    last.load_state_dict(trained.last.state_dict())
    fit_last_layer(last, train.activations.clone(), labels)  # passed in inference mode
    with torch.no_grad():
        return float(functional.cross_entropy(last(test.activations.clone()), test.labels))


def fit_last_layer(last: nn.Linear, inputs: Tensor, labels: Tensor) -> None:
    """Fit ``last`` to these images, with a small penalty: a convex problem with one minimum."""
    optimizer = torch.optim.LBFGS(last.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = sum((weight.square().sum() for weight in last.parameters()), torch.zeros(()))
        value = functional.cross_entropy(last(inputs), labels) + 1e-3 * penalty
        value.backward()
        return value

    optimizer.step(loss)
