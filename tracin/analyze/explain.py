"""The run of ``--explain``: a test image → who helped and hurt it, as a table and a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tracin.analyze.figures.summarize import METHOD_NAMES
from tracin.analyze.figures.summary import RankedImage
from tracin.analyze.naming import safe_name
from tracin.analyze.pictures.explanation import Explanation, draw_explanation, texts_of
from tracin.analyze.pictures.style import applied_style, render, save_picture
from tracin.analyze.read.lookup import find_test_image
from tracin.analyze.read.optional import read_optional, read_predictions
from tracin.analyze.words.meaning import decimal
from tracin.errors import TracInError
from tracin.image_folder import SPLITS
from tracin.places import refuse_inside
from tracin.results import schema
from tracin.results.manifest import check_files
from tracin.results.run_info import data_folder, read_run_info
from tracin.results.staging import staged_analysis
from tracin.wording import count, signed

FILES = (
    schema.TOP_INFLUENCES_TABLE,
    schema.INFLUENCE_SUMMARY,
    schema.SUSPECTS,
    schema.PREDICTIONS,
)
"""What is read."""


@dataclass(frozen=True)
class ExplainConfig:
    """What the user asked for: the flags that go with --explain."""

    images: Sequence[str]
    """Test images: paths as in the tables, paths on disk, or file names."""
    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says, else data/processed."""


def explain(config: ExplainConfig) -> str:
    """Draw each image asked for, and return the tables of them all.

    Raises:
        TracInError: an image is not known, or a table of the results is missing; nothing is
            written then.
    """
    if (config.results_dir / schema.RUN_INFO).exists():
        check_files(config.results_dir, read_run_info(config.results_dir).files, FILES)
    table = _read_needed(config.results_dir, schema.TOP_INFLUENCES_TABLE)
    summary = _read_needed(config.results_dir, schema.INFLUENCE_SUMMARY)
    if "test_path" not in summary.columns:
        raise TracInError(
            f"{config.results_dir / schema.INFLUENCE_SUMMARY} has no column test_path, so no "
            "image can be looked up in it. Run TracIn_Resnet50.py again."
        )
    data_dir = data_folder(config.results_dir, config.data_dir)
    refuse_inside(config.results_dir, data_dir, "with --results_dir", SPLITS)
    paths = list(summary["test_path"])
    chosen = dict.fromkeys(find_test_image(asked, paths, data_dir) for asked in config.images)
    run = _read_run(config.results_dir)
    explanations = [_explanation(summary.iloc[row], table, run) for row in chosen]
    names = _names(paths)
    pictures = [f"{schema.EXPLANATIONS}/{names[row]}.png" for row in chosen]
    try:
        with staged_analysis(
            config.results_dir, schema.EXPLANATION_FILES, keep_former=True
        ) as folder:
            (folder / schema.EXPLANATIONS).mkdir()
            for picture, explanation in zip(pictures, explanations, strict=True):
                with applied_style(texts_of(explanation)):
                    drawn = draw_explanation(explanation, data_dir)
                    save_picture(render(drawn), folder / picture)
    except OSError as error:
        raise TracInError(
            f"Cannot write to {config.results_dir} ({error}). Make room there, or copy the "
            "results to another folder and name it with --results_dir."
        ) from error
    texts = (
        "\n".join((*_as_text(explanation), f"Picture: {config.results_dir / picture}"))
        for picture, explanation in zip(pictures, explanations, strict=True)
    )
    return "\n\n".join((*([f"Warning: {run.warning}"] if run.warning else []), *texts))


def _read_needed(folder: Path, name: str) -> pd.DataFrame:
    if not (folder / name).exists():
        raise TracInError(
            f"{folder / name} is not there, and --explain needs it. Run this version of "
            "TracIn_Resnet50.py first, or name the folder of its results with --results_dir."
        )
    return schema.read_table(folder, name)


@dataclass(frozen=True)
class _Run:
    """What holds for all images of a run."""

    method: str
    unit: str
    normalized: bool
    """Proponents are ranked by score over the root of self-influence."""
    probabilities: Mapping[str, float]
    """Probability of the predicted class, by test_path; empty where no file tells."""
    suggested: dict[str, str]
    """Training images whose label looks wrong, and what they look like."""
    warning: str
    """Why the model's opinion is worth little or nothing; "" where it is not."""


