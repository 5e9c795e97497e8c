"""The pictures inside the page: how many, and how large, within its budget."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from tests.analyze.report.html_page import Page
from tests.analyze.report.review_world import ReviewWorld, analysis_of
from tracin.analyze.report.analysis import PagePicture
from tracin.analyze.report.page import write_report
from tracin.analyze.report.pictures import make_album


def test_pictures_beyond_the_budget_are_left_out_and_counted(hostile: ReviewWorld) -> None:
    path = hostile.world.results_dir / "small.html"
    (sentence,) = write_report(path, analysis_of(hostile.world.results_dir), budget=60_000)
    assert re.match(r"\d+ pictures of the report, to keep its file below 30 MB", sentence)
    page = Page(path)
    assert sum(map(len, page.data["pictures"])) <= 60_000
    assert "(no picture)" in " ".join(page.having("aria-label"))
    assert sentence in page.text


def test_images_that_are_not_there_are_named(tmp_path: Path) -> None:
    paths = ("train/cat/none.jpg", "../etc/passwd")
    album = make_album(tmp_path, [PagePicture(path, "cat") for path in paths])
    assert album.encoded == ()
    assert album.unreadable == paths


def test_pictures_are_as_large_as_there_is_room_for(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    wanted = []
    for name, large in (("subject", True), ("other", False), ("tiny", False)):
        shape = (30, 50, 3) if name == "tiny" else (700, 1100, 3)
        noise = random.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
        wanted += [PagePicture(f"{name}.png", "cat", large=large)] * 2

    def sizes(budget: int) -> dict[str, int]:
        album = make_album(tmp_path, wanted, budget)
        assert album.characters <= budget
        texts = {path: album.encoded[number] for path, number in album.numbers.items()}
        opened = {path: Image.open(io.BytesIO(base64.b64decode(texts[path]))) for path in texts}
        return {path: max(image.size) for path, image in opened.items()}

    assert sizes(1_000_000) == {"subject.png": 1024, "other.png": 320, "tiny.png": 50}
    assert sizes(150_000) == {"subject.png": 640, "other.png": 320, "tiny.png": 50}
    assert sizes(100_000) == {"subject.png": 256, "other.png": 320, "tiny.png": 50}
    assert sizes(12_000) == {"subject.png": 256}
