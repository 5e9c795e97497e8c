"""Faults of tables: cells, rows, columns, the header, the way of writing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

Rows = list[list[str]]
"""The header first."""

CELLS = (
    *("", " ", "nan", "NaN", "inf", "-inf", "Infinity", "1e999", "-1e999", "1e-999", "-1", "-0.0"),
    *(
        "0",
        "1",
        "2",
        "0.5",
        "1.0",
        "2.5",
        "1e3",
        "0x10",
        "1_000",
        "+1",
        "٣",
        "1,5",
        "1e38",
        "3.5e38",
    ),
    *(
        "9" * 25,
        "9" * 5000,
        "1" + "0" * 400,
        "-" + "9" * 30,
        "9223372036854775807",
        "18446744073709551616",
    ),
    *(
        "True",
        "False",
        "true",
        "None",
        "NULL",
        "NA",
        "cat",
        "dog",
        "Cat",
        "bird",
        "=1+1",
        "'=1+1",
        "@x",
    ),
    *(
        "\0",
        "a\0b",
        "a\nb",
        "a\r\nb",
        "a\rb",
        '"',
        "a,b",
        "\x1b[31mred",
        "\u202eevil",
        "\ufeff",
        "é",
        "🐈",
    ),
    *("../../secret.txt", "/etc/passwd", "train/cat/../../x.jpg", "C:\\x.jpg", "train\\cat\\x.jpg"),
    *("train/cat/cat_00000.jpg", "test/dog/dog_00000.jpg", "x" * 300, "x" * 100_000, "2026-01-01"),
)


def _set_cell(random: Random, rows: Rows) -> None:
    row = random.choice(rows[1:] or rows)
    row[random.randrange(len(row))] = random.choice(CELLS)


def _set_cells(random: Random, rows: Rows) -> None:
    column, cell = random.randrange(len(rows[0])), random.choice(CELLS)
    for row in rows[1:]:
        row[column] = cell


def _swap_cells(random: Random, rows: Rows) -> None:
    first, second = random.choice(rows[1:] or rows), random.choice(rows[1:] or rows)
    column = random.randrange(len(rows[0]))
    first[column], second[column] = second[column], first[column]


def _drop_column(random: Random, rows: Rows) -> None:
    column = random.randrange(len(rows[0]))
    for row in rows:
        del row[column]


def _double_column(random: Random, rows: Rows) -> None:
    column = random.randrange(len(rows[0]))
    for row in rows:
        row.append(row[column])


def _swap_columns(random: Random, rows: Rows) -> None:
    first, second = random.randrange(len(rows[0])), random.randrange(len(rows[0]))
    for row in rows:
        row[first], row[second] = row[second], row[first]


def _index_column(_random: Random, rows: Rows) -> None:
    for number, row in enumerate(rows):
        row.insert(0, str(number - 1) if number else "")


def _rename_column(random: Random, rows: Rows) -> None:
    column = random.randrange(len(rows[0]))
    rows[0][column] = random.choice((*CELLS, rows[0][column].upper(), f" {rows[0][column]}"))


def _drop_row(random: Random, rows: Rows) -> None:
    del rows[random.randrange(len(rows))]


def _double_row(random: Random, rows: Rows) -> None:
    rows.append(list(random.choice(rows)))


def _shuffle_rows(random: Random, rows: Rows) -> None:
    rest = rows[1:]
    random.shuffle(rest)
    rows[1:] = rest


def _short_row(random: Random, rows: Rows) -> None:
    row = random.choice(rows)
    del row[random.randrange(len(row)) :]


def _long_row(random: Random, rows: Rows) -> None:
    random.choice(rows).extend(["1"] * random.randrange(1, 4))


def _blank_row(random: Random, rows: Rows) -> None:
    rows.insert(random.randrange(len(rows) + 1), random.choice(([], [""], [" "])))


def _only_header(_random: Random, rows: Rows) -> None:
    del rows[1:]


def _no_header(_random: Random, rows: Rows) -> None:
    del rows[0]


ROW_FAULTS: dict[str, Callable[[Random, Rows], None]] = {
    "a cell": _set_cell,
    "another cell": _set_cell,  # the fault of which there are most kinds
    "a third cell": _set_cell,
    "a column of one cell": _set_cells,
    "cells swapped": _swap_cells,
    "a column missing": _drop_column,
    "a column twice": _double_column,
    "columns swapped": _swap_columns,
    "an index column": _index_column,
    "a column renamed": _rename_column,
    "a row missing": _drop_row,
    "a row twice": _double_row,
    "rows shuffled": _shuffle_rows,
    "a short row": _short_row,
    "a long row": _long_row,
    "a blank row": _blank_row,
    "a header alone": _only_header,
    "no header": _no_header,
}


def damage_table(random: Random, path: Path) -> str:
    """Rewrite the table with one fault or two; return their names."""
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    names = random.sample(list(ROW_FAULTS), random.choice((1, 1, 1, 2)))
    for name in names:
        if rows and all(rows):
            with suppress(IndexError):  # of a row that the fault before made short
                ROW_FAULTS[name](random, rows)
    text = io.StringIO()
    delimiter = ",;\t"[random.choice((0,) * 18 + (1, 2))]
    csv.writer(text, lineterminator="\n", delimiter=delimiter).writerows(rows)
    content = text.getvalue()
    if random.random() < 0.05:
        place = random.randrange(len(content) + 1)
        content, names = content[:place] + '"' + content[place:], [*names, "an open quote"]
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    return " and ".join(names)
