"""Which workers are alive: a counter each raises, and what a survivor does about one that stands still.

Nothing here compares clocks of two machines: a survivor measures by its own clock how long it has seen another's
counter at the same number. Time in which it could not look itself (the database was away) is nobody's silence.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session, sessionmaker

from db.jobs import bury, leases, raise_beat
from mmdnet.errors import LabError

LEASE_S = 7.0  # without a sign of life for this long, a worker is dead
BEATS_PER_LEASE = 7
LONGEST_LOOK = 2 / BEATS_PER_LEASE  # of the lease: what one look after a longer pause may count as silence


@dataclass
class Watch:
    """Sees whose counter stands still. `now` is any steady clock in seconds."""

    me: str
    lease_s: float = LEASE_S
    now: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)  # (beat, seconds it was seen to stand)
    _looked: float = field(init=False)

    def __post_init__(self) -> None:
        self._looked = self.now()

    def overdue(self, beats: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of the given (executor, beat) that were seen to stand at their beat for longer than the lease.

        Workers that were all kept from the database at once do not bury each other when it is back.
        """
        moment = self.now()
        passed = min(moment - self._looked, self.lease_s * LONGEST_LOOK)
        self._looked = moment
        seen = {}
        for executor, beat in beats:
            before, silent_s = self._seen.get(executor, (None, 0.0))
            seen[executor] = (beat, silent_s + passed if before == beat else 0.0)
        self._seen = seen
        return [
            (executor, beat)
            for executor, (beat, silent_s) in seen.items()
            if executor != self.me and silent_s > self.lease_s
        ]


def beat_once(
    sessions: sessionmaker[Session], watch: Watch, info: Mapping[str, Any], take_over: Callable[[str], list[str]]
) -> list[str]:
    """Give a sign of life, and queue again what the dead were running; returns the ids of those jobs.

    Of several survivors one buries a dead worker. It does so only once the jobs are safe: should `take_over` raise,
    the lease stays for the next try.
    """
    with sessions.begin() as session:
        raise_beat(session, watch.me, info)
        beats = [(lease.executor_id, lease.beat) for lease in leases(session)]
    taken: list[str] = []
    for executor, beat in watch.overdue(beats):
        with sessions.begin() as session:
            if bury(session, executor, beat):
                taken += take_over(executor)
    return taken


def lock_slot(folder: Path, slot: str) -> IO[bytes]:
    """Hold a slot of this machine for as long as the returned file is open; the kernel lets go even after kill -9.

    Two workers of one name would each run the same job.

    Raises:
        LabError: another worker holds it.
    """
    held = (folder / f"{slot}.lock").open("ab")
    try:
        try:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            import msvcrt

            held.seek(0)
            msvcrt.locking(held.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        held.close()
        raise LabError(
            f"A worker for {slot} is already running here. Use that one, or give this one another --slot."
        ) from error
    return held
