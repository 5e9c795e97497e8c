"""Earlier answers stay, in a table that is replaced whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.what_if.test_verdict import verdict_of
from tracin.errors import TracInError
from tracin.results import schema
from tracin.what_if.answers import (
    SHOWN,
    Answer,
    answer_lines,
    answer_of,
    last_answers,
    read_answers,
    write_answers,
)
from tracin.what_if.change import Question

ANSWER = Answer(
    asked=datetime(2026, 3, 1, 14, 5, tzinfo=UTC),
    question=Question(deleted=2, relabelled=1, actions="actions.csv"),
    accuracy_random=0.75,
    accuracy_changed=0.875,
    difference=12.5,
    low=-2.25,
    high=27.5,
    verdict="within the noise",
    run_id="a1",
)
"""Its figures are float32's."""


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_answers(tmp_path) == ()
    answers = (ANSWER, replace(ANSWER, question=Question(50, 0), verdict="helps"))
    write_answers(tmp_path, answers)
    assert read_answers(tmp_path) == answers
    assert [path.name for path in tmp_path.iterdir()] == [schema.WHAT_IF_ANSWERS]
    assert (tmp_path / schema.WHAT_IF_ANSWERS).read_text().splitlines()[:2] == [
        "asked,actions,deleted,relabelled,accuracy_random,accuracy_changed,difference,low,high,"
        "verdict,run_id,test_deleted,test_relabelled",
        "2026-03-01T14:05:00+00:00,actions.csv,2,1,0.75,0.875,12.5,-2.25,27.5,"
        "within the noise,a1,0,0",
    ]


def test_a_verdict_becomes_an_answer() -> None:
    verdict = verdict_of(95, 80)
    answer = answer_of(Question(5, 0), verdict, "b2")
    assert (answer.accuracy_random, answer.accuracy_changed) == pytest.approx((0.80, 0.95))
    assert answer.difference == pytest.approx(15.0)
    assert (answer.low, answer.high) == verdict.interval
    assert answer.verdict == "helps"


@pytest.mark.parametrize(
    "content", ["asked,actions\n", "", "{}\nyesterday,,1,0,0.5,0.5,0,0,0,helps,\n"]
)
def test_a_damaged_table_is_named(tmp_path: Path, content: str) -> None:
    write_answers(tmp_path, [ANSWER])
    path = tmp_path / schema.WHAT_IF_ANSWERS
    path.write_text(content.format(path.read_text().splitlines()[0]))
    with pytest.raises(TracInError, match=r"earlier answers, is damaged. Correct or remove it"):
        read_answers(tmp_path)


def test_answers_of_an_earlier_version_are_about_no_known_run(tmp_path: Path) -> None:
    write_answers(tmp_path, [ANSWER])
    path = tmp_path / schema.WHAT_IF_ANSWERS
    path.write_text(path.read_text().replace(",run_id", "").replace(",a1", ""))
    assert read_answers(tmp_path) == (replace(ANSWER, run_id=""),)


def test_the_last_few_are_told_the_latest_first() -> None:
    answers = [replace(ANSWER, question=Question(number, 0)) for number in range(1, SHOWN + 3)]
    answers.append(replace(ANSWER, run_id="of another run"))
    told = last_answers(answers, ANSWER.run_id)
    assert [answer.question.deleted for answer in told] == [7, 6, 5, 4, 3]
    lines = list(answer_lines(told))
    assert len(lines) == SHOWN + 2
    assert lines[0] == "Earlier answers"
    assert " ".join(lines[2].split()).endswith(
        "75.0% → 87.5% +12.50 (−2.25 to +27.50) within the noise without the 7 most suspicious "
        "training images"
    )
    assert list(answer_lines(())) == []


@pytest.mark.parametrize(
    ("question", "name"),
    [
        (Question(1, 0), "without the most suspicious training image"),
        (Question(2, 0, "a.csv"), "with 2 images deleted"),
        (Question(0, 1, "a.csv"), "with 1 image relabelled"),
        (Question(3, 1, "a.csv"), "with 1 image relabelled and 3 deleted"),
    ],
)
def test_a_question_has_a_name(question: Question, name: str) -> None:
    assert question.name == name
