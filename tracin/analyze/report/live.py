"""What the page computes suspicion with anew, after each decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict

from tracin.analyze.report.analysis import Analysis
from tracin.results.schema import SUSPICION_CUT
from tracin.results.suspect_factors import SuspectFactors


def factors_of(analysis: Analysis, paths: Collection[str]) -> SuspectFactors | None:
    """The factors of the suspects at ``paths``; None where the file has others, or is not there."""
    factors, run = analysis.tables.suspect_factors, analysis.inputs.run
    if factors is None or run is None or run.class_names != factors.class_names:
        return None
    return factors if set(factors.paths) == set(paths) else None


def live_data(factors: SuspectFactors, number_of: Mapping[str, int]) -> dict[str, object]:
    """What the script needs; ``number_of``: the page's images by path."""
    return {
        "images": [number_of[path] for path in factors.paths],
        "given": factors.given,
        "width": factors.width,
        "labels": factors.labels,
        "counts": factors.counts,
        "checkpoints": [asdict(each) for each in factors.checkpoints],
        "cut": SUSPICION_CUT,
    }
