"""The run of analyze_results.py: results folder → pictures, image folders, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image
from tqdm import tqdm

from tracin.analyze import gallery
from tracin.analyze.exports import write_exports
from tracin.analyze.figures.comparison import Comparison, compare
from tracin.analyze.figures.drawn import drawn_classes, left_undrawn
from tracin.analyze.figures.image_map import make_image_map
from tracin.analyze.figures.summarize import summarize
from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.analyze.naming import unique_names
from tracin.analyze.pictures import fonts, pages, style
from tracin.analyze.pictures.image_map import map_page
from tracin.analyze.read.from_tables import scores_from_tables
from tracin.analyze.read.inputs import Inputs, read_inputs
from tracin.analyze.read.judged_run import read_judged_run
from tracin.analyze.read.places import read_places
from tracin.analyze.read.scan import MatrixSummary, scan
from tracin.analyze.read.thumbnails import thumbnails_by_row
from tracin.analyze.record import analysis_record, comparison_record, write_record
from tracin.analyze.report.analysis import Analysis, read_page_tables
from tracin.analyze.report.page import write_report
from tracin.analyze.words.findings import Words, in_words
from tracin.errors import TracInError
from tracin.flags import RankBy
from tracin.folder_lock import owner_of
from tracin.image_folder import SPLITS
from tracin.places import refuse_inside
from tracin.results.schema import (
    ANALYSIS,
    CLASS_SUMMARY_SUFFIX,
    DASHBOARD,
    MAP_PICTURE,
    REPORT,
    SUSPECTS,
    TRAIN_SUMMARY,
)
from tracin.results.staging import staged_analysis
from tracin.wording import count

CHARACTERS_NAMED = 20
"""So many characters that cannot be drawn are shown in a sentence."""


@dataclass(frozen=True)
class AnalyzeConfig:
    """What the user asked for: the flags of analyze_results.py."""

    results_dir: Path
    data_dir: Path | None = None
    """None: what run.json says, else data/processed."""
    top_k: int = 10
    rank_by: RankBy = "normalized"
    compare_with: Path | None = None
    """The results folder of an earlier run."""
    classes: tuple[str, ...] = ()
    """Of the test images, those that get a page and folders; (): all, or the worst of many."""
    export: bool = False
    """Write the suspects for other tools, too."""


@dataclass(frozen=True, repr=False)
class Outcome:
    """What the analysis found and wrote."""

    overall: OverallSummary
    words: Words
    comparison: Comparison | None
    """With an earlier run, where one was named."""
    left_out: tuple[str, ...]
    """Sentences: what is missing, and for want of what."""
    report: Path
    dashboard: Path
    class_pages: tuple[Path, ...]
    copies: tuple[Path, ...]
    more: tuple[Path, ...]
    """What else was written."""

    def __repr__(self) -> str:
        health = self.overall.health or "withheld"
        return f"<{self.report.parent}: health {health}; open {self.report}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows of it."""
        return self.dashboard.read_bytes()


def run(config: AnalyzeConfig) -> Outcome:
    """Analyse the results folder and write pictures, page and copies there; return what was found.

    Raises:
        TracInError: the results folder lacks the scores, is damaged, or cannot be written to.
    """
    inputs = read_inputs(config.results_dir, config.data_dir)
    refuse_inside(config.results_dir, inputs.data_dir, "with --results_dir", SPLITS)
    comparison = _comparison(config)
    scores = _scores(inputs)
    overall = summarize(inputs, scores, top_k=config.top_k, rank_by=config.rank_by)
    drawn = drawn_classes(overall, config.classes)
    words = in_words(overall, drawn)
    tables = read_page_tables(inputs, config.results_dir)
    image_map = make_image_map(inputs, read_places(inputs, config.results_dir))
    folders = _folders(overall, drawn)
    found = gallery.plan_gallery(inputs.data_dir, overall, folders)
    page_of = {name: f"{folders[name]}{CLASS_SUMMARY_SUFFIX}" for name in drawn}
    pages = tuple(page_of.values())
    try:
        with staged_analysis(config.results_dir) as folder:
            gallery.copy_gallery(found, folder)
            analysis = Analysis(
                *(config.results_dir, inputs, scores, overall, words, tables, page_of),
                image_map,
                comparison,
            )
            undrawn = _draw(analysis, folder)
            unshown = write_report(folder / REPORT, analysis)
            unexported = tuple(_export(config, analysis, folder))
            more = _left_out(config, inputs, overall, found, undrawn)
            left_out = (*inputs.left_out, *more, *unshown, *unexported)
            run_id = inputs.run.run_id if inputs.run else ""
            record = analysis_record(overall, words, left_out, run_id)
            record["comparison"] = comparison and comparison_record(comparison)
            write_record(folder / ANALYSIS, record)
            others = _others(
                folder, {REPORT, DASHBOARD, *pages, *(name for _, name in found.copies)}
            )
    except OSError as error:
        raise TracInError(
            f"Cannot write to {config.results_dir} ({error}). Make room there, or name another "
            "folder with --results_dir."
        ) from error
    report, dashboard = config.results_dir / REPORT, config.results_dir / DASHBOARD
    class_pages, copies, rest = (
        tuple(config.results_dir / name for name in names)
        for names in (pages, [target for _, target in found.copies], others)
    )
    return Outcome(
        *(overall, words, comparison, left_out, report, dashboard, class_pages, copies, rest)
    )


