"""Two runs side by side, image by image, joined by path. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tracin.analyze.read.judged_run import JudgedRun
from tracin.intervals import paired_interval, wilson_interval
from tracin.results.schema import SUSPICION_CUT


@dataclass(frozen=True)
class PairedAccuracy:
    """How often two models are right on the same test images."""

    n: int
    """Test images that both runs have, with the same label."""
    right_before: int
    right_now: int
    mended: int
    """Right now alone."""
    spoilt: int
    """Right before alone."""

    @property
    def difference(self) -> float:
        """In shares, −1 to 1; positive = better now. n must not be 0."""
        return (self.right_now - self.right_before) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference, over the choice of test images."""
        return paired_interval(self.mended, self.spoilt, self.n)


@dataclass(frozen=True)
class HealthShare:
    """Training labels of one run that do not look wrong to its model."""

    good: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        return wilson_interval(self.good, self.n)


@dataclass(frozen=True)
class ClassComparison:
    """One class in both runs."""

    name: str
    accuracy: PairedAccuracy
    health_before: HealthShare | None
    """None: withheld, or the run has no training image with this label."""
    health_now: HealthShare | None


@dataclass(frozen=True)
class Comparison:
    """This run beside an earlier one."""

    before: str
    """The other run's folder."""
    accuracy: PairedAccuracy
    only_before: int
    """Test images that the other run has alone."""
    only_now: int
    relabelled: int
    """Test images of both runs under two labels: left out of every figure."""
    health_before: HealthShare | None
    health_now: HealthShare | None
    classes: tuple[ClassComparison, ...]
    mended: tuple[str, ...]
    """Paths of test images that are right now alone."""
    spoilt: tuple[str, ...]
    suspects_cleared: tuple[str, ...]
    """Suspects of the other run that are still there, and look right now."""
    suspects_removed: tuple[str, ...]
    """Suspects of the other run whose path this run does not have."""
    suspects_new: tuple[str, ...]
    withheld: bool
    """One of the two models cannot judge: nothing is said of labels."""


def compare(before: JudgedRun, now: JudgedRun) -> Comparison:
    """What changed from one run to the other."""
    both = before.test.add_suffix("_before").join(now.test.add_suffix("_now"), how="inner")
    same = both["test_class_before"] == both["test_class_now"]
    shared = both[same]
    right_before, right_now = (shared[f"correct_{side}"].astype(bool) for side in ("before", "now"))
    withheld = not (before.can_judge and now.can_judge)
    gone = _missing(_suspects(before), _suspects(now))
    names = sorted({*before.test["test_class"], *now.test["test_class"]})
    return Comparison(
        before=str(before.folder),
        accuracy=_accuracy(shared),
        only_before=len(before.test.index.difference(now.test.index)),
        only_now=len(now.test.index.difference(before.test.index)),
        relabelled=int((~same).sum()),
        health_before=_health(before, withheld),
        health_now=_health(now, withheld),
        classes=tuple(
            ClassComparison(
                name,
                _accuracy(shared[shared["test_class_now"] == name]),
                _health(before, withheld, name),
                _health(now, withheld, name),
            )
            for name in names
        ),
        mended=_paths(shared, ~right_before & right_now),
        spoilt=_paths(shared, right_before & ~right_now),
        suspects_cleared=() if withheld else tuple(p for p in gone if p in now.train.index),
        suspects_removed=() if withheld else tuple(p for p in gone if p not in now.train.index),
        suspects_new=() if withheld else _missing(_suspects(now), _suspects(before)),
        withheld=withheld,
    )


def _accuracy(shared: pd.DataFrame) -> PairedAccuracy:
    before, now = (shared[f"correct_{side}"].astype(bool) for side in ("before", "now"))
    return PairedAccuracy(
        n=len(shared),
        right_before=int(before.sum()),
        right_now=int(now.sum()),
        mended=int((~before & now).sum()),
        spoilt=int((before & ~now).sum()),
    )


def _health(run: JudgedRun, withheld: bool, name: str | None = None) -> HealthShare | None:
    train = run.train if name is None else run.train[run.train["train_class"] == name]
    if withheld or not len(train):
        return None
    return HealthShare(int((train["suspicion"] < SUSPICION_CUT).sum()), len(train))


def _suspects(run: JudgedRun) -> tuple[str, ...]:
    """All of a run, most suspicious first, also those that --max_suspects kept off its list."""
    suspicion = run.train["suspicion"].sort_values(ascending=False, kind="stable")
    return tuple(suspicion.index[suspicion >= SUSPICION_CUT])


def _missing(paths: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``paths`` that are not among ``others``, in their order."""
    known = set(others)
    return tuple(path for path in paths if path not in known)


def _paths(table: pd.DataFrame, chosen: pd.Series[bool]) -> tuple[str, ...]:
    found: Sequence[str] = sorted(table.index[chosen])
    return tuple(found)
