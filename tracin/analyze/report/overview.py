"""The section "Overview": what was analysed, and its figures as charts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from tracin.analyze.figures.distribution import overall_charts
from tracin.analyze.figures.summarize import checkpoint_files, run_date
from tracin.analyze.figures.summary import ClassSummary, RankedImage
from tracin.analyze.report import svg
from tracin.analyze.report.analysis import Analysis, PagePicture
from tracin.analyze.words.tiles import Tile, overall_tiles, remark_on
from tracin.results import schema
from tracin.results.run_info import RunInfo
from tracin.wording import count, duration, listed, noun_for, signed

MOST_RANKED = 10
"""Images in each row: as many as on the dashboard."""


@dataclass(frozen=True)
class Ranked:
    """A training image in a row of the most helpful or most harmful."""

    path: str
    label: str
    score: str
    has_picture: bool
    """False: its path is not known."""


@dataclass(frozen=True)
class ClassRow:
    """A class of test images."""

    name: str
    n_test: int
    n_train: str
    health: str
    health_share: float | None
    """0 to 1"""
    band: str
    accuracy: str
    accuracy_share: float | None
    page: str
    """Address of its PNG, beside the page; "" where there is none."""


@dataclass(frozen=True)
class Overview:
    """What the first section shows."""

    title: str
    method: str
    unit: str
    run: tuple[tuple[str, str], ...]
    """(name, what) of how the scores were made."""
    warning: str
    """That verdicts are withheld; "" where the model can judge. The findings say why."""
    tiles: tuple[Tile, ...]
    findings: tuple[str, ...]
    recommendations: tuple[str, ...]
    charts: tuple[svg.Drawing, ...]
    classes: tuple[ClassRow, ...]
    helpful: tuple[Ranked, ...]
    harmful: tuple[Ranked, ...]
    helpful_by: str
    harmful_by: str

    @property
    def without_page(self) -> int:
        """How many classes have no page."""
        return sum(not row.page for row in self.classes)

    def pictures(self) -> Iterator[PagePicture]:
        """The pictures of both rows."""
        for image in (*self.helpful, *self.harmful):
            if image.has_picture:
                yield PagePicture(image.path, image.label)


def overview_section(analysis: Analysis) -> Overview:
    """The run as a whole."""
    overall = analysis.overall
    return Overview(
        title=f"{count(overall.n_train, 'training image')}, {count(overall.n_test, 'test image')}",
        method=overall.method,
        unit=overall.unit,
        run=tuple(_run_in_words(analysis)),
        warning=overall.warning,
        tiles=tuple(overall_tiles(overall)),
        findings=analysis.words.findings,
        recommendations=analysis.words.recommendations,
        charts=tuple(map(svg.drawing_of, overall_charts(overall))),
        classes=_class_rows(analysis),
        helpful=tuple(map(_ranked, overall.helpful[:MOST_RANKED])),
        harmful=tuple(map(_ranked, overall.harmful[:MOST_RANKED])),
        helpful_by=remark_on(overall.rank_by, overall.unit, overall.n_test, "helpful"),
        harmful_by=remark_on(overall.rank_by, overall.unit, overall.n_test, "harmful"),
    )


def _ranked(image: RankedImage) -> Ranked:
    return Ranked(image.name, image.label or "", signed(image.score), image.path is not None)


def _class_rows(analysis: Analysis) -> tuple[ClassRow, ...]:
    """Those with a page first."""
    rows = [
        _class_row(each, analysis.class_pages.get(each.name, ""))
        for each in analysis.overall.classes
        if each.is_class
    ]
    return tuple(sorted(rows, key=lambda row: not row.page))


def _class_row(summary: ClassSummary, page: str) -> ClassRow:
    accuracy = None if summary.n_right is None else summary.n_right / summary.n_test
    return ClassRow(
        name=summary.name,
        n_test=summary.n_test,
        n_train="—" if summary.n_train is None else f"{summary.n_train:,}",
        health="—" if summary.health is None else summary.health.shown,
        health_share=None if summary.health is None else summary.health.percent / 100,
        band="" if summary.health is None else summary.health.verdict,
        accuracy="—" if accuracy is None else f"{accuracy:.1%}",
        accuracy_share=accuracy,
        page=quote(page),
    )


def _run_in_words(analysis: Analysis) -> Iterator[tuple[str, str]]:
    run = analysis.inputs.run
    yield "Data", str(analysis.inputs.data_dir)
    if run is None:
        return
    files = checkpoint_files(run)
    yield noun_for(len(files), "Checkpoint"), listed(files)
    yield "Architecture", run.architecture
    yield "Method", _method(run)
    yield "Loss", _loss(run)
    yield (
        "Images",
        f"{run.train_images:,} of {count(run.train_images_found, 'training image')} and "
        f"{run.test_images:,} of {count(run.test_images_found, 'test image')}",
    )
    sides = "shorter side" if run.resize_mode == "shorter" else "both sides"
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (run.mean, run.std))
    yield (
        "Shown",
        f"as the data set {run.inputs_from} prepares them, up to {run.crop_size} pixels wide"
        if run.inputs_from
        else f"{sides} resized to {run.resize_size} pixels ({run.interpolation}), the central "
        f"{run.crop_size} × {run.crop_size} cut out; mean {mean}, standard deviation {std}",
    )
    if run.skipped:
        first = run.skipped[0]
        yield (
            "Skipped",
            f"{count(len(run.skipped), 'unreadable image')}, beginning with {first.path} "
            f"({first.reason})",
        )
    spent = duration(run.seconds.get("total", 0))
    yield "Computed", f"{run_date(run)}, in {spent} on {run.device}"


def _method(run: RunInfo) -> str:
    rates = list(dict.fromkeys(f"{info.learning_rate:.3g}" for info in run.checkpoints))
    rate = f"{noun_for(len(rates), 'learning rate')} {listed(rates)}"
    if run.method == schema.GAUSS_NEWTON:
        return (
            f"Gauss–Newton influence of layer {run.layer}, damping {run.damping:g}: what the model "
            "would be without an image, to first order"
        )
    return (
        f"TracIn (Pruthi et al. 2020) on layer {run.layer}, {rate}: gradients of a training and a "
        "test image multiplied, summed over checkpoints"
    )


def _loss(run: RunInfo) -> str:
    last = run.checkpoints[-1]
    smoothing = (
        f"label smoothing {last.label_smoothing:g}"
        if last.label_smoothing
        else ("no label smoothing")
    )
    weights = "class weights" if last.class_weights else "no class weights"
    return f"cross-entropy with {smoothing} and {weights}"
