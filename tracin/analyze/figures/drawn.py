"""Which classes get a page and folders of their own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from tracin.analyze.figures.summary import ClassSummary, OverallSummary
from tracin.errors import TracInError
from tracin.wording import count, first_few, listed, quotable

MOST_DRAWN = 100
"""So many classes all have a page: a minute of drawing."""
WORST_DRAWN = 50
"""Of more classes, so many have one."""

MOST_MEANT = 3
"""Names that are offered for one that is not known."""


def drawn_classes(overall: OverallSummary, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """The classes that get a page, in the order of their index.

    Those ``asked`` for; else all of ``MOST_DRAWN`` classes at most, and of more the ``WORST_DRAWN``
    that are right least often, by their training labels or by the model's answers to their test
    images, whichever is worse.

    Raises:
        TracInError: a name is none of the classes; the message offers those that are like it.
    """
    if asked:
        if unknown := [name for name in asked if name not in overall.groups]:
            raise _unknown(unknown, overall)
        wanted = set(asked)
    elif len(overall.classes) <= MOST_DRAWN:
        return overall.groups
    else:
        worst = sorted(overall.classes, key=_share_right)[:WORST_DRAWN]
        wanted = {summary.name for summary in worst}
    return tuple(name for name in overall.groups if name in wanted)


def left_undrawn(overall: OverallSummary, asked: Sequence[str]) -> str:
    """A sentence: which classes have no page though none were ``asked`` for; "" where all have."""
    if asked or len(overall.classes) <= MOST_DRAWN:
        return ""
    return (
        f"Pages and image folders of {len(overall.classes) - WORST_DRAWN:,} of "
        f"{count(len(overall.classes), 'class')}: the {WORST_DRAWN} whose training labels or test "
        "answers are right least often have them. Name others with --classes."
    )


def _share_right(summary: ClassSummary) -> float:
    """0 to 1: of the labels that look right, or of the test images that the model names rightly."""
    shares = [1.0]
    if summary.n_right is not None:
        shares.append(summary.n_right / summary.n_test)
    if summary.health is not None:
        shares.append(summary.health.percent / 100)
    return min(shares)


def _unknown(names: Sequence[str], overall: OverallSummary) -> TracInError:
    verb = "is not a class" if len(names) == 1 else "are not classes"
    said = f"{listed([quotable(name) for name in names])} {verb} of the test images."
    if not overall.has_classes:
        return TracInError(f"{said} No file tells their classes: leave --classes out.")
    folded = {name.casefold(): name for name in overall.groups}
    near = [
        folded[found]
        for name in names
        for found in get_close_matches(name.casefold(), folded, n=MOST_MEANT)
    ]
    if near:
        return TracInError(f"{said} Did you mean {' or '.join(dict.fromkeys(near))}?")
    return TracInError(f"{said} There are {first_few(overall.groups)}.")
