"""What is certain whatever the model thinks, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.read.same_pictures import SamePicture
from tracin.analyze.words.phrases import NAMED
from tracin.wording import count, first_few

CERTAIN = "Certain, whatever the model"


def certain_findings(overall: OverallSummary) -> Iterator[str]:
    """Pictures under two labels, then test images that are training images too."""
    conflicts, leaked = contradictions(overall), leaked_test_images(overall)
    pictures = len({pair.path for pair in conflicts})
    if pictures == 1:
        yield f"{CERTAIN}: {_pair(conflicts[0])} are the same picture under two labels."
    elif pictures:
        yield (
            f"{CERTAIN}: {count(pictures, 'picture')} stand under more than one label, such as "
            f"{_pair(conflicts[0])}."
        )
    if leaked:
        verb = "is a training image" if len(leaked) == 1 else "are training images"
        yield (
            f"{CERTAIN}: {len(leaked):,} of {count(overall.n_test, 'test image')} {verb} too, and "
            f"the accuracy counts {'it' if len(leaked) == 1 else 'them'}: "
            f"{first_few(leaked, NAMED)}."
        )


def certain_advice(overall: OverallSummary) -> Iterator[str]:
    """What to do about it."""
    conflicts, leaked = contradictions(overall), leaked_test_images(overall)
    if conflicts:
        more = f", then the {len(conflicts) - 1:,} other pairs" if len(conflicts) > 2 else ""
        more = ", then the other pair" if len(conflicts) == 2 else more
        yield (
            f"Correct one label of {_pair(conflicts[0])}{more}: one of the two is wrong, unless "
            "the picture shows both."
        )
    if leaked and len(leaked) == overall.n_test:
        yield (
            "Test on other images: every test image is a training image too, so that accuracy and "
            "scores tell nothing of images that the model has not seen."
        )
    elif leaked:
        them = "it" if len(leaked) == 1 else "them"
        yield (
            f"Take {first_few(leaked, NAMED)} out of the test or of the training folder: a model "
            f"that has seen {them} cannot be tested on {them}."
        )


def contradictions(overall: OverallSummary) -> list[SamePicture]:
    """The pairs that stand under two labels."""
    return [pair for pair in overall.same_pictures or () if pair.conflict]


def leaked_test_images(overall: OverallSummary) -> Sequence[str]:
    """Test images that are training images too, each once."""
    pairs = overall.same_pictures or ()
    return [*dict.fromkeys(pair.other_path for pair in pairs if pair.leak)]


def _pair(pair: SamePicture) -> str:
    return f"{pair.path} ({pair.label}) and {pair.other_path} ({pair.other_label})"
