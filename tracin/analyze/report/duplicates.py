"""The section "Duplicates": the same picture twice: under two labels, or in training and test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tracin.analyze.report.analysis import Analysis, PagePicture, why_empty
from tracin.analyze.words import meaning
from tracin.results import schema
from tracin.wording import count

MOST_SHOWN = 200


@dataclass(frozen=True)
class Copy:
    """One picture of a pair."""

    path: str
    label: str
    is_test: bool


@dataclass(frozen=True)
class DuplicatePair:
    """Two pictures that are the same, or nearly."""

    first: Copy
    """A training image."""
    second: Copy
    likeness: str
    identical: bool
    labels_differ: bool
    leak: bool
    """The second is a test image."""
    says: str

    def pictures(self) -> Iterator[PagePicture]:
        """Both."""
        for copy in (self.first, self.second):
            yield PagePicture(copy.path, copy.label, copy.is_test)

    @property
    def certain(self) -> bool:
        """Whether something is wrong whatever the model thinks."""
        return self.identical and (self.labels_differ or self.leak)

    @property
    def severity(self) -> int:
        """0 is worst: a label that is wrong for certain."""
        worst_first = (
            self.identical and self.labels_differ,
            self.identical and self.leak,
            self.labels_differ,
            self.leak,
            self.identical,
            True,
        )
        return worst_first.index(True)


@dataclass(frozen=True)
class DuplicateSection:
    """The pairs, the worst first, and what they mean for the accuracy."""

    shown: tuple[DuplicatePair, ...]
    total: int
    conflicts: int
    """Pictures that stand under several labels, pixel by pixel."""
    leaked: int
    """Test images that are training images too, pixel by pixel."""
    accuracy: str
    """A sentence: with and without them; "" where nothing leaked or no file tells."""
    missing: str = ""

    def pictures(self) -> Iterator[PagePicture]:
        """All, the worst pairs first."""
        for pair in self.shown:
            yield from pair.pictures()


def duplicates_section(analysis: Analysis) -> DuplicateSection:
    """The pairs of a run that look the same."""
    table = analysis.tables.duplicates
    if table is None:
        why = why_empty(schema.DUPLICATES, "Pictures that occur twice")
        return DuplicateSection((), 0, 0, 0, "", why)
    pairs = all_pairs(analysis)
    leaked = {pair.second.path for pair in pairs if pair.leak and pair.identical}
    return DuplicateSection(
        shown=tuple(pairs[:MOST_SHOWN]),
        total=len(pairs),
        conflicts=len({pair.first.path for pair in pairs if pair.identical and pair.labels_differ}),
        leaked=len(leaked),
        accuracy=_accuracy(analysis, leaked),
    )


def all_pairs(analysis: Analysis) -> list[DuplicatePair]:
    """The pairs of a run, the worst first; none where no file tells."""
    table = analysis.tables.duplicates
    if table is None:
        return []
    columns = ("kind", "path_a", "class_a", "path_b", "class_b", "similarity", "identical_pixels")
    pairs = [
        _pair(str(kind), (str(a), str(class_a)), (str(b), str(class_b)), float(alike), bool(same))
        for kind, a, class_a, b, class_b, alike, same in zip(
            *(table[name] for name in columns), strict=True
        )
    ]
    return sorted(pairs, key=lambda pair: pair.severity)


def _pair(
    kind: str, a: tuple[str, str], b: tuple[str, str], similarity: float, identical: bool
) -> DuplicatePair:
    leak, differ = kind == schema.TRAIN_TEST, a[1] != b[1]
    return DuplicatePair(
        first=Copy(*a, is_test=False),
        second=Copy(*b, is_test=leak),
        likeness="identical pixels"
        if identical
        else f"cosine {meaning.cosine(similarity)}, pixels differ",
        identical=identical,
        labels_differ=differ,
        leak=leak,
        says=_says(identical=identical, differ=differ, leak=leak),
    )


def _says(*, identical: bool, differ: bool, leak: bool) -> str:
    same = "The same picture" if identical else "Nearly the same picture"
    wrong = "one of the two is wrong, unless it shows both" if identical else "one may be wrong"
    if differ and leak:
        return f"{same} in training and test, under two labels: {wrong}."
    if differ:
        return f"{same} under two labels: {wrong}."
    if leak:
        counts = "counts an image the model has seen" if identical else "may count what it has seen"
        return f"{same} in training and test: the accuracy {counts}."
    return f"{same} twice in training: it counts twice."


def _accuracy(analysis: Analysis, leaked: set[str]) -> str:
    test = analysis.inputs.test
    if not leaked or test.correct is None or test.paths is None:
        return ""
    kept = [
        right for path, right in zip(test.paths, test.correct, strict=True) if path not in leaked
    ]
    whole = meaning.percent(float(test.correct.mean()))
    if not kept:
        return "Every test image is in the training set too, so the accuracy says nothing."
    return (
        f"Test accuracy is {whole} on all {count(len(test.paths), 'test image')}, and "
        f"{meaning.percent(sum(kept) / len(kept))} on the {len(kept):,} that are not in the "
        "training set."
    )
