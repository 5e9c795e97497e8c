"""What the map shows, in words, and what cannot be read from it. Pure."""

from __future__ import annotations

from tracin.analyze.figures.image_map import ImageMap
from tracin.wording import count

HEADING = "The images as the model sees them"
SUSPECT = "label looks wrong"
MISTAKE = "the model is wrong"


def remarks(image_map: ImageMap, drawn: int | None = None) -> tuple[str, str]:
    """What is drawn, and how far to trust distances on it.

    Args:
        image_map: all images.
        drawn: how many of them the picture shows; None: all, or the place says so itself.
    """
    tests = int(image_map.is_test.sum())
    training = count(len(image_map.paths) - tests, "training image")
    images = f"{training} and {count(tests, 'test image')}"
    first, second = image_map.variance
    part = ""
    if drawn is not None and drawn < len(image_map.paths):
        part = f" Drawn are {drawn:,}: all whose label looks wrong, and others by chance."
    return (
        f"{images}, by what goes into the last layer, in the two directions in which the training "
        f"images differ most (principal components).{part}",
        f"These hold {first:.0%} and {second:.0%} of the variance: images that lie apart "
        "are different for the model, but images that lie together may differ in what is not "
        "shown.",
    )
