"""How long the forward passes will take, said once the first batches are measured."""

from __future__ import annotations

import time
from collections.abc import Callable

from tracin.wording import Say, duration

WARM_UP_IMAGES = 32
"""The first images are not measured: the backbone is made ready with them."""

MEASURED_SECONDS = 4.0
"""Time after which the speed is taken for known."""

WORTH_SAYING = 20.0
"""Seconds left from which the user is told."""

WORTH_OFFERING = 1.2
"""Times the present speed from which bfloat16 is offered: below, the rounding buys too little."""


class Pace:
    """Measures the images per second of a run's forward passes, and says once how long they take.

    Args of the constructor:
        passes: forward passes of the whole run, images times checkpoints, that are to be done.
        say: where the sentence goes.
        faster: images per second in a faster precision, measured when it is called, or None where
            there is none; asked only when the rest takes ``WORTH_SAYING``.
    """

    def __init__(self, passes: int, say: Say, faster: Callable[[], float | None]) -> None:
        self._passes, self._say, self._faster = passes, say, faster
        self._done = 0
        self._start: tuple[float, int] | None = None
        self._said = False

    def add(self, images: int) -> None:
        """Take note of so many further images."""
        self._done += images
        now = time.perf_counter()
        if self._said or self._done < WARM_UP_IMAGES:
            return
        if self._start is None:
            self._start = now, self._done
            return
        seconds, measured = now - self._start[0], self._done - self._start[1]
        if seconds >= MEASURED_SECONDS and measured:
            self._said = True
            left = (self._passes - self._done) * seconds / measured
            if left >= WORTH_SAYING:
                self._say(self._sentence(left, measured / seconds))

    def _sentence(self, left: float, speed: float) -> str:
        text = f"Forward passes: {speed:.3g} images/s, about {duration(left)} to go"
        faster = self._faster()
        if faster is not None and faster > WORTH_OFFERING * speed:
            text += (
                f" (about {duration(left * speed / faster)} with --precision bfloat16, which "
                "rounds the scores slightly; such a run states its error)"
            )
        return text + "."
