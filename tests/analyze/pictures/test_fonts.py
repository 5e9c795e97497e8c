"""Every script is drawn, or □ for it, and never with a warning."""

from __future__ import annotations

import matplotlib as mpl
import pytest
from matplotlib.font_manager import findfont

from tracin.analyze.pictures import fonts, style


def test_latin_arabic_hebrew_and_cyrillic_need_one_font() -> None:
    assert fonts.families_for(["cat", "قطة", "חתול", "кошка", "γάτα"]) == (fonts.BASE,)


def test_a_character_of_no_font_becomes_a_square(monkeypatch: pytest.MonkeyPatch) -> None:
    private = "\U000f0000"
    assert fonts.characters_lacking([private, "a\n"], [fonts.BASE]) == private
    with style.applied_style([private]):
        assert fonts.drawable(f"a{private}b\nc") == f"a{fonts.MISSING}b c"


def test_a_font_that_has_the_characters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    have = {fonts.BASE: frozenset(map(ord, "abc")), "A": frozenset({1}), "B": frozenset({0x732B})}
    monkeypatch.setattr(fonts, "_faces", lambda: dict.fromkeys(have, ""))
    monkeypatch.setattr(fonts, "_look_for_new_fonts", lambda: None)
    monkeypatch.setattr(fonts, "_characters", lambda name: have[name])
    assert fonts.families_for(["abc"]) == (fonts.BASE,)
    assert fonts.families_for(["a猫"]) == (fonts.BASE, "B")
    assert fonts.families_for(["a猫狗"]) == (fonts.BASE, "B")
    assert fonts.characters_lacking(["a猫狗"], ["B", fonts.BASE]) == "狗"


def test_invisible_characters_are_not_missed() -> None:
    assert fonts.characters_lacking(["\u200d\ufe0f\u2068 \t"], [fonts.BASE]) == ""


def test_a_path_with_a_right_to_left_name_keeps_its_order() -> None:
    with style.applied_style():
        shown = fonts.drawable("train/قطة/1.jpg")
    assert shown.replace("\u200e", "") == "train/قطة/1.jpg"
    assert shown.startswith("\u200e")
    assert "/\u200e1.jpg" in shown


def test_settings_last_as_long_as_the_block() -> None:
    before = dict(mpl.rcParams)
    with style.applied_style(["cat"]) as families:
        assert families == (fonts.BASE,)
        assert mpl.rcParams["font.family"] == [fonts.BASE]
    assert dict(mpl.rcParams) == before


def test_the_last_resort_font_is_not_taken_for_a_font() -> None:
    fonts._look_for_new_fonts()
    assert not [name for name in fonts._faces() if name.startswith("Last Resort")]
    assert findfont(fonts.BASE, fallback_to_default=False)
