"""How many wrong passwords are taken before one waits. In memory: a restart of the app forgets them."""

from __future__ import annotations

import time
from collections.abc import Iterable

TRIES, TRIES_S = 8, 300.0  # wrong ones under one key, in this many seconds
TOO_MANY = "Too many wrong tries. Wait five minutes, then try again."
KEYS_REMEMBERED = 10_000


class Tries:
    """Moments of wrong tries by key: an account with where it was asked for, or an address."""

    def __init__(self) -> None:
        self._missed: dict[str, list[float]] = {}

    def begin(self, most: dict[str, int]) -> float | None:
        """Count a try before it is looked at, so that those sent at once are counted too; None where it must wait.

        Args:
            most: how many wrong ones of the last minutes each key may have.
        """
        if any(len(self._lately(key)) >= number for key, number in most.items()):
            return None
        at = time.monotonic()
        for key in most:
            self._missed.setdefault(key, []).append(at)
        return at

    def forget(self, keys: Iterable[str], at: float) -> None:
        """The try begun then was not a wrong one."""
        for key in keys:
            if at in self._missed.get(key, []):
                self._missed[key].remove(at)

    def _lately(self, key: str) -> list[float]:
        if len(self._missed) > KEYS_REMEMBERED:  # the oldest go: who floods keys frees none that is being tried
            newest = sorted(self._missed, key=lambda known: max(self._missed[known], default=0.0))
            self._missed = {known: self._missed[known] for known in newest[KEYS_REMEMBERED // 2 :]}
        since = time.monotonic() - TRIES_S
        recent = [moment for moment in self._missed.get(key, []) if moment > since]
        if recent:
            self._missed[key] = recent
        else:
            self._missed.pop(key, None)
        return recent
