"""The best one-to-one assignment (Kuhn 1955, "The Hungarian method"). Pure.

SciPy has it, too, and nothing else here needs SciPy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

EXACT = 500
"""Classes: up to here a match takes a second or two."""


def best_assignment(gain: Int64Array) -> Int64Array:
    """(C,): a column of its own for each row, so that the chosen cells sum to the most.

    Rows are added one by one, each along the path of changes that costs least (Jonker and Volgenant
    1987); C³ steps in all, C of them at once.

    Beyond ``EXACT`` rows, where that takes minutes, the largest cells are taken one by one instead:
    the same wherever most of each row stands in one cell.

    Args:
        gain: (C, C)
    """
    if len(gain) > EXACT:
        return _largest_first(gain)
    size = len(gain)
    cost = -gain.astype(np.float64)
    # Column 0 is a place for the row that is being added; rows count from 1, and 0 is no row.
    of_row, of_column = np.zeros(size + 1), np.zeros(size + 1)
    row_at = np.zeros(size + 1, dtype=np.int64)
    for row in range(1, size + 1):
        row_at[0], column = row, 0
        reached = np.zeros(size + 1, dtype=bool)
        distance = np.full(size + 1, np.inf)
        before = np.zeros(size + 1, dtype=np.int64)
        while row_at[column]:
            reached[column] = True
            here = row_at[column]
            step = np.append(np.inf, cost[here - 1] - of_row[here] - of_column[1:])
            nearer = ~reached & (step < distance)
            distance[nearer], before[nearer] = step[nearer], column
            column = int(np.where(reached, np.inf, distance).argmin())
            least = distance[column]
            of_row[row_at[reached]] += least
            of_column[reached] -= least
            distance[~reached] -= least
        while column:
            row_at[column], column = row_at[before[column]], before[column]
    assigned = np.empty(size, dtype=np.int64)
    assigned[row_at[1:] - 1] = np.arange(size)
    return assigned


def _largest_first(gain: Int64Array) -> Int64Array:
    rows, columns = np.nonzero(gain)
    assigned, taken = np.full(len(gain), -1), np.zeros(len(gain), dtype=bool)
    for at in np.argsort(-gain[rows, columns], kind="stable"):
        row, column = rows[at], columns[at]
        if assigned[row] < 0 and not taken[column]:
            assigned[row], taken[column] = column, True
    assigned[assigned < 0] = np.flatnonzero(~taken)
    return assigned
