"""Numbers, counts and lists that read well."""

from __future__ import annotations

import pytest

from tracin.wording import count, first_few, listed, number, power_of_ten, signed


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


def test_lists() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_counts() -> None:
    assert count(0, "image") == "0 images"
    assert count(1, "class") == "1 class"
    assert count(1200, "class") == "1,200 classes"


def test_a_list_that_is_cut_says_how_many_more() -> None:
    names = [str(number) for number in range(1, 1301)]
    assert first_few([]) == ""
    assert first_few(names[:1]) == "1"
    assert first_few(names[:5]) == "1, 2, 3, 4 and 5"
    assert first_few(names[:6]) == "1, 2, 3, 4, 5 and 1 more"
    assert first_few(names, most=2) == "1, 2 and 1,298 more"
