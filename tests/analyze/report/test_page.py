"""The review page, as a file: what stands in it, and what does not."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from tests.analyze.report.html_page import Page
from tests.analyze.report.review_world import (
    HOSTILE_CLASSES,
    ReviewWorld,
    analysis_of,
)
from tests.analyze.world import make_world, write_run
from tracin.analyze.figures.distribution import Chart, averages, histogram
from tracin.analyze.naming import safe_name
from tracin.analyze.report import svg
from tracin.analyze.report.classes import classes_section
from tracin.analyze.report.duplicates import duplicates_section
from tracin.analyze.report.mistakes import mistakes_section
from tracin.analyze.report.page import write_report
from tracin.analyze.report.pictures import LARGER
from tracin.analyze.report.suspects import suspects_section
from tracin.analyze.run import AnalyzeConfig, run
from tracin.analyze.words import meaning
from tracin.analyze.words.meaning import BLIND_SPOT
from tracin.results import schema


@pytest.fixture(scope="module")
def review(hostile: ReviewWorld) -> ReviewWorld:
    return hostile


@pytest.fixture(scope="module")
def page(review: ReviewWorld) -> Page:
    path = review.world.results_dir / schema.REPORT
    assert write_report(path, analysis_of(review.world.results_dir)) == ()
    return Page(path)


def test_every_section_is_there(page: Page, review: ReviewWorld) -> None:
    ids = list(page.having("id"))
    assert len(ids) == len(set(ids))
    for section in ("overview", "suspects", "mistakes", "classes", "duplicates"):
        assert section in ids
    assert [id_ for id_ in ids if re.fullmatch(r"suspect-\d+", id_)] == [
        f"suspect-{rank}" for rank in review.suspects["rank"]
    ]
    beside = {quote(f"{safe_name(name)}_summary.png") for name in HOSTILE_CLASSES}
    links = set(page.having("href"))
    assert beside <= links
    for link in links - beside:
        assert link == "data:," or link.removeprefix("#") in ids, link


def test_names_stand_as_text(page: Page, review: ReviewWorld) -> None:
    for name in HOSTILE_CLASSES:
        assert name in page.text
    assert review.hostile_path in [image["path"] for image in page.data["images"]]
    tags = {element.tag for element in page.elements}
    assert "b" in tags and len(page.scripts) == 2
    assert not any(name.startswith("on") for each in page.elements for name in each.attributes)
    assert not [each for each in page.elements if each.tag == "img" and "src" in each.attributes]
    assert page.data["classes"] == list(HOSTILE_CLASSES)


def test_nothing_comes_from_the_network(page: Page) -> None:
    for name in ("src", "href", "action", "srcset"):
        assert not [value for value in page.having(name) if value.startswith(("http", "//"))]
    policy = next(value for value in page.having("content") if "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_pictures_are_small_jpegs_each_once(page: Page, review: ReviewWorld) -> None:
    pictures = page.data["pictures"]
    assert len(pictures) == len(set(pictures)) > 20
    images = page.data["images"]
    shown = {int(number) for number in page.having("data-image")} | {*page.data["sample"]["images"]}
    assert shown == set(range(len(images)))
    assert {images[number]["picture"] for number in shown} == set(range(len(pictures)))
    assert len({image["path"] for image in images}) == len(images)
    for text in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(text)))
        assert image.format == "JPEG"
        assert max(image.size) <= max(side for _, side in LARGER)
    for element in page.elements:
        if element.tag == "img":
            assert element.attributes["alt"]


def test_suspects_stand_beside_their_neighbours(review: ReviewWorld) -> None:
    section = suspects_section(analysis_of(review.world.results_dir))
    assert [card.path for card in section.cards] == list(review.suspects["train_path"])
    card = section.cards[0]
    assert len(card.like_given) == len(card.like_suggested) == 3
    assert card.path == review.hostile_path
    assert card.path not in {image.path for image in card.like_given}
    assert sum(n for _, _, n in section.pairs) == len(section.cards)
    assert [fact.name for fact in card.facts][:3] == ["Agreement", "Error", "Margin"]


def test_mistakes_are_explained_from_both_sides(review: ReviewWorld) -> None:
    analysis = analysis_of(review.world.results_dir)
    section = mistakes_section(analysis)
    correct = analysis.inputs.test.correct
    assert correct is not None
    assert section.total == len(section.shown) == int((~correct).sum()) > 0
    for mistake in section.shown:
        assert mistake.true != mistake.predicted
        assert all(one.score.startswith("−") for one in mistake.for_predicted.evidence)
        assert all(one.score.startswith("+") for one in mistake.for_true.evidence)
        if mistake.for_predicted.heading.startswith("For "):
            labels = {one.label for one in mistake.for_predicted.evidence}
            assert labels == {mistake.predicted}


def test_classes_against_classes_add_up(review: ReviewWorld) -> None:
    analysis = analysis_of(review.world.results_dir)
    section = classes_section(analysis)
    world = review.world
    assert section.columns == tuple(row.label for row in section.rows) == world.names
    for row, label in enumerate(world.names):
        for column in range(len(world.names)):
            block = world.matrix[world.train_labels == row][:, world.test_labels == column]
            net = float(block.mean(axis=1).sum())
            cell = section.rows[row].cells[column]
            assert np.sign(net) == np.sign(cell.strength), label
            assert cell.shown.startswith("+" if net > 0 else "−")
    assert sum(pair.mistakes for pair in section.pairs) == sum(
        cell.mistakes for row in section.rows for cell in row.cells
    )


def test_duplicates_come_worst_first(review: ReviewWorld) -> None:
    section = duplicates_section(analysis_of(review.world.results_dir))
    assert [pair.severity for pair in section.shown] == sorted(
        pair.severity for pair in section.shown
    )
    assert section.shown[0].labels_differ and section.shown[0].identical
    assert (section.total, section.conflicts, section.leaked) == (3, 1, 1)
    assert "on all 36 test images, and" in section.accuracy


def test_one_thing_is_told_as_one(review: ReviewWorld, tmp_path: Path) -> None:
    path = tmp_path / schema.REPORT
    write_report(path, analysis_of(review.world.results_dir))
    page = Page(path)
    said = " ".join([page.text, *page.having("title"), *page.having("aria-label")])
    assert re.search(r"\b1 test image of .* taken for", said)
    assert "1 picture has more than one label." in said
    assert "1 test image is in the training set too." in said
    kinds = "images|pictures|classes|pairs|labels|opponents"
    assert not re.search(rf"(?<![\d,.])1 ((test|training|misclassified) )*({kinds})\b", said)


def test_scores_alone_make_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / schema.INFLUENCE_SCORES).write_text("0,1\n0.5,-1\n0.25,0.5\n-3,0\n")
    path = tmp_path / schema.REPORT
    write_report(path, analysis_of(tmp_path))
    page = Page(path)
    for name in (schema.SUSPECTS, schema.TOP_INFLUENCES_TABLE, schema.DUPLICATES):
        assert f"{name}, and this results folder has no such file" in page.text
    assert "Run TracIn_Resnet50.py again" in page.text
    assert "Classes are not known" in page.text


def test_nothing_found_is_said(tmp_path: Path) -> None:
    world = make_world(tmp_path, n_train=30, n_test=8, names=("cat", "dog"), zero=True)
    write_run(world, suspects=0)
    table = schema.read_table(world.results_dir, schema.TRAIN_SUMMARY)
    table["suspicion"] = table["suspicion"].clip(upper=0.49)
    schema.write_table(world.results_dir, schema.TRAIN_SUMMARY, table)
    for name in (schema.SUSPECTS, schema.DUPLICATES, schema.TOP_INFLUENCES_TABLE):
        empty = {
            schema.SUSPECTS: schema.SUSPECTS_COLUMNS,
            schema.DUPLICATES: schema.DUPLICATES_COLUMNS,
            schema.TOP_INFLUENCES_TABLE: schema.TOP_INFLUENCES_COLUMNS,
        }[name]
        (world.results_dir / name).write_text(",".join(empty) + "\n")
    path = world.results_dir / schema.REPORT
    write_report(path, analysis_of(world.results_dir))
    text = Page(path).text
    for words in (
        "Weak evidence: no training label",
        "No duplicates found",
        "Every average is zero.",
    ):
        assert words in text
    assert "No test image has a score above zero." in text
    assert "10 of 10 ·" in text  # the cards of those that come nearest
    assert BLIND_SPOT in text
    assert "in 10 such labels" not in text

    table.loc[0, "suspicion"] = 0.6  # and suspects.csv lists none: --max_suspects 0
    schema.write_table(world.results_dir, schema.TRAIN_SUMMARY, table)
    write_report(path, analysis_of(world.results_dir))
    text = Page(path).text
    assert "Weak evidence" not in text
    assert "No training label looks wrong." not in text
    assert "the run was told to list none" in text


def test_what_is_certain_stands_above_the_suspects(review: ReviewWorld, page: Page) -> None:
    section = suspects_section(analysis_of(review.world.results_dir))
    assert [(pair.leak, pair.labels_differ) for pair in section.certain] in (
        [(False, True), (True, False)],
        [(True, True), (False, True)],
        [(False, True), (True, True)],
    )
    assert all(pair.identical for pair in section.certain)
    text = page.text
    assert text.index("Certain, whatever the model") < text.index("What the model suspects")


def test_only_a_suspicious_test_label_is_asked_about(review: ReviewWorld, page: Page) -> None:
    shown = mistakes_section(analysis_of(review.world.results_dir)).shown
    asked = [mistake for mistake in shown if mistake.looks_like]
    assert asked == [shown[0]]
    assert asked[0].looks_like == asked[0].predicted
    text = page.text
    assert text.count("Its own label may be wrong") == 1
    assert "Is that label right" not in text


def test_the_run_writes_the_page(review: ReviewWorld) -> None:
    outcome = run(AnalyzeConfig(review.world.results_dir))
    assert outcome.report == review.world.results_dir / "report.html"
    assert outcome.report.stat().st_size > 10_000
    assert (
        str(outcome.report.name) in (review.world.results_dir / schema.ANALYSIS_FILES).read_text()
    )


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e6])
def test_charts_stay_in_their_frame(scale: float) -> None:
    values = np.random.default_rng(0).lognormal(0, 3, 500) * scale
    for chart in (
        histogram(values, 1, "u"),
        histogram(-values, -1, "u"),
        histogram(values[:3], 1, "u"),
        averages(np.concatenate([values, -values]), "u"),
        averages(np.array([2.0 * scale]), "u"),
    ):
        assert isinstance(chart, Chart)
        drawing = svg.drawing_of(chart)
        assert drawing.bars
        for bar in drawing.bars:
            assert bar.x >= svg.LEFT - 0.1 and bar.x + bar.width <= svg.RIGHT + 0.1
            assert svg.TOP - 0.1 <= bar.y <= bar.y + bar.height <= svg.BOTTOM + 0.1
        for text in drawing.texts:
            assert 0 <= text.x <= svg.WIDTH and 0 <= text.y <= svg.HEIGHT
        assert 1 <= len(chart.x.ticks) <= 7
    both = svg.drawing_of(averages(np.concatenate([values, -values]), "u"))
    assert {bar.kind for bar in both.bars} == {"helped", "hurt"}
    assert svg.drawing_of(averages(np.zeros(4), "u")).why == "Every average is zero."
    assert svg.drawing_of(averages(np.array([2.0 * scale]), "u")).axis


def test_words_follow_the_numbers() -> None:
    assert meaning.percent(0.9996) == "above 99.9%"
    assert meaning.percent(1.0) == "100.0%"
    assert meaning.cosine(0.99999) == "above 0.9999"
    assert meaning.cosine(1.0) == "1.0000"
    assert "errors on the two are opposite" in meaning.relation(0.9, -0.8)
    assert meaning.relation(0.9, 0.8).startswith("The two look alike")
    assert "had to learn" in meaning.learning(0.2)
    assert meaning.wrong_in_ten(0.87) == "About 9 in 10 such labels are wrong"
    assert meaning.wrong_in_ten(0.999) == "More than 9 in 10 such labels are wrong"
    assert meaning.wrong_in_ten(0.01) == "Fewer than 1 in 10 such labels are wrong"
    assert "opposite" in meaning.agreement(-0.5, "cat")


def test_no_word_claims_a_cause() -> None:
    for path in Path("tracin/analyze/report").rglob("*.*"):
        if path.suffix in (".py", ".j2", ".js"):
            assert not re.search(r"\bcaus(ed|es|e)\b", path.read_text(encoding="utf-8")), path
