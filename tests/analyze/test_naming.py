"""File names from any text."""

from __future__ import annotations

import pytest

from tracin.analyze.naming import LONGEST, safe_name, unique_names

NASTY = [
    *("", ".", "..", "...", " ", "/", "//", "../../etc/passwd", "a/b", "a\\b", "C:\\x", "C:"),
    *("\0", "\n", "tab\there", 'q"uote', "<script>", "a|b", "what?", "*", "CON", "nul.txt", "com1"),
    *(".hidden", "trailing.", "trailing ", "猫", "قطة", "🐱🦁", "\ud800", "x" * 400, "猫" * 200),
]


@pytest.mark.parametrize("name", NASTY)
def test_a_safe_name_is_one_ordinary_part_of_a_path(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\<>:"|?*\0\n\t')
    assert not safe.startswith(".")
    assert safe == safe.strip(" ").rstrip(".")
    assert len(safe.encode()) <= LONGEST + 1
    assert safe.split(".")[0].casefold() not in {"con", "nul", "com1"}


@pytest.mark.parametrize("name", ["cat", "guinea pig", "猫", "🐱", "it's", "$x_1$", "a.b.jpg"])
def test_an_ordinary_name_stays(name: str) -> None:
    assert safe_name(name) == name


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("x" * 300 + ".jpeg").endswith("x.jpeg")


def test_names_never_collide_whatever_the_case() -> None:
    names = [*NASTY, "Cat", "cat", "CAT", "cat_2", "a_b", "é", "e\u0301"]
    chosen = unique_names(names)
    assert list(chosen) == list(dict.fromkeys(names))
    assert len({name.casefold() for name in chosen.values()}) == len(chosen)
    assert chosen["a_b"] == "a_b"  # what is safe as it stands is not renamed for what is not
