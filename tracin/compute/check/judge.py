"""Answers of a model on both sides → whether it can judge, and what was found to be the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracin.compute.check.class_order import OtherOrder, find_other_order, usual_order
from tracin.compute.check.shown import OtherWay, Search, as_flags, as_steps
from tracin.compute.scores.factors import Factors
from tracin.images import Preprocessing
from tracin.machine.held_rows import HeldRows, Int64Array
from tracin.model_check import GOOD_ENOUGH, ModelCheck, count_answers, imbalance
from tracin.wording import count, first_few

CLASSES_NAMED = 12
"""So many classes of an order are named in a sentence."""

SURE = 0.9
"""Share of the training images from which on another order of the classes is the reason. A head
that was never trained also names one class for another in a fixed way: of 60 simulated ones on
features of ten classes 53 seemed to have another order, which explained up to 62 %. Of 600 heads of
three to ten classes one explained so much; of two classes one in ten did."""

RENAME = (
    "rename the class folders, or the classes in your lists, so that they sort as they did when "
    "the model was trained"
)
NUMBER_ANEW = "number the classes of the data sets as they were when the model was trained"


@dataclass(frozen=True)
class Answers:
    """Of a model, on n images."""

    given: Int64Array
    """(n,): the class of each image."""
    named: Int64Array
    """(n,): the class that the model names."""


def answers(factors: Factors, held: HeldRows | None = None) -> Answers:
    """The model's answers on all images, in every process.

    Args:
        factors: of the images that this process holds.
        held: which these are; None: all.
    """
    held = held or HeldRows.alone(len(factors))
    both = factors.labels, factors.logits.argmax(dim=1)
    given, named = (held.of_all(values).cpu().numpy() for values in both)
    return Answers(given, named)


def check_model(
    train: Answers,
    test: Answers,
    class_names: Sequence[str],
    used: Preprocessing,
    search: Callable[[], Search],
    remedy: str = RENAME,
) -> ModelCheck:
    """Whether the model of these answers can judge; where it cannot, with the causes found.

    Another order of the classes is looked for in any case: a model that is right on a fifth of the
    images, since a fifth of the classes stand where they should, passes every other check. A model
    that is shown images otherwise than in training confuses them in ways that another order may
    explain in part: unless one explains nearly all, other ways are tried, too.

    Args:
        train: on the training images, last checkpoint.
        test: on the test images, last checkpoint.
        class_names: of the training folder.
        used: how the images were shown.
        search: shows some of them in other ways; called where the model is right on less than half
            of the training images, takes them all for one class, or another order explains some.
        remedy: what helps where the classes stand in another order, a sentence's end.
    """
    given, named = train.given, train.named
    check = ModelCheck(
        count_answers(given, named, class_names),
        count_answers(test.given, test.named, class_names),
    )
    if len(class_names) == 1:
        return check
    order = find_other_order(given, named, len(class_names))
    explained = order.right / order.images if order else 0.0
    fails = check.train.collapsed or not check.train.clearly_better
    found = None
    if explained < SURE and (order or fails or check.train.accuracy < GOOD_ENOUGH):
        found = search()
    if found and found.best and found.best.right / found.images > explained:
        return replace(check, causes=(_shown_otherwise(found, found.best, used),), mismatch=True)
    if order:
        sure = explained >= SURE and len(class_names) > 2
        cause = _other_order(order, check.train.accuracy, class_names, remedy, sure=sure)
        return replace(check, causes=(cause,), mismatch=True)
    if check.can_judge:
        return check
    sizes = np.bincount(given, minlength=len(class_names))
    untrained = _untrained(found) if found else _learned_by_heart(check)
    return replace(check, causes=(*imbalance(sizes, class_names), *untrained))


def _other_order(
    order: OtherOrder, accuracy: float, class_names: Sequence[str], remedy: str, *, sure: bool
) -> str:
    names = order.names(class_names)
    reason = usual_order(class_names, names)
    seem = "The model names one class for another in a fixed way"
    advice = (
        "If its last layer was trained on these classes, they stand in another order than then: "
        f"{remedy}. If it was not, train it."
    )
    if sure:
        seem = "The classes seem to stand in another order than in training"
        advice = f"{remedy[0].upper()}{remedy[1:]}."
    return (
        f"{seem}: with the order "
        f"{first_few(names, CLASSES_NAMED)}{f' ({reason})' if reason else ''} the model would be "
        f"right on {order.right / order.images:.1%} of the training images instead of "
        f"{accuracy:.1%}. {advice}"
    )


def _shown_otherwise(search: Search, best: OtherWay, used: Preprocessing) -> str:
    seem, way = "shown", as_flags(best.preprocessing, used)
    if search.prepared:
        seem, way = "normalised", as_steps(best.preprocessing.normalization)
    return (
        f"The images seem to be {seem} otherwise than in training: with {way} the model is right "
        f"on {best.right / search.images:.0%} of {count(search.images, 'training image')} instead "
        f"of {search.right_now / search.images:.0%}."
    )


def _untrained(search: Search) -> Iterator[str]:
    if search.tried:
        yield (
            f"{search.tried} other ways to show {count(search.images, 'training image')} were "
            "tried, other sizes and other normalisations, and with none is the model clearly "
            "better. It may be untrained, trained on other data, or need another "
            "--head_activation."
        )


def _learned_by_heart(check: ModelCheck) -> Iterator[str]:
    """Where the model is clearly worse on the test images than on those that it was trained on."""
    if check.test.interval[1] < check.train.interval[0]:
        yield (
            f"On the training images the model is right on {check.train.accuracy:.1%}: it learned "
            "these by heart, or the test images are of another kind."
        )
