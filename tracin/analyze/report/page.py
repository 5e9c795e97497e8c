"""Sections → one HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tracin.analyze.report.analysis import Analysis, PagePicture
from tracin.analyze.report.classes import ClassSection, classes_section
from tracin.analyze.report.compared import ComparisonSection, comparison_section
from tracin.analyze.report.duplicates import DuplicateSection, duplicates_section
from tracin.analyze.report.image_map import MapSection, map_section
from tracin.analyze.report.images import PageImage, page_images
from tracin.analyze.report.live import live_data
from tracin.analyze.report.mistakes import MistakeSection, mistakes_section
from tracin.analyze.report.overview import Overview, overview_section
from tracin.analyze.report.pictures import BUDGET, Album, make_album
from tracin.analyze.report.sample import SampleSection, sample_section
from tracin.analyze.report.suspects import SuspectSection, suspects_section
from tracin.analyze.words.meaning import BLIND_SPOT
from tracin.temporary import replacing
from tracin.version import __version__
from tracin.wording import LEFT_TO_RIGHT, count, first_few, for_the_shell, reads_right_to_left

TEMPLATES = Path(__file__).parent / "templates"

PER_PAGE = 25
"""Cards of a list that are laid out at once: heights are known, so that jumps land."""

SCRIPTS = (
    *("ground", "theme", "pictures", "decisions", "marks", "export"),
    *("pager", "cards", "filters", "grid", "selection"),
    *(
        "menu",
        "large",
        "sample",
        "remaining",
        "live",
        "map",
        "focus",
        "keys",
        "navigation",
        "tables",
    ),
)
STYLES = ("ground", "overview", "cards", "grid", "large", "sample", "map", "narrow")
"""One script and one style, put together in this order."""


@dataclass(frozen=True)
class Sections:
    """Everything the page shows."""

    overview: Overview
    suspects: SuspectSection
    sample: SampleSection | None
    mistakes: MistakeSection
    map: MapSection | None
    classes: ClassSection
    duplicates: DuplicateSection
    comparison: ComparisonSection | None

    @property
    def characters(self) -> int:
        """Of the numbers that the script computes with, about."""
        factors = self.suspects.factors
        live = 0 if factors is None else factors.characters
        return live + (0 if self.map is None else self.map.characters)

    def pictures(self) -> Iterator[PagePicture]:
        """All, in order of importance: what is to be decided comes first."""
        yield from self.overview.pictures()
        yield from self.suspects.pictures()
        if self.sample is not None:
            yield from self.sample.pictures()
        yield from self.duplicates.pictures()
        yield from self.mistakes.pictures()
        yield from self.classes.pictures()
        if self.comparison is not None:
            yield from self.comparison.pictures()


def write_report(path: Path, analysis: Analysis, *, budget: int = BUDGET) -> tuple[str, ...]:
    """Write the page to ``path``; return sentences about what it had to leave out.

    Args:
        path: of the page; a former one is replaced whole.
        analysis: what is known about the run.
        budget: characters of all pictures together, and of the numbers that the page computes with.

    Raises:
        TracInError: a table of the results is damaged.
    """
    sections = Sections(
        overview_section(analysis),
        suspects_section(analysis),
        sample_section(analysis),
        mistakes_section(analysis),
        map_section(analysis),
        classes_section(analysis),
        duplicates_section(analysis),
        comparison_section(analysis),
    )
    room = max(0, budget - sections.characters)
    album = make_album(analysis.inputs.data_dir, sections.pictures(), room)
    left_out = tuple(_left_out(analysis, album))
    with replacing(path) as temporary:
        temporary.write_text(_render(analysis, sections, album, left_out), encoding="utf-8")
    return left_out


def _left_out(analysis: Analysis, album: Album) -> Iterator[str]:
    if missing := analysis.tables.list_columns.missing:
        yield missing
    if album.over_budget:
        yield (
            f"{count(album.over_budget, 'picture')} of the report, to keep its file below 30 MB: "
            "those of the last sections and cards."
        )
    if album.unreadable:
        yield (
            f"{count(len(album.unreadable), 'picture')} of the report, not found in "
            f"{analysis.inputs.data_dir} or not readable: {first_few(album.unreadable, 1)}."
        )


def _render(analysis: Analysis, sections: Sections, album: Album, left_out: tuple[str, ...]) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["left_to_right"] = _left_to_right
    environment.globals["count"] = count
    script = _script()
    suggested = sections.suspects.suggested | sections.mistakes.suggested
    images = page_images(sections.pictures(), suggested, album)
    return environment.get_template("page.html.j2").render(
        sections=sections,
        image_of=images,
        per_page=PER_PAGE,
        suspect_of=sections.suspects.number_of,
        data=_data(analysis, images, album) | _section_data(sections, images),
        script=Markup(script),  # our own file, not the user's text
        script_hash=_hash(script),
        style=Markup(_joined("style", STYLES, "css")),
        left_out=(*analysis.inputs.left_out, *left_out),
        pictures=len(album.encoded),
        megabytes=f"{album.characters / 1e6:.1f}",
        version=__version__,
        apply_command=_apply_command(analysis),
        blind_spot=BLIND_SPOT,
    )


def _left_to_right(sentence: str) -> str:
    """``sentence`` with marks that keep the parts of paths in order beside Hebrew or Arabic."""
    if reads_right_to_left(sentence):
        return sentence.replace("/", f"/{LEFT_TO_RIGHT}")
    return sentence


def _joined(folder: str, names: Sequence[str], ending: str) -> str:
    files = (TEMPLATES / folder / f"{name}.{ending}" for name in names)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _script() -> str:
    """The scripts as one, in a scope of its own: the page's policy allows just this text."""
    return f'"use strict";\n(() => {{\n{_joined("script", SCRIPTS, "js")}}})();'


def _hash(script: str) -> str:
    """What the page's policy knows the script by: no other script can run in it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _apply_command(analysis: Analysis) -> str:
    folder = analysis.results_dir
    where = "" if folder == Path("results") else f" --results_dir {for_the_shell(folder)}"
    return f"python analyze_results.py --apply actions.csv --cleaned_dir data/cleaned{where}"


def _section_data(sections: Sections, images: Mapping[str, PageImage]) -> dict[str, object]:
    number_of = {path: image.number for path, image in images.items()}
    data: dict[str, object] = {}
    if sections.sample is not None:
        data["sample"] = sections.sample.data(number_of)
    if sections.suspects.factors is not None:
        data["live"] = live_data(sections.suspects.factors, number_of)
    if sections.map is not None:
        data["map"] = sections.map.data()
    return data


def _data(analysis: Analysis, images: Mapping[str, PageImage], album: Album) -> dict[str, object]:
    """What the script needs."""
    run = analysis.inputs.run
    labels = analysis.inputs.train.labels or ()
    classes = list(run.class_names) if run else sorted({label for label in labels if label})
    about = json.dumps([str(analysis.inputs.data_dir), classes], ensure_ascii=False)
    return {
        # Decisions belong to the images: they survive a new analysis of the same data folder.
        "key": f"tracin-decisions-{hashlib.sha256(about.encode()).hexdigest()[:16]}",
        "classes": classes,
        "per_page": PER_PAGE,
        "images": [image.data for image in images.values()],
        "pictures": album.encoded,
    }
