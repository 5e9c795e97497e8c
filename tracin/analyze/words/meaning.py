"""Scores in words. Pure.

Words say what was measured: a training signal is similar or opposite, an effect is estimated.
"""

from __future__ import annotations

import math

SUSPICION_MOST = 2 * math.sqrt(2)
ERROR_MOST = math.sqrt(2)


def suspicion_level(suspicion: float) -> str:
    """How suspicious, on the scale from the cut of suspects.csv (0.5) to ``SUSPICION_MOST``."""
    if suspicion >= 1.2:
        return "Very suspicious"
    return "Suspicious" if suspicion >= 0.8 else "Worth a look"


def agreement(value: float, label: str) -> str:
    """What a mean cosine with the other images of a label says."""
    if value < -0.1:
        return f"its training signal is opposite to that of other images labelled {label}"
    if value < 0.3:
        how = "hardly"
    elif value < 0.7:
        how = "only partly"
    else:
        return f"its training signal is similar to that of other images labelled {label}"
    return f"its training signal is {how} similar to that of other images labelled {label}"


def error(value: float) -> str:
    """What the norm of an error, 0 to √2, says."""
    share = value / ERROR_MOST
    if share > 0.9:
        return "the model is all but certain of another class"
    if share > 0.6:
        return "the model leans to another class"
    return "the model is undecided" if share > 0.25 else "the model accepts the label"


def margin(value: float) -> str:
    """What a margin in logits, averaged over checkpoints, says."""
    if value < 0:
        return "another class was ahead of the label"
    return "the label was ahead of all others" if value > 0 else "no class was ahead"


def relation(activation: float, error_similarity: float) -> str:
    """What the two similarities of a pair say."""
    if activation >= 0.8:
        looks = "Looks like it to the model"
    elif activation >= 0.5:
        looks = "Looks somewhat like it to the model"
    else:
        looks = "Looks unlike it to the model"
    size = abs(error_similarity)
    if size < 0.1:
        return f"{looks}; the errors on the two are unrelated"
    kind = "similar" if error_similarity > 0 else "opposite"
    partly = "" if size >= 0.5 else "partly "
    return f"{looks}; {partly}{kind} error on the two"


def learning(probability: float) -> str:
    """What the model's probability of a training image's label says."""
    if probability < 0.5:
        said = "the model still had to learn it"
    elif probability < 0.9:
        said = "the model had learnt it in part"
    else:
        said = "the model had learnt it"
    return f"{said} ({percent(probability)} for its label)"


def percent(share: float) -> str:
    """``93.9%``; never 0 or 100 by rounding."""
    if 0 < share < 0.001:
        return "below 0.1%"
    if 0.999 < share < 1:
        return "above 99.9%"
    return f"{100 * share:.1f}%"


def cosine(value: float) -> str:
    """Four digits, where pairs of lookalikes differ; 1 only for 1."""
    return "above 0.9999" if 0.99995 <= value < 1 else decimal(value, 4)


def decimal(value: float, digits: int = 2) -> str:
    """``−0.87``, with a true minus."""
    return f"{value:.{digits}f}".replace("-", "−")
