"""Telling how far long work is: one shape for the command line's bar, a running job and the page behind it."""

from __future__ import annotations

from typing import Any, Protocol


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


def between(progress: Progress, low: float, high: float) -> Progress:
    """Progress of a part of the work, told as that of the whole: from share `low` to share `high` of it."""

    def tell(share: float, message: str, /, **numbers: Any) -> None:
        progress(low + (high - low) * share, message, **numbers)

    return tell


def part_of(progress: Progress, index: int, parts: int, title: str = "") -> Progress:
    """Progress of one of several parts that take alike long, told as that of the whole; messages begin with `title`."""

    def tell(share: float, message: str, /, **numbers: Any) -> None:
        progress((index + share) / parts, f"{title}: {message}" if title else message, **numbers)

    return tell
