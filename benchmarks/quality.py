"""How well the scores do what they are for: finding wrong labels, and predicting retraining.

Plants wrong labels in real images, trains ResNet50s or others on them, and tests the tool's
verdicts against the truth; compares our suspicion score with cleanlab, AUM, self-influence, mean
influence and chance; then retrains the last layer on random halves and correlates predicted with
actual test losses (linear datamodeling score, LDS).

    python -m benchmarks.quality                      the digits of the demo, half an hour
    python -m benchmarks.quality --data_dir data/mine --resize_size 256 --crop_size 224
    python -m benchmarks.quality --architecture resnet18 --kinds "uniform 10 %"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cleanlab.rank import get_label_quality_scores
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.planted import KINDS, Array, Trained, train_on_planted
from benchmarks.verdicts import (
    calibration,
    fit_last_layer,
    health,
    relabelling,
    wrong_test_labels,
)
from tracin.compute.labels.label_quality import (
    label_quality,
    suggest_by_centroid,
    suggest_by_prediction,
)
from tracin.compute.scores.gauss_newton import gauss_newton_scores
from tracin.compute.scores.strongest import StrongestFinder
from tracin.compute.scores.tracin import Scores, normalizer, tracin_scores
from tracin.flags import DEFAULT_ARCHITECTURE
from tracin.results.schema import SUSPICION_CUT

HALVES = 32
HEAD_STEPS = 60
RANKED = ("uniform 10 %", "confusion 10 %", "uniform 5 %")
"""Kinds of noise for which scores are ranked and retraining is predicted, which takes minutes."""

Row = dict[str, object]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data_dir", type=Path, help="an ImageFolder tree; default: the digits")
    parser.add_argument("--work_dir", type=Path, default=Path("results/quality"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--resize_size", type=int, default=32)
    parser.add_argument("--crop_size", type=int, default=32)
    parser.add_argument("--architecture", default=DEFAULT_ARCHITECTURE)
    parser.add_argument("--backbone_weights", type=Path, help="pretrained; default: from scratch")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--halves", type=int, default=HALVES)
    arguments = parser.parse_args()
    rows: list[Row] = []
    influence: list[Row] = []
    lists: list[Row] = []
    told: list[Row] = []
    for seed in range(arguments.seeds):
        for kind in arguments.kinds:
            case: Row = {"noise": kind, "seed": seed}
            trained = train_on_planted(arguments, kind, seed)
            verdicts = (health(trained), calibration(trained), wrong_test_labels(trained, seed))
            told += [case | row for part in verdicts for row in part]
            told += [case | row for row in relabelling(trained)]
            if kind in RANKED:
                rows += [case | row for row in find_wrong_labels(trained, seed)]
                # Retraining the whole head takes minutes: once, for one seed and kind of noise.
                whole_head = seed == 0 and kind == RANKED[0]
                predicted = predict_retraining(trained, arguments.halves, seed, whole_head)
                influence += [case | row for row in predicted]
                lists += [case | row for row in distinct_images(trained)]
            print(f"{kind}, seed {seed}: done", flush=True)
    _show("Health score: share of labels that do not look wrong", told, "health", "percent")
    _show("Probability that a label is wrong", told, "probability", "value")
    _show("Test labels, one in twenty wrong", told, "test labels", "value")
    _show("Mean test loss after relabelling unseen", told, "relabelled", "test loss")
    _show("Planted wrong labels: average precision", rows, "score", "average precision")
    _show("Planted wrong labels: recall in the first 10 %", rows, "score", "recall in 10 %")
    _show("Suggested class is the true one (share of planted)", rows, "suggestion", "right")
    _show("At the cut: precision", rows, "cut", "precision")
    _show("At the cut: recall", rows, "cut", "recall")
    _show("Linear datamodeling score", influence, "method", "LDS")
    _show("Distinct training images in all top-10 lists", lists, "list", "share")


def _show(title: str, rows: list[dict[str, object]], label: str, value: str) -> None:
    if not rows:  # of kinds that are not ranked
        return
    frame = pd.DataFrame(rows)
    frame = frame[frame[label].notna() & frame[value].notna()]
    table = frame.pivot_table(index=label, columns="noise", values=value, sort=False)
    table["mean"] = table.mean(axis=1)
    print(f"\n{title}\n{table.round(3).to_string()}")


def find_wrong_labels(trained: Trained, seed: int) -> list[dict[str, object]]:
    """Rows: each score's average precision and recall; suggestions and the cut of ours."""
    wrong, labels = trained.wrong, trained.train[0].labels.numpy()
    quality = label_quality(trained.train)
    last = trained.train[-1]
    probabilities = [functional.softmax(f.logits, 1).double().numpy() for f in trained.train]
    averaged = np.mean(probabilities, axis=0)
    final = probabilities[-1] / probabilities[-1].sum(axis=1, keepdims=True)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.01))
    folds = cross_val_predict(
        regression, trained.features.numpy(), labels, cv=5, method="predict_proba"
    )
    scores = tracin_scores(trained.train, trained.test, trained.rates)
    no_bias = sum(
        rate * f.activations.square().sum(1) * f.errors.square().sum(1)
        for f, rate in zip(trained.train, trained.rates, strict=True)
    )
    assert isinstance(no_bias, Tensor)
    candidates: dict[str, Array] = {
        "ours: suspicion": quality.suspicion.numpy(),
        "ours, last checkpoint only": label_quality([last]).suspicion.numpy(),
        "cleanlab, in-sample": -get_label_quality_scores(labels, final),
        "cleanlab, in-sample, checkpoints averaged": -get_label_quality_scores(labels, averaged),
        "cleanlab, 5-fold regression on features": -get_label_quality_scores(labels, folds),
        "AUM": -quality.margin.numpy(),
        "self-influence (Captum's, without bias)": no_bias.numpy(),
        "mean influence": -torch.cat(list(scores.blocks())).mean(dim=1).numpy(),
        "random": np.random.default_rng(seed).random(len(labels)),
    }
    first = max(1, len(labels) // 10)
    rows: list[dict[str, object]] = [
        {
            "score": name,
            "average precision": average_precision_score(wrong, values),
            "recall in 10 %": wrong[np.argsort(-values, kind="stable")[:first]].sum() / wrong.sum(),
        }
        for name, values in candidates.items()
    ]
    for name, suggested in (
        ("prediction averaged over checkpoints", suggest_by_prediction(trained.train)),
        ("nearest class centroid", suggest_by_centroid(trained.train)),
    ):
        right = (suggested.numpy() == trained.truth)[wrong].mean()
        rows.append({"suggestion": name, "right": right})
    for cut in (0.3, SUSPICION_CUT, 0.7, 0.9):
        chosen = quality.suspicion.numpy() >= cut
        precision, recall = wrong[chosen].mean() if chosen.any() else 1.0, chosen[wrong].mean()
        rows.append({"cut": f"suspicion ≥ {cut}", "precision": precision, "recall": recall})
    return rows


def predict_retraining(
    trained: Trained, halves: int, seed: int, whole_head: bool
) -> list[dict[str, object]]:
    """Rows: each method's LDS, the mean over test images of Spearman's rank correlation.

    Predicted: the sum of an image's scores over a random half. Actual: minus its test loss after
    the last layer (convex), or the whole head, was trained on that half.
    """
    n = len(trained.wrong)
    generator = torch.Generator().manual_seed(seed)
    subsets = [torch.randperm(n, generator=generator)[: n // 2] for _ in range(halves)]
    final = [trained.train[-1]], [trained.test[-1]]
    methods: dict[str, Scores] = {
        "tracin": tracin_scores(trained.train, trained.test, trained.rates),
        "tracin, last checkpoint": tracin_scores(*final, [1.0]),
        "gauss_newton": gauss_newton_scores(trained.train[-1], trained.test[-1], 0.1),
    }
    matrices = {name: torch.cat(list(scores.blocks())) for name, scores in methods.items()}
    parts = [
        torch.cat(list(gauss_newton_scores(*sides, 0.1).blocks()))
        for sides in zip(trained.train, trained.test, strict=True)
    ]
    matrices["gauss_newton, averaged over checkpoints"] = torch.stack(parts).mean(dim=0)
    own = normalizer(methods["tracin"].self_influence).unsqueeze(1)
    matrices["tracin, normalised"] = matrices["tracin"] * own
    actual = {"last layer": torch.stack([_retrain_last_layer(trained, rows) for rows in subsets])}
    if whole_head:
        heads = [_retrain_head(trained, rows) for rows in subsets]
        actual["three-layer head"] = torch.stack(heads)
    out: list[dict[str, object]] = []
    for name, matrix in matrices.items():
        predicted = torch.stack([matrix[rows].sum(dim=0) for rows in subsets]).numpy()
        for what, losses in actual.items():
            correlations = [
                spearmanr(predicted[:, j], -losses[:, j].numpy()).statistic
                for j in range(predicted.shape[1])
            ]
            out.append({"method": f"{name} / {what} retrained", "LDS": np.nanmean(correlations)})
    return out


def _retrain_last_layer(trained: Trained, rows: Tensor) -> Tensor:
    """Test losses (n_test,) after the last layer alone was fitted to these images."""
    train_side, test_side = trained.train[-1], trained.test[-1]
    inputs, labels = train_side.activations[rows], train_side.labels[rows]
    last = nn.Linear(inputs.shape[1], train_side.logits.shape[1])
    last.load_state_dict(trained.last.state_dict())
    fit_last_layer(last, inputs, labels)
    with torch.no_grad():
        return functional.cross_entropy(
            last(test_side.activations), test_side.labels, reduction="none"
        )


def _retrain_head(trained: Trained, rows: Tensor) -> Tensor:
    """Test losses (n_test,) after the head's three layers were trained from new weights."""
    torch.manual_seed(0)
    classes = trained.train[-1].logits.shape[1]
    head = nn.Sequential(
        *(
            nn.Linear(trained.features.shape[1], 512),
            nn.LeakyReLU(0.01),
            nn.Linear(512, 256),
            nn.LeakyReLU(0.01),
        ),
        nn.Linear(256, classes),
    )
    scale = trained.features.std() + 1e-12
    inputs, labels = trained.features[rows] / scale, trained.train[-1].labels[rows]
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=1e-2)
    for _ in range(HEAD_STEPS):
        optimizer.zero_grad()
        functional.cross_entropy(head(inputs), labels).backward()
        optimizer.step()
    with torch.no_grad():
        logits = head(trained.test_features / scale)
        return functional.cross_entropy(logits, trained.test[-1].labels, reduction="none")


def distinct_images(trained: Trained) -> list[dict[str, object]]:
    """Rows: the share of training images that stand in any test image's top-10 list."""
    scores = tracin_scores(trained.train, trained.test, trained.rates)
    matrix = torch.cat(list(scores.blocks()))
    scale = normalizer(scores.self_influence).unsqueeze(1)
    lists = {
        "proponents, normalised": matrix * scale,
        "proponents, raw": matrix,
        "opponents, raw": -matrix,
        "opponents, normalised": -matrix * scale,
    }
    rows: list[dict[str, object]] = []
    for name, keys in lists.items():
        finder = StrongestFinder(keys.shape[1], 10)
        finder.add(0, keys, matrix)
        rows.append({"list": name, "share": len(set(finder.result().train)) / len(matrix)})
    return rows


if __name__ == "__main__":
    main()
