"""The figures of a run in words: what was found, and what to look at. Pure.

Scores say that training signals are similar and estimate an effect; no sentence says "caused".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from tracin.analyze.figures.health import GOOD_FROM
from tracin.analyze.figures.summary import OverallSummary
from tracin.analyze.words.certain import certain_advice, certain_findings
from tracin.analyze.words.class_findings import health_sentence, of_class
from tracin.analyze.words.phrases import FEWEST, NAMED, Confusion, confusions_of, names
from tracin.intervals import wilson_interval
from tracin.model_check import FEWEST_TO_JUDGE, ModelCheck
from tracin.results.schema import SUSPECTS, TEST_SUSPECTS
from tracin.wording import count, first_few


@dataclass(frozen=True)
class Words:
    """What is said about a run."""

    findings: tuple[str, ...]
    recommendations: tuple[str, ...]
    by_class: dict[str, tuple[str, ...]]


def in_words(overall: OverallSummary, drawn: Collection[str] | None = None) -> Words:
    """The sentences about a run, the same for the pictures, the console and the report.

    Args:
        overall: the figures.
        drawn: the classes that have a page; None: all.
    """
    by_class = {summary.name: of_class(summary, overall.all_zero) for summary in overall.classes}
    if overall.all_zero and overall.can_judge:
        return Words(
            (
                *certain_findings(overall),
                "Every score is zero: no training image helped or hurt any test image.",
                *_health(overall),
                *_misclassified(overall),
            ),
            (
                *certain_advice(overall),
                "Check that the learning rate is above zero, and that the checkpoint is the one "
                "to be analysed: a model with no training loss left gives such scores.",
            ),
            by_class,
        )
    if overall.check is not None and not overall.can_judge:
        return _withheld(overall.check, overall)
    confusions = _confusions(overall)
    findings = [
        *_weakness(overall),
        *certain_findings(overall),
        *_told(_ABOUT_ALL, overall),
        *(confusion.sentence for confusion in confusions[:2]),
        *_busiest_opponent(overall),
    ]
    weak = overall.check is not None and bool(overall.check.weakness)
    advice = [
        *certain_advice(overall),
        *_about_the_model(overall.check),
        *_advice(overall, [] if weak else confusions),
        *_low(overall, drawn),
    ] or [
        "Nothing to recommend: no label looks wrong, no test image is misclassified, and no class "
        "has opponents that stand out."
        if overall.mistakes is None and overall.suspects is not None
        else "Nothing to recommend: nothing stands out in these scores."
    ]
    return Words(tuple(findings), tuple(advice), by_class)


_ONE_CLASS = "Name a data folder with two classes or more, and a model of these, to judge labels."
_MODEL_FIRST = (
    "Begin with the model: it does not know most of the images it was trained on. What it says of "
    "single images is no reason yet to change them."
)
_EARLIER = (
    "Score several checkpoints from before the model knew its training images by heart, or train "
    "anew for fewer epochs: these still stumble over wrong labels."
)
_BELONG_TOGETHER = (
    "Check that the checkpoint, the data folder and the sizes belong together: --model_path, "
    "--data_dir, --resize_size and --crop_size as in training."
)


def _withheld(check: ModelCheck, overall: OverallSummary) -> Words:
    """What is said of a model that cannot judge: that, and why, and what is true without it."""
    advice = (*check.causes, _ONE_CLASS if check.train.classes == 1 else _BELONG_TOGETHER)
    return Words(
        (check.headline, *check.problems, *certain_findings(overall)),
        (*certain_advice(overall), *advice),
        {summary.name: (check.headline, *check.problems) for summary in overall.classes},
    )


def _about_the_model(check: ModelCheck | None) -> Iterator[str]:
    if check is not None and check.by_heart:
        yield _EARLIER
    elif check is not None and check.weakness:
        yield from (_MODEL_FIRST, _BELONG_TOGETHER)


def _weakness(overall: OverallSummary) -> Iterator[str]:
    if overall.check is not None and overall.check.weakness:
        yield overall.check.weakness


def _health(overall: OverallSummary) -> Iterator[str]:
    if overall.health is not None:
        yield health_sentence(overall.health, "")


def _weakest_class(overall: OverallSummary) -> Iterator[str]:
    """By accuracy, of the classes with enough test images to say so."""
    known = [
        (summary.n_right / summary.n_test, summary.n_right, summary)
        for summary in overall.classes
        if summary.n_right is not None and summary.n_test >= FEWEST_TO_JUDGE
    ]
    if len(known) < 2:
        return
    accuracy, right, weakest = min(known, key=lambda entry: entry[0])
    if accuracy < 1:
        low, high = wilson_interval(right, weakest.n_test)
        yield (
            f"The weakest class is {weakest.name}: {right:,} of its "
            f"{count(weakest.n_test, 'test image')} right ({accuracy:.1%}; 95% interval {low:.0%} "
            f"to {high:.0%})."
        )


def _misclassified(overall: OverallSummary) -> Iterator[str]:
    mistakes = overall.mistakes
    if mistakes is None:
        if overall.n_right is not None:
            yield "No test image is misclassified."
        return
    taken = f", taken for {mistakes.worst_predicted}" if mistakes.worst_predicted else ""
    part = f"{mistakes.n:,} of {count(overall.n_test, 'test image')}"
    worst = f"{mistakes.worst_name} ({mistakes.worst_class}{taken})"
    if mistakes.n == 1:
        sentence = f"{part} is misclassified: {worst}"
    else:
        sentence = f"{part} are misclassified. The largest loss is that of {worst}"
    if opponent := mistakes.strongest_opponent:
        label = f" (labelled {opponent.label})" if opponent.label else ""
        sentence += f"; its strongest opponent is {opponent.name}{label}"
    yield f"{sentence}."


def _suspects(overall: OverallSummary) -> Iterator[str]:
    if overall.suspects is None:
        return
    if not overall.suspects:
        health = overall.health
        if health is None or not health.of_labels or health.good == health.n:
            yield "No training label looks wrong."
        return
    first, listed, health = overall.suspects[0], len(overall.suspects), overall.health
    in_all = health.n - health.good if health is not None and health.of_labels else 0
    n = max(listed, in_all)
    labels = f"{n:,} of {count(overall.n_train, 'training label')}"
    verb = "looks wrong: that" if n == 1 else "look wrong. The most suspicious is that"
    yield (
        f"{labels} {verb} of {first.name}, labelled {first.label}, which looks like "
        f"{first.suggested}.{f' The first {listed:,} are listed.' if listed < n else ''}"
    )


def _test_suspects(overall: OverallSummary) -> Iterator[str]:
    found = overall.test_suspects or ()
    if not found:
        return
    verb = "looks wrong: that" if len(found) == 1 else "look wrong. The most suspicious is that"
    yield (
        f"{len(found):,} of {count(overall.n_test, 'test label')} {verb} of {found[0].name}, "
        f"labelled {found[0].label}, which looks like {found[0].suggested}."
    )


def _busiest_opponent(overall: OverallSummary) -> Iterator[str]:
    if overall.busiest_opponent is None:
        yield "No score is below zero: nothing in the training set hurt a test image."
        return
    image, times = overall.busiest_opponent
    if times >= max(FEWEST, overall.n_test / 10):
        label = f" (labelled {image.label})" if image.label else ""
        yield (
            f"The strongest opponent of {times:,} of {count(overall.n_test, 'test image')} is "
            f"{image.name}{label}."
        )


_Teller = Callable[[OverallSummary], Iterator[str]]
_ABOUT_ALL: tuple[_Teller, ...] = (
    *(_health, _weakest_class),
    *(_misclassified, _suspects, _test_suspects),
)


def _told(tellers: Sequence[_Teller], overall: OverallSummary) -> Iterator[str]:
    for tell in tellers:
        yield from tell(overall)


def _confusions(overall: OverallSummary) -> list[Confusion]:
    """Foreign labels that are frequent among the opponents of a class, most frequent first; of two
    classes the one way only.

    Of a class with fewer than five test images no advice is given: one more would change it. Nor
    where there are two classes: the opponents of one are nearly always of the other.
    """
    if overall.n_train_classes == 2:
        return []
    found = [
        confusion
        for summary in overall.classes
        if summary.n_test >= FEWEST_TO_JUDGE
        for confusion in confusions_of(summary)
    ]
    pairs: dict[frozenset[str], Confusion] = {}
    for confusion in sorted(found, key=lambda confusion: -len(confusion.images)):
        pairs.setdefault(frozenset((confusion.label, confusion.summary.name)), confusion)
    return list(pairs.values())


def _advice(overall: OverallSummary, confusions: list[Confusion]) -> Iterator[str]:
    if overall.suspects:
        chosen = names(overall.suspects)
        yield f"Check the labels in {SUSPECTS}, beginning with {chosen}."
    if overall.test_suspects:
        chosen = first_few([image.name for image in overall.test_suspects], NAMED)
        yield f"Check the test labels in {TEST_SUSPECTS}, beginning with {chosen}."
    for confusion in confusions[:2]:
        label, name = confusion.label, confusion.summary.name
        wrong = [image for image in confusion.images if image.suggested == name]
        if wrong:
            them, their = ("them", "their labels look") if wrong[1:] else ("it", "its label looks")
            yield (
                f"Look at {names(wrong)}, then relabel {them} from {label} to {name}, or delete "
                f"{them}: {their} wrong."
            )
        else:
            yield (
                f"Compare {label} with {name}: clearer or more training images of both could help "
                "the model to separate them."
            )
    if overall.busiest_opponent and overall.busiest_opponent[1] >= max(FEWEST, overall.n_test / 10):
        image, times = overall.busiest_opponent
        yield (
            f"Look at {image.name}: it is the strongest opponent of {count(times, 'test image')}."
        )
    if overall.mistakes:
        yield f"Look at {overall.mistakes.worst_name}: the model is most wrong about it."


def _low(overall: OverallSummary, drawn: Collection[str] | None) -> Iterator[str]:
    """Where many labels look wrong: classes with a page where there are any such."""
    low = [
        (summary.health.percent, summary.name)
        for summary in overall.classes
        if summary.is_class
        and summary.health is not None
        and summary.health.of_labels
        and summary.health.band
        and summary.health.percent < GOOD_FROM
    ]
    names = [name for _, name in sorted(low)]
    with_page = [name for name in names if drawn is None or name in drawn]
    found = with_page or names
    pages = "page" if len(found) == 1 else "pages"
    if found:
        do = f"Open the {pages}" if with_page else f"Ask with --classes for the {pages}"
        yield f"{do} of {first_few(found, NAMED)}: many labels look wrong there."
