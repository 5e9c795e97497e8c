"""A results folder with everything that the review page shows, and names that try to break out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tests.analyze.world import ANIMALS, World, make_world
from tracin.analyze.figures.image_map import make_image_map
from tracin.analyze.figures.summarize import summarize
from tracin.analyze.naming import safe_name
from tracin.analyze.read.inputs import read_inputs
from tracin.analyze.read.optional import read_optional
from tracin.analyze.read.scan import scan
from tracin.analyze.report.analysis import Analysis, read_page_tables
from tracin.analyze.report.page import write_report
from tracin.analyze.words.findings import in_words
from tracin.results import schema

HOSTILE_CLASSES = (
    "\"quoted\" & 'single'",
    "<script>alert(1)",
    "שחור כלב",
    "🐈 cat",
    "plain, with comma",
    "<img src=x onerror=alert(2)>",
)
HOSTILE_FILE = "\"'><script>alert(3) & שלום 🐕 `${1}` {{ 7 * 7 }}.jpg"

LONG_CLASSES = (*ANIMALS[:8], "a_class_with_" + "a_very_" * 12 + "long_name", "שחור כלב 🐕")

LISTED = 5


@dataclass(frozen=True)
class ReviewWorld:
    """A world, and what the tests ask about it."""

    world: World
    suspects: pd.DataFrame
    hostile_path: str
    """Of the most suspicious image."""

    @property
    def report(self) -> Path:
        """The page."""
        return self.world.results_dir / schema.REPORT

    @property
    def paths(self) -> list[str]:
        """Of the suspects, most suspicious first."""
        return [str(path) for path in self.suspects["train_path"]]


def make_review_world(
    folder: Path,
    *,
    names: tuple[str, ...] = HOSTILE_CLASSES,
    n_train: int = 150,
    n_test: int = 36,
    suspects: int | None = None,
) -> ReviewWorld:
    """Write all tables of the results and all images; the model makes mistakes.

    Args:
        folder: gets ``results`` and ``data``.
        names: of the classes.
        n_train: images.
        n_test: images.
        suspects: so many are listed; None: those whose label is wrong.
    """
    world = make_world(folder, n_train=n_train, n_test=n_test, names=names, steps=4)
    if suspects is not None:
        _list_suspects(world, suspects)
    hostile_path = _rename_first_suspect(world)
    read = {name: schema.read_table(world.results_dir, name) for name in _NAMES}
    _write_test_images(world, read[schema.INFLUENCE_SUMMARY], read[schema.TRAIN_SUMMARY])
    _write_top(world, read[schema.INFLUENCE_SUMMARY], read[schema.TRAIN_SUMMARY])
    _write_neighbours(world, read[schema.SUSPECTS], read[schema.TRAIN_SUMMARY])
    _write_duplicates(world, read[schema.INFLUENCE_SUMMARY], read[schema.TRAIN_SUMMARY])
    _write_test_suspects(world, read[schema.INFLUENCE_SUMMARY])
    return ReviewWorld(world, read[schema.SUSPECTS], hostile_path)


def analysis_of(results_dir: Path) -> Analysis:
    """What the page of ``results_dir`` is made from."""
    inputs = read_inputs(results_dir)
    groups = inputs.test.groups
    shape = (inputs.n_train, inputs.n_test)
    scores = scan(inputs.scores, shape, inputs.test.group_of, len(groups))
    overall = summarize(inputs, scores, top_k=10, rank_by="normalized")
    tables = read_page_tables(inputs, results_dir)
    pages = {name: f"{safe_name(name)}{schema.CLASS_SUMMARY_SUFFIX}" for name in groups}
    image_map = make_image_map(inputs, read_optional(results_dir, schema.MAP))
    words = in_words(overall)
    return Analysis(results_dir, inputs, scores, overall, words, tables, pages, image_map)


def write_page(review: ReviewWorld) -> None:
    """Write the page alone: the PNGs of a whole analysis take ten seconds."""
    write_report(review.report, analysis_of(review.world.results_dir))


def _list_suspects(world: World, n: int) -> None:
    """List the ``n`` training images with the largest suspicion, right labels among them."""
    train = schema.read_table(world.results_dir, schema.TRAIN_SUMMARY)
    names = list(world.names)
    following = {name: names[(k + 1) % len(names)] for k, name in enumerate(names)}
    agrees = train["suggested_class"] == train["train_class"]
    others = train["train_class"].map(following)
    table = train.assign(suggested_class=train["suggested_class"].mask(agrees, others))
    table = table.sort_values("suspicion", ascending=False, kind="stable").head(n)
    table = table.rename(columns={"train_class": "given_class"})
    table = table.assign(rank=range(1, n + 1), gain=np.sin(np.arange(n)))
    schema.write_table(world.results_dir, schema.SUSPECTS, table[list(schema.SUSPECTS_COLUMNS)])


_TEST_COLUMNS = ("test_path", "test_class", "predicted_class")
_NAMES = (schema.INFLUENCE_SUMMARY, schema.TRAIN_SUMMARY, schema.SUSPECTS)


def _rename_first_suspect(world: World) -> str:
    suspects = schema.read_table(world.results_dir, schema.SUSPECTS)
    old = str(suspects["train_path"].iloc[0])
    new = f"{old.rsplit('/', maxsplit=1)[0]}/{HOSTILE_FILE}"
    (world.data_dir / old).rename(world.data_dir / new)
    for name in (schema.TRAIN_SUMMARY, schema.SUSPECTS):
        table = schema.read_table(world.results_dir, name)
        table["train_path"] = table["train_path"].replace({old: new})
        schema.write_table(world.results_dir, name, table)
    return new


def _write_test_images(world: World, test: pd.DataFrame, train: pd.DataFrame) -> None:
    """Each shows the training image of its number; the first is the very same file."""
    for number, path in enumerate(test["test_path"]):
        source = world.data_dir / str(train["train_path"].iloc[number])
        target = world.data_dir / str(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if number == 0:
            target.write_bytes(source.read_bytes())
        else:
            Image.open(source).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(target)


def _write_top(world: World, test: pd.DataFrame, train: pd.DataFrame) -> None:
    rows: list[dict[str, Any]] = []
    scale = np.sqrt(np.maximum(world.self_influence, 1e-12))
    for column, image in test.iterrows():
        scores = world.matrix[:, int(str(column))]
        for direction, keys in (
            (schema.PROPONENT, scores / scale),
            (schema.OPPONENT, -scores),
        ):
            order = [int(row) for row in np.argsort(-keys, kind="stable")[:LISTED] if keys[row] > 0]
            for rank, row in enumerate(order, start=1):
                rows.append(
                    {
                        "test_idx": column,
                        **{name: image[name] for name in _TEST_COLUMNS},
                        "direction": direction,
                        "rank": rank,
                        "train_idx": row,
                        "train_path": train["train_path"].iloc[row],
                        "train_class": train["train_class"].iloc[row],
                        "score": scores[row],
                        "normalized_score": scores[row] / scale[row],
                        "activation_similarity": 0.9 - 0.1 * rank,
                        "error_similarity": np.sign(scores[row]) * 0.6,
                    }
                )
    frame = pd.DataFrame(rows, columns=list(schema.TOP_INFLUENCES_COLUMNS))
    schema.write_table(world.results_dir, schema.TOP_INFLUENCES_TABLE, frame)


def _write_neighbours(world: World, suspects: pd.DataFrame, train: pd.DataFrame) -> None:
    rows = []
    for path, given, suggested in zip(
        *(suspects[name] for name in ("train_path", "given_class", "suggested_class")), strict=True
    ):
        for kind, label in ((schema.GIVEN, given), (schema.SUGGESTED, suggested)):
            others = train[(train["train_class"] == label) & (train["train_path"] != path)]
            for rank, neighbour in enumerate(others["train_path"].head(3), start=1):
                rows.append((path, kind, rank, neighbour, 1 - 0.05 * rank))
    columns = ["train_path", "kind", "rank", "neighbour_path", "similarity"]
    frame = pd.DataFrame(rows, columns=columns)
    schema.write_table(world.results_dir, schema.NEIGHBOURS, frame)


def _write_test_suspects(world: World, test: pd.DataFrame) -> None:
    """One: the mistake with the largest loss."""
    worst = test[~test["correct"]].sort_values("loss", ascending=False).head(1)
    table = pd.DataFrame(
        {
            "rank": range(1, len(worst) + 1),
            "test_path": worst["test_path"],
            "given_class": worst["test_class"],
            "suggested_class": worst["predicted_class"],
            **dict.fromkeys(("suspicion", "label_agreement", "error_norm"), 1.0),
            "normalized_margin": 0.1,
        }
    )
    schema.write_table(world.results_dir, schema.TEST_SUSPECTS, table)


def _write_duplicates(world: World, test: pd.DataFrame, train: pd.DataFrame) -> None:
    first, last = train.iloc[0], train.iloc[-1]
    copy = world.data_dir / last["train_path"]
    copy.write_bytes((world.data_dir / first["train_path"]).read_bytes())
    image, near = test.iloc[0], train.iloc[1]
    rows = [
        (schema.TRAIN_TRAIN, first, "train", near, "train", 0.9993, False),
        (schema.TRAIN_TEST, first, "train", image, "test", 1.0, True),
        (schema.TRAIN_TRAIN, first, "train", last, "train", 1.0, True),
    ]
    frame = pd.DataFrame(
        [
            (kind, a[f"{x}_path"], a[f"{x}_class"], b[f"{y}_path"], b[f"{y}_class"], alike, same)
            for kind, a, x, b, y, alike, same in rows
        ],
        columns=list(schema.DUPLICATES_COLUMNS),
    )
    schema.write_table(world.results_dir, schema.DUPLICATES, frame)
