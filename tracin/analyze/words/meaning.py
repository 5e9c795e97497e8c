"""Scores in words, from where on which word holds, and what a score cannot know. Pure.

Words say what was measured: a training signal is similar or opposite, an effect is estimated. The
limits between the words are set by eye: they choose a word, and nothing is decided by them.
"""

from __future__ import annotations

import math

from tracin.results.schema import SUSPICION_CUT

BLIND_SPOT = (
    "A mistake that many images share, such as one class labelled as another throughout, is learnt "
    "by the model and goes unnoticed: look at the pairs of classes and at the accuracy."
)
"""What a health score cannot know; said wherever it is put in words."""

ERROR_MOST = math.sqrt(2)
"""The largest distance of a prediction from a label: the model is certain of another class."""
SUSPICION_MOST = 2 * ERROR_MOST
"""(1 − agreement) × error at its largest: agreement −1, error √2."""

ALIKE = 0.7
UNLIKE = 0.3
OPPOSITE = -0.1
"""Agreement is a mean over all images of a label, also those that have little in common: 0.7 is
much for it, and what lies between −0.1 and 0.3 is next to none."""

ERROR_CERTAIN = 0.9
ERROR_LEANS = 0.6
ERROR_ACCEPTED = 0.25
"""Shares of ``ERROR_MOST``: of two classes, 0.5 is the model's being torn between them."""

LOOKS_ALIKE = 0.8
LOOKS_SOMEWHAT_ALIKE = 0.5
"""Cosines of two images' activations, which a network's last layers push apart by class."""

ERRORS_RELATED = 0.1
ERRORS_CLOSE = 0.5
"""Sizes of a cosine of two error signals: below the first, chance; from the second on, the errors
have more in common than not."""

LEARNT = 0.9
LEARNT_IN_PART = 0.5
"""Probabilities of an image's label: from a half on no other class is ahead."""

SHARE_SHOWN = 0.001
"""Shares nearer to 0 or 1 are not rounded to them: a percentage has one decimal."""


def wrong_in_ten(probability: float) -> str:
    """What the probability of a wrong label says, no finer than it is known to be."""
    tenths = round(10 * probability)
    if tenths == 0:
        return "Fewer than 1 in 10 such labels are wrong"
    if tenths == 10:
        return "More than 9 in 10 such labels are wrong"
    return f"About {tenths} in 10 such labels {'is' if tenths == 1 else 'are'} wrong"


def suspicion_scale() -> dict[str, str]:
    """The ends of the scales and the cut, as an explanation of them shows them."""
    return {
        "cut": f"{SUSPICION_CUT:g}",
        "most": decimal(SUSPICION_MOST),
        "error_most": decimal(ERROR_MOST),
    }


def agreement(value: float, label: str) -> str:
    """What a mean cosine with the other images of a label says."""
    others = f"that of other images labelled {label}"
    if value < OPPOSITE:
        return f"its training signal is opposite to {others}"
    if value < UNLIKE:
        return f"its training signal is hardly similar to {others}"
    if value < ALIKE:
        return f"its training signal is only partly similar to {others}"
    return f"its training signal is similar to {others}"


def error(value: float) -> str:
    """What the norm of an error, 0 to √2, says."""
    share = value / ERROR_MOST
    if share > ERROR_CERTAIN:
        return "the model is all but certain of another class"
    if share > ERROR_LEANS:
        return "the model leans towards another class"
    return "the model is undecided" if share > ERROR_ACCEPTED else "the model accepts the label"


def margin(value: float) -> str:
    """What a margin in logits, averaged over checkpoints, says."""
    if value < 0:
        return "another class was ahead of the label"
    return "the label was ahead of all others" if value > 0 else "no class was ahead"


def relation(activation: float, error_similarity: float) -> str:
    """What the two similarities of a pair say."""
    if activation >= LOOKS_ALIKE:
        looks = "The two look alike to the model"
    elif activation >= LOOKS_SOMEWHAT_ALIKE:
        looks = "The two look somewhat alike to the model"
    else:
        looks = "The two do not look alike to the model"
    size = abs(error_similarity)
    if size < ERRORS_RELATED:
        return f"{looks}; the errors on the two are unrelated"
    kind = "similar" if error_similarity > 0 else "opposite"
    partly = "" if size >= ERRORS_CLOSE else "partly "
    return f"{looks}; the errors on the two are {partly}{kind}"


def learning(probability: float) -> str:
    """What the model's probability of a training image's label says."""
    if probability < LEARNT_IN_PART:
        said = "the model still had to learn it"
    elif probability < LEARNT:
        said = "the model had learnt it in part"
    else:
        said = "the model had learnt it"
    return f"{said} ({percent(probability)} for its label)"


def percent(share: float) -> str:
    """``93.9%``; never 0 or 100 by rounding."""
    if 0 < share < SHARE_SHOWN:
        return f"below {SHARE_SHOWN:.1%}"
    if 1 - SHARE_SHOWN < share < 1:
        return f"above {1 - SHARE_SHOWN:.1%}"
    return f"{100 * share:.1f}%"


def cosine(value: float) -> str:
    """Four digits, where pairs of lookalikes differ; 1 only for 1."""
    shown = decimal(value, 4)
    return "above 0.9999" if shown == "1.0000" and value < 1 else shown


def decimal(value: float, digits: int = 2) -> str:
    """``−0.87``, with a true minus."""
    return f"{value:.{digits}f}".replace("-", "−")
