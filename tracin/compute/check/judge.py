"""Factors of both sides → whether the model can judge, and what was found to be the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tracin.compute.check.class_order import find_other_order, usual_order
from tracin.compute.check.shown import OtherWay, Search, as_flags
from tracin.compute.scores.factors import Factors
from tracin.images import Preprocessing
from tracin.model_check import GOOD_ENOUGH, ModelCheck, count_answers, imbalance
from tracin.wording import count, first_few

Int64Array = npt.NDArray[np.int64]

CLASSES_NAMED = 12
"""So many classes of an order are named in a sentence."""


def check_model(
    train: Factors,
    test: Factors,
    class_names: Sequence[str],
    used: Preprocessing,
    search: Callable[[], Search],
) -> ModelCheck:
    """Whether the model of these factors can judge; where it cannot, with the causes found.

    Another order of the classes is looked for in any case: a model that is right on a fifth of the
    images, since a fifth of the classes stand where they should, passes every other check.

    Args:
        train: factors of the training images, last checkpoint.
        test: factors of the test images, last checkpoint.
        class_names: of the training folder.
        used: how the images were shown.
        search: shows some of them in other ways; called where the model is right on less than half
            of the training images, or takes them all for one class.
    """
    given, named = _answers(train)
    check = ModelCheck(
        count_answers(given, named, class_names), count_answers(*_answers(test), class_names)
    )
    if len(class_names) == 1:
        return check
    if order := _other_order(given, named, class_names):
        return replace(check, causes=(order,), mismatch=True)
    fails = check.train.collapsed or not check.train.clearly_better
    found = search() if fails or check.train.accuracy < GOOD_ENOUGH else None
    if found and found.best:
        return replace(check, causes=(_shown_otherwise(found, found.best, used),), mismatch=True)
    if check.can_judge:
        return check
    sizes = np.bincount(given, minlength=len(class_names))
    untrained = _untrained(found) if found else _learned_by_heart(check)
    return replace(check, causes=(*imbalance(sizes, class_names), *untrained))


def _answers(factors: Factors) -> tuple[Int64Array, Int64Array]:
    """(given, named), (n,) each."""
    return factors.labels.cpu().numpy(), factors.logits.argmax(dim=1).cpu().numpy()


def _other_order(given: Int64Array, named: Int64Array, class_names: Sequence[str]) -> str:
    """The sentence about another order of the classes; "" where there is none."""
    found = find_other_order(given, named, len(class_names))
    if found is None:
        return ""
    names = found.names(class_names)
    reason = usual_order(class_names, names)
    return (
        f"The classes seem to stand in another order than in training: with the order "
        f"{first_few(names, CLASSES_NAMED)}{f' ({reason})' if reason else ''} the model would be "
        f"right on {found.right / found.images:.1%} of the training images instead of "
        f"{(named == given).mean():.1%}. Rename the class folders so that they sort as they did "
        "when the model was trained."
    )


def _shown_otherwise(search: Search, best: OtherWay, used: Preprocessing) -> str:
    return (
        "The images seem to be shown otherwise than in training: with "
        f"{as_flags(best.preprocessing, used)} the model is right on "
        f"{best.right / search.images:.0%} of {count(search.images, 'training image')} instead of "
        f"{search.right_now / search.images:.0%}."
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
