"""The figures of one class in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tracin.analyze.figures.health import Health
from tracin.analyze.figures.summary import ClassSummary
from tracin.analyze.words.meaning import BLIND_SPOT
from tracin.analyze.words.phrases import NAMED, confusions_of, has, names, of_strongest
from tracin.results.schema import TRAIN_SUMMARY
from tracin.wording import count, first_few, listed, signed


def of_class(summary: ClassSummary, all_zero: bool) -> tuple[str, ...]:
    """Sentences about one class; ``all_zero``: every score of the run is zero."""
    of = f" of {summary.name}" if summary.is_class else ""
    findings = [] if summary.health is None else [health_sentence(summary.health, of)]
    if all_zero:
        zero = "Every score is zero: no training image helped or hurt these test images."
        return (zero, *findings)
    findings += [*_sums(summary), *_opponents(summary), *_proponents(summary)]
    if not summary.helpful:
        findings.append(
            f"No training image has a mean influence above zero: none helped the test images{of}."
        )
    if not summary.strongest:
        findings.append("No training image has a mean influence below zero.")
    return tuple(findings)


def health_sentence(health: Health, of: str) -> str:
    """The health score in words; ``of``: "" or, for one class, " of cat"."""
    if health.of_labels:
        return (
            f"{health.good:,} of {count(health.n, 'training label')}{of} "
            f"{'looks' if health.good == 1 else 'look'} right to the model: health {health}. "
            f"{_doubt(health, of)}{BLIND_SPOT}"
        )
    return (
        f"{health.good:,} of {count(health.n, 'test image')}{of} {has(health.good)} a mean "
        f"influence above zero: {health} helped on average. Without {TRAIN_SUMMARY} nothing can "
        "be said about the labels."
    )


def _doubt(health: Health, of: str) -> str:
    if not health.doubt:
        return ""
    proves = "" if health.band else ", so that this proves nothing"
    return f"The model is {health.doubt}{'' if health.doubt_of_all else of}{proves}. "


def _sums(summary: ClassSummary) -> Iterator[str]:
    """Which training classes helped and hurt most, all their images together."""
    if len(summary.by_label) < 2:
        return
    ordered = sorted(summary.by_label, key=lambda entry: entry[1])
    (worst, low, _), (best, high, _) = ordered[0], ordered[-1]
    helped = f"{best} helped most ({signed(high)})"
    hurt = f"{worst} hurt most ({signed(low)})"
    said = [*([helped] if high > 0 else []), *([hurt] if low < 0 else [])]
    if said:
        yield f"Of the training classes, each summed over its images, {listed(said)}."


def _opponents(summary: ClassSummary) -> Iterator[str]:
    if not summary.is_class or not summary.strongest:
        return
    for confusion in confusions_of(summary)[:1]:
        yield confusion.sentence
    own = [image for image in summary.strongest if image.label == summary.name]
    if own:
        are, kind = (
            ("is", "an unusual or mislabelled picture")
            if len(own) == 1
            else ("are", "unusual or mislabelled pictures")
        )
        yield (
            f"{of_strongest(len(own), summary)} {are} labelled {summary.name} all the same: "
            f"{kind}, {names(own)}."
        )
    wrong = [image for image in summary.strongest if image.suggested]
    if wrong:
        label = "a label that looks" if len(wrong) == 1 else "labels that look"
        pairs = [
            f"{image.name} (labelled {image.label}, looks like {image.suggested})"
            for image in wrong
        ]
        yield (
            f"{of_strongest(len(wrong), summary)} {has(len(wrong))} {label} wrong: "
            f"{first_few(pairs, NAMED)}."
        )


def _proponents(summary: ClassSummary) -> Iterator[str]:
    foreign = [image for image in summary.helpful if image.label not in (None, summary.name)]
    if summary.is_class and foreign:
        total = len(summary.helpful)
        which = (
            f"{len(foreign)} of the {total} most helpful training images"
            if total > 1
            else "The only helpful training image"
        )
        carry = "carries" if len(foreign) == 1 else "carry"
        named = first_few([f"{image.name} ({image.label})" for image in foreign], NAMED)
        yield f"{which} {carry} another label: {named}."
