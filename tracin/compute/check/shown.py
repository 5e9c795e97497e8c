"""Whether the model was trained on images shown otherwise: at other sizes, or normalised otherwise.

Then it fails on every image, while the model itself is fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from tracin.flags import CROP_SIZE, Interpolation, ResizeMode
from tracin.images import Crop, Normalization, Preprocessing
from tracin.intervals import Z_99, wilson_interval

LADDER = (32, 64, 96, 128, 160, 192, 224, 256, 320, 384)
"""Sides that networks are usually trained at."""

CUT_OUT = {side * 8 // 7: side for side in LADDER}
"""The side that is cut out of an image whose shorter side is the key, as 224 is out of 256."""

NORMALIZATIONS = (
    Normalization(),
    Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
)
"""ImageNet's, that to −1 … 1, and none."""

FAR_APART = (32, 96, 224)
"""Sides of the ladder that are tried with every normalisation: one of them is near enough to be
clearly better where both are wrong."""


Neighbours = Callable[[Preprocessing], Iterable[Preprocessing]]


@dataclass(frozen=True)
class OtherWay:
    """A way to show the images with which the model is right more often."""

    preprocessing: Preprocessing
    right: int
    """Images of the sample that are named rightly."""


@dataclass(frozen=True)
class Search:
    """What came of trying other ways to show a sample of images."""

    images: int
    right_now: int
    tried: int
    """Ways that were tried; 0 where the images are too few, or too much alike, to prove any."""
    best: OtherWay | None
    """The best of those that are clearly better; None where none is."""
    prepared: bool = False
    """Whether something else prepares the images: then they were normalised otherwise, no more."""


def usual_ways(
    used: Preprocessing, own_side: int, as_stored: Preprocessing | None = None
) -> list[Preprocessing]:
    """Usual ways to show images, those that are most often the reason first, without ``used``.

    Some twenty that are far apart: what lies between them is the climb's to find.

    Args:
        used: how they were shown.
        own_side: the shorter side that most images have; photos as large as they come from a camera
            are no way to train.
        as_stored: how the checkpoint says that they were shown in training, where that differs.
    """
    as_now = used.crop.interpolation
    crops = [Crop(interpolation=as_now)]
    if own_side <= LADDER[-1]:
        crops.insert(0, Crop(own_side, own_side, interpolation=as_now))
    ways = [replace(used, crop=each) for each in crops]
    ways += [replace(used, normalization=each) for each in NORMALIZATIONS]
    ways += [replace(used, crop=Crop(side, side, interpolation=as_now)) for side in LADDER]
    ways.append(replace(used, crop=Crop(CROP_SIZE, CROP_SIZE, "square", as_now)))
    ways += [
        Preprocessing(Crop(side, side, interpolation=as_now), normalization)
        for side in FAR_APART
        for normalization in NORMALIZATIONS
    ]
    ways.append(_otherwise_resized(used))
    if as_stored is not None:
        ways.insert(0, as_stored)
    return [way for way in dict.fromkeys(ways) if way != used]


def _otherwise_resized(way: Preprocessing) -> Preprocessing:
    """The same with the other of the two interpolations that networks are trained with."""
    other: Interpolation = "bicubic" if way.crop.interpolation == "bilinear" else "bilinear"
    return replace(way, crop=replace(way.crop, interpolation=other))


def neighbours(way: Preprocessing) -> Iterator[Preprocessing]:
    """The next sizes of the ladder, the other ways to crop, the other normalisations."""
    side, crop = way.crop.crop_size, way.crop
    below = [each for each in LADDER if each < side][-1:]
    above = [each for each in LADDER if each > side][:1]
    crops = [replace(crop, resize_size=each, crop_size=each) for each in (*below, *above)]
    as_now = crop.interpolation
    crops += [Crop(side, side, mode, as_now) for mode in get_args(ResizeMode)]
    crops += [
        Crop(resize, cut, interpolation=as_now) for resize, cut in CUT_OUT.items() if cut == side
    ]
    for each in crops:
        yield replace(way, crop=each)
    yield from other_normalizations(way)


def other_normalizations(way: Preprocessing) -> Iterator[Preprocessing]:
    """The same with each of the usual normalisations."""
    for normalization in NORMALIZATIONS:
        yield replace(way, normalization=normalization)


def find_better_way(
    ways: Sequence[Preprocessing],
    count_right: Callable[[Preprocessing], int],
    *,
    images: int,
    right_now: int,
    floor: float,
    neighbours: Neighbours = neighbours,
) -> Search:
    """Try ``ways`` up to the first that is clearly better, and from there its neighbours.

    Clearly: its 99 % interval lies above that of the present way, and above ``floor``.

    Args:
        ways: to be tried, in this order.
        count_right: shows the sample so and counts the images that are named rightly.
        images: of the sample.
        right_now: of them, as they were shown.
        floor: share of the images, 0 to 1, that naming one class would get right.
        neighbours: of a way.
    """
    to_beat = max(wilson_interval(right_now, images, Z_99)[1], floor)
    if wilson_interval(images, images, Z_99)[0] <= to_beat:
        return Search(images, right_now, 0, None)  # not even all of them would prove anything
    results: dict[Preprocessing, int] = {}
    for way in ways:
        results[way] = count_right(way)
        if wilson_interval(results[way], images, Z_99)[0] > to_beat:
            best = _climb(way, results, count_right, neighbours)
            return Search(images, right_now, len(results), OtherWay(best, results[best]))
    return Search(images, right_now, len(results), None)


def _climb(
    start: Preprocessing,
    results: dict[Preprocessing, int],
    count_right: Callable[[Preprocessing], int],
    neighbours: Neighbours,
) -> Preprocessing:
    """The way that none of its neighbours beats; all that were tried are added to ``results``."""
    best = start
    while True:
        for way in neighbours(best):
            if way not in results:
                results[way] = count_right(way)
        better = max(neighbours(best), key=results.__getitem__)
        if results[better] <= results[best]:
            return best
        best = better


def as_flags(way: Preprocessing, used: Preprocessing) -> str:
    """The flags that show images this way, where they differ from ``used``."""
    words: list[str] = []
    for part in ("crop", "normalization"):
        now, then = getattr(used, part), getattr(way, part)
        pairs = {name: (getattr(now, name), getattr(then, name)) for name in vars(then)}
        if part == "crop" and now != then:
            sizes = ("resize_size", "crop_size")
            pairs = {
                key: value for key, value in pairs.items() if key in sizes or value[0] != value[1]
            }
            words += [f"--{name} {value}" for name, (_, value) in pairs.items()]
        elif now != then:
            for name, (_, values) in pairs.items():
                words.append(f"--{name} {' '.join(f'{value:g}' for value in values)}")
    return " ".join(words)


def as_steps(normalization: Normalization) -> str:
    """The end of a transform that normalises so."""
    if normalization == NORMALIZATIONS[-1]:
        return "pixels from 0 to 1 and no Normalize"
    mean, std = ([float(f"{value:g}") for value in each] for each in vars(normalization).values())
    return f"pixels from 0 to 1, then Normalize({mean}, {std}),"
