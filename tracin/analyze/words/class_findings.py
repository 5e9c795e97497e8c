"""The figures of one class in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tracin.analyze.figures.summary import ClassSummary
from tracin.analyze.words.phrases import FEWEST, MANY, NAMED, Confusion, names, strongest_of
from tracin.wording import listed, signed


def of_class(one: ClassSummary, all_zero: bool) -> tuple[str, ...]:
    """Sentences about one class; ``all_zero``: every score of the run is zero."""
    if all_zero:
        return ("Every score is zero: no training image helped or hurt these test images.",)
    whose = f"test images of {one.name}" if one.is_class else "test images"
    health = one.health
    findings = [
        f"{health.positive:,} of {health.n:,} {whose} have a mean influence above zero: "
        f"health {health}."
    ]
    findings += [*_sums(one), *_opponents(one), *_proponents(one)]
    if not one.helpful:
        findings.append(f"No training image has a mean above zero: none helped the {whose}.")
    if not one.strongest:
        findings.append("No training image has a mean below zero: nothing to correct here.")
    return tuple(findings)


def _sums(one: ClassSummary) -> Iterator[str]:
    """Which training classes helped and hurt most, all their images together."""
    if len(one.by_label) < 2:
        return
    ordered = sorted(one.by_label, key=lambda entry: entry[1])
    (worst, low, _), (best, high, _) = ordered[0], ordered[-1]
    helped = f"those labelled {best} helped most ({signed(high)})"
    hurt = f"those labelled {worst} hurt most ({signed(low)})"
    said = [*([helped] if high > 0 else []), *([hurt] if low < 0 else [])]
    if said:
        yield f"Of the training classes, each summed over its images, {listed(said)}."


def _opponents(one: ClassSummary) -> Iterator[str]:
    if not one.is_class or not one.strongest:
        return
    foreign = [(label, n) for label, n in one.opponent_labels if label != one.name]
    if foreign and foreign[0][1] >= max(FEWEST, MANY * len(one.strongest)):
        label = foreign[0][0]
        images = tuple(image for image in one.strongest if image.label == label)
        yield Confusion(one, label, images).sentence
    own = [image for image in one.strongest if image.label == one.name]
    if own:
        are = "is" if len(own) == 1 else "are"
        kind = (
            "an unusual or mislabelled picture"
            if len(own) == 1
            else ("unusual or mislabelled pictures")
        )
        yield (
            f"{len(own)} of {strongest_of(one)} {are} labelled {one.name} all the same: {kind}, "
            f"{names(own)}."
        )
    wrong = [image for image in one.strongest if image.suggested]
    if wrong:
        yield (
            f"The labels of {len(wrong)} of {strongest_of(one)} look wrong: "
            + listed(
                [
                    f"{image.name} ({image.label}, rather {image.suggested})"
                    for image in wrong[:NAMED]
                ]
            )
            + "."
        )


def _proponents(one: ClassSummary) -> Iterator[str]:
    foreign = [image for image in one.helpful if image.label not in (None, one.name)]
    if one.is_class and foreign:
        yield (
            f"{len(foreign)} of the {len(one.helpful)} most helpful carry another label: "
            + listed([f"{image.name} ({image.label})" for image in foreign[:NAMED]])
            + "."
        )