def _read_run(folder: Path) -> _Run:
    info = read_run_info(folder) if (folder / schema.RUN_INFO).exists() else None
    method = info.method if info else schema.TRACIN
    check = info.model_check if info else None
    name, unit = METHOD_NAMES.get(method, (method, "score"))
    suggested: dict[str, str] = {}
    judges = check is None or check.can_judge
    if judges and (suspects := read_optional(folder, schema.SUSPECTS)) is not None:
        suggested = dict(zip(suspects["train_path"], suspects["suggested_class"], strict=True))
    return _Run(
        method=name,
        unit=unit,
        normalized=method == schema.TRACIN,
        probabilities=read_predictions(folder),
        suggested=suggested,
        warning=check.warning if check else "",
    )


def _explanation(image: pd.Series, table: pd.DataFrame, run: _Run) -> Explanation:
    rows = table[table["test_idx"] == image["test_idx"]].sort_values("rank", kind="stable")
    by_direction = {
        direction: rows[rows["direction"] == direction]
        for direction in (schema.PROPONENT, schema.OPPONENT)
    }
    return Explanation(
        path=str(image["test_path"]),
        label=str(image["test_class"]),
        predicted=str(image.get("predicted_class", "")),
        probability=run.probabilities.get(str(image["test_path"])),
        label_probability=math.exp(-float(image["loss"])) if "loss" in image else None,
        method=run.method,
        unit=run.unit,
        normalized=run.normalized,
        proponents=tuple(_ranked(by_direction[schema.PROPONENT], run)),
        opponents=tuple(_ranked(by_direction[schema.OPPONENT], run)),
        rows=rows,
    )


def _ranked(rows: pd.DataFrame, run: _Run) -> Iterator[RankedImage]:
    columns = ("train_idx", "score", "train_path", "train_class")
    for index, score, path, label in zip(*(rows[name] for name in columns), strict=True):
        yield RankedImage(
            int(index), float(score), str(path), str(label), run.suggested.get(str(path))
        )


def _names(paths: Sequence[str]) -> list[str]:
    """A file name for each test image: its own where no other has it, else with its class."""
    short = [safe_name(Path(path).stem) for path in paths]
    long = [safe_name("_".join(Path(path).with_suffix("").parts[1:])) for path in paths]
    whole = [safe_name(path) for path in paths]
    chosen = []
    counts = [pd.Series(names).str.casefold().value_counts() for names in (short, long)]
    for candidates in zip(short, long, whole, strict=True):
        unique = [
            name
            for name, times in zip(candidates, counts, strict=False)
            if times[name.casefold()] == 1
        ]
        chosen.append(unique[0] if unique else candidates[-1])
    return chosen


def _as_text(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.path}: {explanation.verdict}"
    directions = (
        (schema.PROPONENT, f"similar training signal, score above zero; {explanation.ranking}"),
        (schema.OPPONENT, "opposite training signal, score below zero; ranked by score"),
    )
    for direction, signal in directions:
        rows = explanation.rows[explanation.rows["direction"] == direction]
        yield ""
        yield f"{count(len(rows), direction)} ({signal})"
        if len(rows):
            yield from _table(rows, explanation)
    yield ""
    yield (
        f"Scores: {explanation.method} ({explanation.unit}). Activation and error are cosines, "
        "from −1 to 1."
    )


def _table(rows: pd.DataFrame, explanation: Explanation) -> Iterator[str]:
    label_width = max(5, *(len(str(label)) for label in rows["train_class"]))
    yield (
        f"  {'rank':>4}  {'score':>9}  {'activation':>10}  {'error':>6}  {'label':{label_width}}  "
        "image"
    )
    suggested = {
        image.path: image.suggested for image in (*explanation.proponents, *explanation.opponents)
    }
    columns = ("rank", "score", "activation_similarity", "error_similarity")
    for rank, score, activation, error, label, path in zip(
        *(rows[name] for name in (*columns, "train_class", "train_path")), strict=True
    ):
        hint = f"  (label looks wrong: {suggested[path]}?)" if suggested.get(path) else ""
        cosines = f"{decimal(float(activation)):>10}  {decimal(float(error)):>6}"
        yield (
            f"  {rank:>4}  {signed(float(score)):>9}  {cosines}  "
            f"{label:{label_width}}  {path}{hint}"
        )
