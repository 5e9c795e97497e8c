"""Filters of the suspects by the other columns of a list of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracin.analyze.figures.summary import by_frequency
from tracin.analyze.read.list_columns import ListColumns
from tracin.wording import quotable

MOST_VALUES = 12
"""Of a column in the whole list; with more, it names images rather than kinds of them."""
MOST_COLUMNS = 6
"""That a row of filters has room for: the first of the list."""

NOTHING = "(empty)"


@dataclass(frozen=True)
class ColumnFilter:
    """A choice among the values of a column."""

    name: str
    values: tuple[tuple[str, int], ...]
    """(value, cards with it), most frequent first."""
    place: tuple[int, ...]
    """For each card the place of its value, from 1."""


def column_filters(columns: ListColumns, paths: Sequence[str]) -> tuple[ColumnFilter, ...]:
    """A filter for each column with few values, and two at least among the images ``paths``."""
    filters = []
    named = (
        (quotable(name), value_of) for name, value_of in columns.value_of.items() if name.strip()
    )
    for name, value_of in named:
        own = [quotable(value_of.get(path, "") or NOTHING) for path in paths]
        values = tuple(by_frequency(own))
        if len(values) > 1 and len(set(value_of.values())) <= MOST_VALUES:
            place = {value: at for at, (value, _) in enumerate(values, start=1)}
            filters.append(ColumnFilter(name, values, tuple(place[value] for value in own)))
    return tuple(filters[:MOST_COLUMNS])
