"""The answers of --what_if so far, kept as a table beside the scores that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tracin.errors import TracInError
from tracin.results import schema
from tracin.temporary import replacing
from tracin.what_if.change import Question
from tracin.what_if.verdict import Verdict, signed_points
from tracin.wording import first_sentence

SHOWN = 5
"""So many earlier answers are told beside a new one."""

_OF_QUESTION = ("actions", "deleted", "relabelled", "test_deleted", "test_relabelled")
_AS_THEY_STAND = ("accuracy_random", "accuracy_changed", "difference", "low", "high", "verdict")
"""Columns that are attributes of the question, and of the answer."""


@dataclass(frozen=True)
class Answer:
    """A question and what came of it, in figures."""

    asked: datetime
    question: Question
    accuracy_random: float
    """0 to 1, with as many images removed at random."""
    accuracy_changed: float
    difference: float
    """Percentage points; positive = the change is better."""
    low: float
    high: float
    """Ends of its 95 % interval."""
    verdict: str
    run_id: str = ""
    """Of the run whose results were asked; "" where an earlier version ran."""

    @property
    def when(self) -> str:
        """``2026-03-01 14:05``, by this machine's clock."""
        return f"{self.asked.astimezone():%Y-%m-%d %H:%M}"

    @property
    def name(self) -> str:
        """What was asked, with the file of the actions."""
        if not self.question.actions:
            return self.question.name
        test = ", test images corrected" if self.question.test_note else ""
        return f"{self.question.name} ({self.question.actions}{test})"

    @property
    def accuracies(self) -> str:
        """``91.2% → 93.4%``: with random removals, and with the change."""
        return f"{self.accuracy_random:.1%} → {self.accuracy_changed:.1%}"

    @property
    def points(self) -> str:
        """``+2.20 (+0.90 to +3.50)``"""
        interval = f"{signed_points(self.low)} to {signed_points(self.high)}"
        return f"{signed_points(self.difference)} ({interval})"


def answer_of(question: Question, verdict: Verdict, run_id: str) -> Answer:
    """What is kept of ``verdict``, asked now about the run ``run_id``."""
    low, high = verdict.interval
    return Answer(
        asked=datetime.now(UTC).replace(microsecond=0),
        question=question,
        accuracy_random=float(verdict.at_random.mean()),
        accuracy_changed=float(verdict.changed.mean()),
        difference=verdict.mean,
        low=low,
        high=high,
        verdict=verdict.finding,
        run_id=run_id,
    )


def read_answers(results_dir: Path) -> tuple[Answer, ...]:
    """The answers kept in ``results_dir``, the latest last; none where there is no table.

    Raises:
        TracInError: the table is damaged.
    """
    path = results_dir / schema.WHAT_IF_ANSWERS
    if not path.exists():
        return ()
    try:
        table = schema.read_table(results_dir, schema.WHAT_IF_ANSWERS)
        return tuple(_answer(row) for row in table.to_dict("records"))
    except (TracInError, ValueError) as error:
        raise TracInError(
            f"{path}, the table of earlier answers, is damaged. Correct or remove it "
            f"({first_sentence(error)})."
        ) from error


def _answer(row: Mapping[Any, Any]) -> Answer:
    return Answer(
        asked=datetime.fromisoformat(row["asked"]),
        # Earlier versions decided about no test image and kept no run, and lack those columns.
        question=Question(**{name: row[name] for name in _OF_QUESTION if name in row}),
        run_id=row.get("run_id", ""),
        **{name: row[name] for name in _AS_THEY_STAND},
    )


def write_answers(results_dir: Path, answers: Sequence[Answer]) -> None:
    """Replace the table in ``results_dir`` by one of these ``answers``, the latest last."""
    rows = [
        {
            "asked": answer.asked.isoformat(),
            **{name: getattr(answer.question, name) for name in _OF_QUESTION},
            **{name: getattr(answer, name) for name in _AS_THEY_STAND},
            "run_id": answer.run_id,
        }
        for answer in answers
    ]
    name = schema.WHAT_IF_ANSWERS
    with replacing(results_dir / name) as temporary:
        schema.write_table(results_dir, name, pd.DataFrame(rows), file_name=temporary.name)


def last_answers(answers: Sequence[Answer], run_id: str) -> tuple[Answer, ...]:
    """Those of the ``answers`` about the run ``run_id`` that are told, the latest first.

    A new run takes the table of the former one away, but not where a person has changed it.
    """
    about = [answer for answer in answers if answer.run_id == run_id]
    return tuple(reversed(about[-SHOWN:]))


def answer_lines(answers: Sequence[Answer]) -> Iterator[str]:
    """A table of ``answers`` for the console; nothing of none."""
    if not answers:
        return
    header = ("asked", "random → changed", "difference (95% interval)", "verdict", "change")
    rows = [(each.when, each.accuracies, each.points, each.verdict, each.name) for each in answers]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    yield "Earlier answers"
    for row in (header, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells).rstrip()}"
