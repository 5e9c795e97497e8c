"""The health of training labels, and whether the model knows their images. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tracin.analyze.figures.summary import Health
from tracin.analyze.read.inputs import Inputs
from tracin.analyze.read.scan import Float64Array
from tracin.model_check import ModelCheck, knows_few
from tracin.results.schema import SUSPICION_CUT
from tracin.wording import count


def health_of(inputs: Inputs, test_mean: Float64Array, label: str | None = None) -> Health | None:
    """Of the training labels (of one class: ``label``); without suspicion of the test images."""
    check = check_of(inputs)
    if check is not None and not check.can_judge:
        return None
    train = inputs.train
    if train.suspicion is None or train.labels is None:
        return Health(int(np.count_nonzero(test_mean > 0)), len(test_mean), of_labels=False)
    carries = np.array([label in (None, given) for given in train.labels], dtype=bool)
    suspicion = train.suspicion[carries]
    if not len(suspicion):
        return None
    good = int(np.count_nonzero(suspicion < SUSPICION_CUT))
    return Health(good, len(suspicion), doubt=_doubt(inputs, carries, label))


def _doubt(inputs: Inputs, carries: npt.NDArray[np.bool_], label: str | None) -> str:
    """What the model knows too little of, a clause; "" where it knows enough to judge.

    Args:
        inputs: what is known about the images.
        carries: (n_train,) whether each training image is meant.
        label: the class of the test images that are meant; None: all.
    """
    test = inputs.test
    meant = np.ones(inputs.n_test, dtype=bool)
    if label is not None:
        meant = test.group_of == test.groups.index(label)
    for kind, correct, which in (
        ("training image", inputs.train.correct, carries),
        ("test image", test.correct, meant),
    ):
        if correct is None or not which.any():
            continue
        right, n = int(correct[which].sum()), int(which.sum())
        if knows_few(right, n):
            return f"right on only {right:,} of {count(n, kind)}"
    return ""


def check_of(inputs: Inputs) -> ModelCheck | None:
    """Whether the model can judge; None where no file tells."""
    return inputs.run.model_check if inputs.run else None
