"""How the numbers of a chart are laid out, the same for the pictures and the page. Pure."""

from __future__ import annotations

import numpy as np

from tracin.analyze.read.scan import Float64Array

WIDE = 50.0
"""From this ratio of large to small on a linear axis hides the small: the axis is logarithmic."""

FEWEST_FOR_LOG = 8


def spans_decades(magnitudes: Float64Array) -> bool:
    """Whether scores of these sizes (zeros do not count) need a logarithmic axis."""
    sizes = magnitudes[magnitudes > 0]
    if len(sizes) < FEWEST_FOR_LOG:
        return False
    low, high = np.quantile(sizes, [0.05, 0.95])
    return bool(high > WIDE * low)
