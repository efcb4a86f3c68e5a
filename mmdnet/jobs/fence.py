"""Which of several attempts at a job counts: the latest taking of it, and of one worker its latest turn."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from mmdnet.jobs.queue import Claim, JobQueue

CLAIM_EVERY_S = 0.5
OUT_OF_REACH = "the database was out of reach for longer than the lease"


class Turns:
    """Lets one thread of this worker at a time at a job, the latest first.

    The queue's own mark of a taking has a resolution of a second on SQLite: a job that is cancelled and at once tried
    again can come back looking the same while its first attempt is still ending.
    """

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._busy: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def take(self, job_id: str) -> Iterator[Callable[[], bool]]:
        """Wait until older turns at this job have ended; gives a function that says whether this is the latest."""
        with self._lock:
            mine = self._latest[job_id] = self._latest.get(job_id, 0) + 1
            busy = self._busy.setdefault(job_id, threading.Lock())
        with busy:
            yield lambda: self._latest[job_id] == mine


class Fence:
    """Says why a running attempt must end: it is not the claimed one any more, or nobody can tell for too long."""

    def __init__(self, queue: JobQueue, lease_s: float, job_id: str, claim: Claim, is_latest: Callable[[], bool]):
        self._queue, self._lease_s = queue, lease_s
        self._job_id, self._claim, self._is_latest = job_id, claim, is_latest
        self._asked_at = self._sure_at = time.monotonic()

    def __call__(self) -> str | None:
        moment = time.monotonic()
        if moment - self._asked_at < CLAIM_EVERY_S:
            return None
        self._asked_at = moment
        return self.ask()

    def ask(self) -> str | None:
        """The reason to end now, by the queue's database."""
        if not self._is_latest():
            return "it was started again"
        try:
            claim = self._queue.claim(self._job_id)
        except Exception:
            lost = time.monotonic() - self._sure_at > self._lease_s
            return OUT_OF_REACH if lost else None
        self._sure_at = time.monotonic()
        if claim == self._claim:
            return None
        return "it was cancelled" if claim is None else f"{claim.executor} has taken over"
