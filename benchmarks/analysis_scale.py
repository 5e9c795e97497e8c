"""Time and peak memory of analyze_results.py on what a --no_matrix run of ImageNet's size leaves.

    python -m benchmarks.analysis_scale                          1,281,167 × 50,000, 1000 classes
    python -m benchmarks.analysis_scale --train 20893 --test 5224 --classes 10
    python -m benchmarks.analysis_scale --keep /tmp/imagenet     and leave the results there

Random figures stand for real ones: files, columns and sizes are those of a run, whose own writers
write them. There are no images, so no pictures are read and none are copied. Takes 6 GB of disk.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.full_size import ROOT, peak_memory
from tests.run_info import example_run_info
from tracin.model_check import ModelCheck, count_answers
from tracin.results import schema
from tracin.results.class_means import class_means_writer
from tracin.results.manifest import records_of
from tracin.results.run_info import write_run_info
from tracin.results.suspect_factors import SuspectFactors, write_suspect_factors

TOP_K, SUSPECTS, TEST_SUSPECTS, DUPLICATES, NEIGHBOURS = 10, 500, 200, 2_000, 5
MOST_VALUES = 4_000_000
"""Of the class means that are drawn at a time."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Side:
    """The images of one split, class after class."""

    paths: npt.NDArray[np.object_]
    labels: Ints
    predicted: Ints


@dataclass(frozen=True)
class Case:
    """A run: its classes and both sides."""

    names: npt.NDArray[np.object_]
    train: Side
    test: Side
    random: np.random.Generator


