"""Numbers, counts and lists read well."""

from __future__ import annotations

import os
import subprocess

import pytest

from tracin.wording import (
    count,
    duration,
    first_few,
    first_sentence,
    for_the_shell,
    listed,
    noun_for,
    number,
    power_of_ten,
    quotable,
    remaining,
    signed,
    visible,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.01234, "+0.0123"),
        (-0.01234, "−0.0123"),
        (1.0, "+1.00"),
        (0.9999, "+1.00"),
        (0.000999999, "+0.00100"),
        (-4.5678e-7, "−4.57×10⁻⁷"),
        (9.999e-8, "+1.00×10⁻⁷"),
        (123.4, "+123"),
        (12345.6, "+12,346"),
        (1.5e12, "+1.50×10¹²"),
    ],
)
def test_scores_have_a_sign_and_three_digits(value: float, shown: str) -> None:
    assert signed(value) == shown


def test_numbers() -> None:
    assert (number(-2.5), number(0), power_of_ten(-10)) == ("−2.50", "0", "10⁻¹⁰")


@pytest.mark.parametrize(
    ("n", "noun", "text"),
    [
        (0, "image", "0 images"),
        (1, "image", "1 image"),
        (1200, "training image", "1,200 training images"),
        (2, "process", "2 processes"),
        (1, "class", "1 class"),
        (1200, "class", "1,200 classes"),
    ],
)
def test_one_is_told_as_one(n: int, noun: str, text: str) -> None:
    assert count(n, noun) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("", ""),
        ("a", "a"),
        ("abc", "a, b and c"),
        ("abcd", "a, b, c and 1 more"),
        ("a" * 1203, "a, a, a and 1,200 more"),
    ],
)
def test_a_list_that_is_cut_says_so(names: str, text: str) -> None:
    assert first_few(list(names), limit=3) == text


def test_lists() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_the_rest_of_a_list_on_lines_of_its_own() -> None:
    assert [remaining(n, shown=3) for n in (0, 3, 4, 1203)] == ["", "", "1 more", "1,200 more"]


def test_a_noun_without_its_number() -> None:
    assert [noun_for(n, "page") for n in (0, 1, 2)] == ["pages", "page", "pages"]
    assert noun_for(2, "class") == "classes"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (20.2, "20 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (36_000, "10.0 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_a_terminal_would_act_on_is_written_out() -> None:
    assert visible("\x1b]0;pwned\x07 a\rb\x9b \u202e\udce9 \x7f") == (
        r"\x1b]0;pwned\x07 a\x0db\u009b \u202e\xe9 \x7f"
    )
    plain = "two\nlines, a\ttab, é, 猫, שלום, \u200e →"
    assert visible(plain) == plain
    assert listed(["a\nWarning: b", "c\x1b"]) == r"a\nWarning: b and c\x1b"


@pytest.mark.parametrize(
    "name",
    ["plain", "two words", "it's", "-x", "$(rm x)", "a\nb", "\x1b[31m", "\\ '\r", "caf\udce9"],
)
def test_a_path_comes_back_from_the_shell(name: str) -> None:
    word = for_the_shell(name)
    assert visible(word) == word and "\n" not in word
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert os.fsdecode(said.stdout).removeprefix("./") == name


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("x.csv has no 1.5. Go on.\nMore", "x.csv has no 1.5"),
        ("one line\nanother", "one line"),
        ("done.", "done"),
        ("", ""),
    ],
)
def test_the_first_sentence_of_what_a_library_says(said: str, first: str) -> None:
    assert first_sentence(said) == first


def test_a_value_from_a_file_is_quoted_in_brief() -> None:
    assert quotable(("cat", 3)) == "('cat', 3)"
    assert quotable("x" * 80) == "x" * 80
    assert quotable("x" * 9999 + "y" * 9999) == "x" * 40 + "…" + "y" * 40
