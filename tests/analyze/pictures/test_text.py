"""Text that fits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tracin.analyze.pictures import style, text


@pytest.fixture(autouse=True)
def look() -> Iterator[None]:
    with style.applied_style():
        yield


SENTENCE = "12 of the 20 strongest opponents of cat are labelled dog: look at train/dog/x.jpg."


@pytest.mark.parametrize("room", [0.8, 1.5, 3, 20])
def test_wrapped_lines_fit_and_lose_no_word(room: float) -> None:
    lines = text.wrap(SENTENCE, room, style.BODY)
    assert all(text.width(line, style.BODY) <= room * 1.02 for line in lines)
    assert "".join("".join(lines).split()) == "".join(SENTENCE.split())


def test_a_word_longer_than_a_line_is_broken() -> None:
    lines = text.wrap("a " + "x" * 100 + " b", 2, style.BODY)
    assert len(lines) > 3
    assert all(text.width(line, style.BODY) <= 2.04 for line in lines)


@pytest.mark.parametrize("name", ["x" * 200, "猫" * 50, "قطة " * 40, "cat"])
def test_fitted_text_fits(name: str) -> None:
    for room in (0.5, 1.4, 6):
        shown = text.fit(name, room, style.SMALL, "bold")
        assert text.width(shown, style.SMALL, "bold") <= room
    assert text.fit("cat", 1.4, style.SMALL) == "cat"


def test_a_shortened_file_name_keeps_its_ending() -> None:
    shown = text.fit_path("train/cat/" + "x" * 50 + "_0042.jpeg", 1.4, style.SMALL)
    assert shown.endswith("042.jpeg")
    assert text.ELLIPSIS in shown
    assert text.width(shown, style.SMALL) <= 1.4
