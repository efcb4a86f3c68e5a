"""Telling how far long work is: one shape for the command line's bar, a running job and the page behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

WATCHED_S = 6.0  # before that nothing is said of the time left
LEAST_SHARE = 0.02  # and while less than this was done
OF_LATE_S = 60.0
BETWEEN_S = 1.0  # of two looks that are kept


class Progress(Protocol):
    """Whoever is told how far the work is."""

    def __call__(self, share: float, message: str, /, **numbers: Any) -> None:
        """Hear it.

        Args:
            share: 0 to 1.
            message: what is being done, in words for a person.
            numbers: what else to keep of it, JSON values by name.
        """


def silent(share: float, message: str, /, **numbers: Any) -> None:
    """Tell nobody."""


def between(progress: Progress, low: float, high: float, title: str = "") -> Progress:
    """Progress of a part of the work, told as that of the whole: from share `low` to share `high` of it.

    Messages begin with `title`.
    """

    def tell(share: float, message: str, /, **numbers: Any) -> None:
        progress(low + (high - low) * share, f"{title}: {message}" if title else message, **numbers)

    return tell


def part_of(progress: Progress, index: int, parts: int, title: str = "") -> Progress:
    """Progress of one of several parts that take alike long, see `between`."""
    return between(progress, index / parts, (index + 1) / parts, title)


def part_by_size(progress: Progress, index: int, sizes: Sequence[float], title: str = "") -> Progress:
    """Progress of one of several parts whose time goes by their sizes (all positive), see `between`."""
    whole = sum(sizes)
    return between(progress, sum(sizes[:index]) / whole, sum(sizes[: index + 1]) / whole, title)


class TimeLeft:
    """How long work still takes, by how fast its share has grown in the last minute; None while that is not known.

    What passes before the share first grows does not count: a process that starts, a network that is loaded.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: list[tuple[float, float]] = []  # when, and the share then

    def after(self, share: float) -> float | None:
        """Seconds left, told at this share (0 to 1)."""
        now, looks = self._clock(), self._looks
        if looks and share < looks[-1][1]:  # begun anew
            looks.clear()
        if not looks or (len(looks) == 1 and share == looks[0][1]):
            looks[:] = [(now, share)]
        elif now - looks[-1][0] >= BETWEEN_S:
            looks.append((now, share))
        while len(looks) > 2 and now - looks[1][0] >= OF_LATE_S:
            looks.pop(0)
        began, before = looks[0]
        if now - began < WATCHED_S or share - before < LEAST_SHARE:
            return None
        return (1 - share) * (now - began) / (share - before)
