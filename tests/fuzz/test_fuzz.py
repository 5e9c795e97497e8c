"""A few hundred hostile inputs, the same ones each time; ``make fuzz`` tries thousands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.case import Case, Scratch
from tests.fuzz.families import FAMILIES
from tests.fuzz.oracle import judge
from tests.fuzz.play import play
from tests.fuzz.pristine import COMMANDS, QUICK_STEPS, Pristine, make_pristine
from tests.fuzz.watch import heard

CASES = {
    "results": 14,
    "json": 14,
    "checkpoints": 26,
    "store": 6,
    "images": 10,
    "decisions": 50,
    "lists": 20,
    "prepare": 50,
    "flags": 30,
}
"""By what a case costs: those that draw or compute are few."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pristine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tracin.what_if.head.FEWEST_STEPS", QUICK_STEPS)
        with heard():
            made = make_pristine(tmp_path_factory.mktemp("fuzz") / "pristine")
        yield made


def test_there_are_cases_of_every_family() -> None:
    assert set(CASES) == set(FAMILIES)
    assert sum(CASES.values()) == 220


@pytest.mark.parametrize("family", CASES)
def test_no_input_escapes(family: str, pristine: Pristine, tmp_path: Path) -> None:
    escapes = {}
    for seed in range(CASES[family]):
        verdict = play(family, seed, pristine, tmp_path / "case")
        if verdict.faults:
            escapes[f"--family {family} --seed {seed} --cases 1"] = verdict.faults
    assert not escapes


@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda _: 3, "exit 3"),
        (lambda _: print("the mean is nan") or 0, "says 'nan'"),
        (lambda _: 1, "not exactly one message"),
    ],
)
def test_the_judge_sees_what_must_not_be(
    act: object, fault: str, pristine: Pristine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "analyze", ("analyze_results.py", act))
    verdict = judge(Case("analyze", (), "none"), Scratch(tmp_path / "case", pristine))
    assert any(fault in each for each in verdict.faults)


def test_the_judge_sees_a_file_that_was_touched(
    pristine: Pristine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = Scratch(tmp_path / "case", pristine)
    elsewhere = tmp_path / "elsewhere"

    def touch(_: list[str]) -> int:
        (scratch.canary / "secret.txt").write_text("changed")
        elsewhere.write_text("new")
        return 0

    monkeypatch.setitem(COMMANDS, "analyze", ("analyze_results.py", touch))
    verdict = judge(Case("analyze", (), "none"), scratch)
    assert {f"touched {scratch.canary / 'secret.txt'}", f"touched {elsewhere}"} <= set(
        verdict.faults
    )
    assert verdict.astray
