"""CSV files that a person wrote: read row by row, and all wrong rows named at once. No pandas."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from tracin.errors import TracInError
from tracin.machine.refusals import refusal
from tracin.places import check_regular
from tracin.wording import count, remaining

ROWS_SHOWN = 10
"""Of those that are wrong."""

SURPLUS = "more cells than the first line"
"""The key of such cells in a row."""

Row = dict[str, str]
"""Cells by column, "" where the row is too short."""


def read_csv_rows(path: Path, needs: str) -> tuple[tuple[str, ...], list[tuple[int, Row]]]:
    """(the columns, (line from 1, cells) of each row that is not empty).

    Args:
        path: of the file.
        needs: what it must be, for the message: ``It needs the columns path,label``.

    Raises:
        FileNotFoundError: it is not there.
        TracInError: it cannot be read.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TracInError(refusal(error) or f"{path} cannot be read.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise TracInError(
            f"{path} is not a readable CSV file in UTF-8 ({error}). {needs}."
        ) from error


def _read(path: Path) -> tuple[tuple[str, ...], list[tuple[int, Row]]]:
    check_regular(path)
    # utf-8-sig: Excel begins its files with a byte-order mark.
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey=SURPLUS, restval="", strict=True)
        rows = [(reader.line_num, row) for row in reader if any(row.values())]
        return tuple(reader.fieldnames or ()), rows


def refuse_rows(path: Path, wrong: Sequence[str]) -> None:
    """Raise TracInError where rows are ``wrong``: (``line 3: its label is empty``, …)."""
    if not wrong:
        return
    rows = f"{count(len(wrong), 'row')} {'is' if len(wrong) == 1 else 'are'}"
    more = remaining(len(wrong), ROWS_SHOWN)
    named = [*wrong[:ROWS_SHOWN], *([more] if more else [])]
    raise TracInError(
        f"{path}: {rows} wrong, so nothing was done. Please correct:\n  " + "\n  ".join(named)
    )