def _others(folder: Path, known: Set[str]) -> tuple[str, ...]:
    """Names of the files in ``folder`` that are not ``known``."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in paths)
    return tuple(name for name in names if name not in known)


def _comparison(config: AnalyzeConfig) -> Comparison | None:
    other = config.compare_with
    if other is None:
        return None
    if other.resolve() == config.results_dir.resolve():
        raise TracInError(
            f"--compare {other} is the folder of this run itself. Name the results of another run."
        )
    if writer := owner_of(other):
        raise TracInError(f"{other} is in use by {writer}. Wait until that has ended.")
    return compare(read_judged_run(other), read_judged_run(config.results_dir))


def _export(config: AnalyzeConfig, analysis: Analysis, folder: Path) -> Iterator[str]:
    """Write the suspects for other tools where that is asked; yield why not, where they lack."""
    if not config.export:
        return
    if analysis.overall.suspects is None or analysis.tables.suspects is None:
        yield f"Exports: there is no list of suspects ({SUSPECTS}), or it is withheld."
        return
    names = analysis.inputs.run.class_names if analysis.inputs.run else analysis.overall.groups
    write_exports(folder, analysis.tables.suspects, analysis.inputs.data_dir, names)


def _scores(inputs: Inputs) -> MatrixSummary:
    test = inputs.test
    if inputs.tables is not None:
        return scores_from_tables(inputs.scores, inputs.tables, test.groups)
    shape = (inputs.n_train, inputs.n_test)
    return scan(inputs.scores, shape, test.group_of, len(test.groups))


def _folders(overall: OverallSummary, drawn: Sequence[str]) -> dict[str, str]:
    """The name of each class's folder; the same whichever others are drawn."""
    if not overall.has_classes:
        return {name: name.replace(" ", "_") for name in drawn}
    names = unique_names(overall.groups)
    return {name: names[name] for name in drawn}


def _draw(analysis: Analysis, folder: Path) -> str:
    """Draw every picture into ``folder``; return the characters that no font here has."""
    words = analysis.words
    names = [DASHBOARD, *analysis.class_pages.values()]
    if analysis.image_map is not None:
        names.append(MAP_PICTURE)
    paths = [folder / name for name in names]
    texts = [*_texts(analysis), *words.findings, *words.recommendations]
    texts += [sentence for name in analysis.class_pages for sentence in words.by_class[name]]
    with style.applied_style(texts) as families:
        figures = _figures(analysis)
        written: Future[None] | None = None
        # disable=None: no bar where stderr is no terminal.
        with (
            ThreadPoolExecutor(max_workers=1) as pool,
            tqdm(paths, desc="Drawing", unit=" pictures", disable=None) as bar,
        ):
            for path, figure in zip(bar, figures, strict=True):
                picture = style.render(figure)
                if written is not None:
                    written.result()
                # Packing the pixels takes a quarter of the time, and needs no lock.
                written = pool.submit(_write_picture, picture, path)
            if written is not None:
                written.result()
    return fonts.characters_lacking(texts, families)


def _write_picture(picture: Image.Image, path: Path) -> None:
    style.save_picture(picture, path)


def _figures(analysis: Analysis) -> Iterator[Figure]:
    inputs, overall, words = analysis.inputs, analysis.overall, analysis.words
    picture = thumbnails_by_row(inputs.data_dir, inputs.train.paths)
    yield pages.dashboard(overall, words, picture)
    for summary in _drawn(analysis):
        yield pages.class_page(summary, overall, words.by_class[summary.name], picture)
    if analysis.image_map is not None:
        yield map_page(analysis.image_map)


def _drawn(analysis: Analysis) -> tuple[ClassSummary, ...]:
    classes = analysis.overall.classes
    return tuple(summary for summary in classes if summary.name in analysis.class_pages)


def _texts(analysis: Analysis) -> Iterator[str]:
    """Everything from outside that is written into pictures: names of classes and of files."""
    overall = analysis.overall
    yield from (overall.method, overall.provenance, *overall.groups)
    images = [*overall.helpful, *overall.harmful]
    yield from (label for label, _, _ in overall.classes[0].by_label)
    for summary in _drawn(analysis):
        images += [*summary.helpful, *summary.harmful]
    for image in images:
        yield from (image.name, image.label or "", image.suggested or "")


def _left_out(
    config: AnalyzeConfig,
    inputs: Inputs,
    overall: OverallSummary,
    found: gallery.Gallery,
    undrawn: str,
) -> Iterator[str]:
    if overall.rank_by != config.rank_by and inputs.train.self_influence is None:
        yield (
            f"Normalised ranking: there is no {TRAIN_SUMMARY} with the images' self-influence. "
            "Helpful images are ranked by their plain means."
        )
    if undrawn_classes := left_undrawn(overall, config.classes):
        yield undrawn_classes
    if found.not_found:
        n, first = len(found.not_found), found.not_found[0]
        yield (
            f"Pictures and copies of {count(n, 'training image')} not found in {inputs.data_dir}, "
            f"beginning with {first}. Name the folder that they are in with --data_dir."
        )
    if undrawn:
        yield (
            f"Characters that no font on this machine has, drawn as {fonts.MISSING}: "
            f"{undrawn[:CHARACTERS_NAMED]}{'…' if len(undrawn) > CHARACTERS_NAMED else ''}. "
            "Install Noto fonts, for instance with: apt install fonts-noto-core fonts-noto-cjk"
        )