def main() -> None:
    """Make the results, analyse them, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--train", type=int, default=1_281_167)
    parser.add_argument("--test", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="folder for the results; used again if there")
    arguments, flags = parser.parse_known_args()
    if arguments.keep is not None:
        if not arguments.keep.exists():
            make_results(arguments.keep, arguments.train, arguments.test, arguments.classes)
        measure(arguments.keep, flags)
        return
    with tempfile.TemporaryDirectory() as name:
        make_results(Path(name), arguments.train, arguments.test, arguments.classes)
        measure(Path(name), flags)


def measure(folder: Path, flags: Sequence[str]) -> None:
    """Analyse the results in ``folder``, and print time, processor time and peak memory."""
    command = [sys.executable, str(ROOT / "analyze_results.py"), "--results_dir", str(folder)]
    start, peak = time.perf_counter(), 0.0
    with subprocess.Popen([*command, *flags], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(0.05)
    print(f"analyze_results.py: {time.perf_counter() - start:.1f} s, peak {peak:.2f} GB")


def make_results(folder: Path, n_train: int, n_test: int, n_classes: int) -> None:
    """Write into ``folder`` what a --no_matrix run of this size leaves."""
    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    names = np.array([f"n{number:08d} class" for number in range(n_classes)], dtype=object)
    train, test = (
        _side(split, n, names, wrong, random)
        for split, n, wrong in (("train", n_train, 0.15), ("val", n_test, 0.25))
    )
    case = Case(names, train, test, random)
    rows = _train_rows(case)
    means = _write_class_means(folder, case)
    rows["mean_influence"] = means
    columns = _test_rows(case)
    schema.write_table(folder, schema.TRAIN_SUMMARY, rows)
    schema.write_table(folder, schema.INFLUENCE_SUMMARY, columns)
    schema.write_table(folder, schema.TOP_INFLUENCES_TABLE, _top_rows(case))
    for name, table in _small_tables(case, rows).items():
        schema.write_table(folder, name, table)
    schema.write_table(folder, schema.MAP, _map_rows(case))
    write_suspect_factors(folder, SuspectFactors((), (), (), 1, (), (), ()))
    _write_run(folder, case)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"made {size / 1e9:.2f} GB in {time.perf_counter() - start:.0f} s", flush=True)


def _side(
    split: str,
    n: int,
    names: npt.NDArray[np.object_],
    wrong: float,
    random: np.random.Generator,
) -> Side:
    """Of n images, of which the model takes the share ``wrong`` for one of a few like classes."""
    labels = np.sort(np.arange(n) % len(names))
    # Classes differ: some are mistaken three times as often as others, for two or three others.
    rate = wrong * random.uniform(0.1, 1.9, len(names))[labels]
    like = (labels + random.geometric(0.5, n)) % len(names)
    predicted = np.where(random.random(n) < rate, like, labels)
    paths = [
        f"{split}/{names[label]}/{names[label][:9]}_{at}.JPEG" for at, label in enumerate(labels)
    ]
    return Side(np.array(paths, dtype=object), labels, predicted)


def _train_rows(case: Case) -> pd.DataFrame:
    train, random = case.train, case.random
    n = len(train.labels)
    suspicion = random.beta(0.3, 6, n).astype(np.float32)
    error = np.sqrt(suspicion)
    return pd.DataFrame(
        {
            "train_idx": np.arange(n),
            "train_path": train.paths,
            "train_class": case.names[train.labels],
            "predicted_class": case.names[train.predicted],
            "probability": 1 - suspicion,
            "loss": -np.log1p(-0.999 * suspicion),
            "self_influence": random.lognormal(-3, 2, n),
            "mean_influence": 0.0,
            "suggested_class": case.names[(train.labels + 1) % len(case.names)],
            "suspicion": suspicion,
            "label_agreement": 1 - suspicion,
            "error_norm": error,
            "aum": random.normal(4, 3, n),
            "wrong_label_probability": suspicion,
        }
    )


def _write_class_means(folder: Path, case: Case) -> Floats:
    """Write them; return the mean of each row. A class helps itself, and hurts a few like it."""
    labels, classes = case.train.labels, len(case.names)
    rows = max(1, MOST_VALUES // classes)
    means = np.empty(len(labels), np.float32)
    with class_means_writer(folder, len(labels), list(case.names)) as writer:
        for start in range(0, len(labels), rows):
            own = labels[start : start + rows]
            block = case.random.standard_normal((len(own), classes), dtype=np.float32)
            block *= np.float32(1e-7)
            at = np.arange(len(own))
            block[at, own] += case.random.exponential(3e-5, len(own)).astype(np.float32)
            like = (own + case.random.geometric(0.5, len(own))) % classes
            block[at, like] -= case.random.exponential(1e-5, len(own)).astype(np.float32)
            writer.write(block)
            means[start : start + rows] = block.mean(axis=1)
    return means


def _test_rows(case: Case) -> pd.DataFrame:
    train, test, random = case.train, case.test, case.random
    n = len(test.labels)
    best, worst = (random.integers(len(train.labels), size=n) for _ in range(2))
    right = test.predicted == test.labels
    return pd.DataFrame(
        {
            "test_idx": np.arange(n),
            "test_class": case.names[test.labels],
            "most_helpful_train_idx": best,
            "most_helpful_train_class": case.names[train.labels[best]],
            "max_positive_influence": random.exponential(1e-3, n),
            "most_harmful_train_idx": worst,
            "most_harmful_train_class": case.names[train.labels[worst]],
            "max_negative_influence": -random.exponential(1e-3, n),
            "avg_influence": random.normal(2e-8, 2e-8, n),
            "test_path": test.paths,
            "predicted_class": case.names[test.predicted],
            "correct": right,
            "loss": np.where(right, random.exponential(0.3, n), 1 + random.exponential(2, n)),
            "positive_share": random.uniform(0.3, 0.7, n),
        }
    )


def _top_rows(case: Case) -> pd.DataFrame:
    train, test, random = case.train, case.test, case.random
    n = 2 * TOP_K * len(test.labels)
    column = np.repeat(np.arange(len(test.labels)), 2 * TOP_K)
    helps = np.tile(np.arange(2 * TOP_K) < TOP_K, len(test.labels))
    # Proponents carry the test image's class, opponents mostly that of a class like it.
    wanted = (test.labels[column] + np.where(helps, 0, random.geometric(0.5, n))) % len(case.names)
    first = np.searchsorted(train.labels, wanted)
    sizes = np.bincount(train.labels, minlength=len(case.names))[wanted]
    row = np.minimum(first + random.integers(1 << 40, size=n) % sizes, len(train.labels) - 1)
    score = np.where(helps, 1.0, -1.0) * random.exponential(1e-3, n)
    return pd.DataFrame(
        {
            "test_idx": column,
            "test_path": test.paths[column],
            "test_class": case.names[test.labels[column]],
            "predicted_class": case.names[test.predicted[column]],
            "direction": np.where(helps, schema.PROPONENT, schema.OPPONENT),
            "rank": np.tile(np.arange(2 * TOP_K) % TOP_K + 1, len(test.labels)),
            "train_idx": row,
            "train_path": train.paths[row],
            "train_class": case.names[train.labels[row]],
            "score": score,
            "normalized_score": score / 3,
            "activation_similarity": random.uniform(0.3, 0.9, n),
            "error_similarity": np.sign(score) * random.uniform(0.3, 0.9, n),
        }
    )


def _small_tables(case: Case, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    train, test, random = case.train, case.test, case.random
    listed = rows.nlargest(SUSPECTS, "suspicion").rename(columns={"train_class": "given_class"})
    listed = listed.assign(rank=np.arange(1, len(listed) + 1), gain=0.001)
    chosen = random.choice(len(test.labels), min(TEST_SUSPECTS, len(test.labels)), replace=False)
    pairs = random.choice(len(train.labels), (min(DUPLICATES, len(train.labels) // 2), 2))
    near = random.integers(len(train.labels), size=(len(listed), 2, NEIGHBOURS))
    kinds = np.broadcast_to(np.array([[schema.GIVEN], [schema.SUGGESTED]]), near.shape[1:])
    paths = np.repeat(listed["train_path"].to_numpy(object), 2 * NEIGHBOURS)
    return {
        schema.SUSPECTS: listed[list(schema.SUSPECTS_COLUMNS)],
        schema.TEST_SUSPECTS: pd.DataFrame(
            {
                "rank": np.arange(1, len(chosen) + 1),
                "test_path": test.paths[chosen],
                "given_class": case.names[test.labels[chosen]],
                "suggested_class": case.names[(test.labels[chosen] + 1) % len(case.names)],
                "suspicion": np.linspace(1.5, 0.9, len(chosen)),
                "label_agreement": 0.0,
                "error_norm": 1.0,
                "normalized_margin": 0.1,
            }
        ),
        schema.PREDICTIONS: pd.DataFrame(
            {
                "test_idx": np.arange(len(test.labels)),
                "test_path": test.paths,
                "predicted_class": case.names[test.predicted],
                "probability": random.beta(8, 2, len(test.labels)),
            }
        ),
        schema.NEIGHBOURS: pd.DataFrame(
            {
                "train_path": paths,
                "kind": np.tile(kinds.ravel(), len(listed)),
                "rank": np.tile(np.arange(1, NEIGHBOURS + 1), 2 * len(listed)),
                "neighbour_path": train.paths[near.ravel()],
                "similarity": 0.8,
            }
        ),
        schema.DUPLICATES: pd.DataFrame(
            {
                "kind": schema.TRAIN_TRAIN,
                "path_a": train.paths[pairs[:, 0]],
                "class_a": case.names[train.labels[pairs[:, 0]]],
                "path_b": train.paths[pairs[:, 1]],
                "class_b": case.names[train.labels[pairs[:, 1]]],
                "similarity": 1.0,
                "identical_pixels": True,
            }
        ),
    }


def _map_rows(case: Case) -> pd.DataFrame:
    labels = np.concatenate([case.train.labels, case.test.labels])
    centres = case.random.normal(0, 4, (len(case.names), 2))
    places = centres[labels] + case.random.normal(0, 1, (len(labels), 2))
    splits = np.repeat(["train", "test"], [len(case.train.labels), len(case.test.labels)])
    paths = np.concatenate([case.train.paths, case.test.paths])
    return pd.DataFrame({"split": splits, "path": paths, "x": places[:, 0], "y": places[:, 1]})


def _write_run(folder: Path, case: Case) -> None:
    names = tuple(case.names)
    answers = [
        count_answers(side.labels, side.predicted, names) for side in (case.train, case.test)
    ]
    example = example_run_info()
    info = replace(
        example,
        class_names=names,
        checkpoints=example.checkpoints[:1],
        data_dir="/nowhere",
        train_images=len(case.train.labels),
        train_images_found=len(case.train.labels),
        test_images=len(case.test.labels),
        test_images_found=len(case.test.labels),
        test_accuracy=answers[1].accuracy,
        skipped=(),
        left_out=(),
        matrix=False,
        model_check=ModelCheck(answers[0], answers[1]),
        map_variance=(0.2, 0.1),
        run_id="benchmark",
        files=records_of(folder, {}),
    )
    write_run_info(folder, info)


if __name__ == "__main__":
    main()
