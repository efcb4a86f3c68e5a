"""Whether the lab can work now: database, queue, disk, workers; what `/healthz` answers."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from db.jobs import leases
from mmdnet.troubles import AWAY, READ_ONLY, trouble_of
from mmdnet.workflows.services import Services

FINE = "ok"
NO_WORKER = "No worker gives a sign of life, so background jobs wait."
PROBE_BYTES = 4096
KEPT_S = 2.0  # how long an answer is given again: whoever asks more often makes no work
SILENT_S = 20.0  # a worker whose counter has stood still for so long is not counted; it raises it every second


@dataclass(frozen=True, slots=True)
class HealthView:
    """What can be said of each part: "ok" or what is wrong with it."""

    database: str
    queue: str
    disk: str
    worker: str

    @property
    def ok(self) -> bool:
        return {self.database, self.queue, self.disk, self.worker} == {FINE}


class Health:
    """Use case reachable as `lab.health`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: tuple[float, HealthView] | None = None
        self._beats: dict[str, tuple[int, float]] = {}

    def now(self) -> HealthView:
        """Ask each part; changes nothing."""
        if self._known is None or time.monotonic() - self._known[0] > KEPT_S:
            database = _asked(self._database)
            worker = _asked(self._worker) if database == FINE else "Not known while the database does not answer."
            view = HealthView(database, _asked(self._queue), _asked(self._disk, READ_ONLY), worker)
            self._known = (time.monotonic(), view)
        return self._known[1]

    def _database(self) -> str:
        with self._services.db() as session:
            session.execute(text("SELECT 1 FROM alembic_version"))
            if session.get_bind().dialect.name == "sqlite":
                session.rollback()
                session.execute(text("BEGIN IMMEDIATE"))  # could a label be written?
            session.rollback()
        return FINE

    def _queue(self) -> str:
        self._services.queue.check()
        return FINE

    def _disk(self) -> str:
        with tempfile.TemporaryFile(dir=self._services.settings.home) as probe:
            probe.write(os.urandom(PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
        return FINE

    def _worker(self) -> str:
        """A worker that was never seen standing still counts as alive: the first answer does not wait for a beat."""
        moment = time.monotonic()
        with self._services.db() as session:
            beats = {lease.executor_id: lease.beat for lease in leases(session)}
        self._beats = {
            name: self._beats[name] if self._beats.get(name, (None, 0.0))[0] == beat else (beat, moment)
            for name, beat in beats.items()
        }
        return FINE if any(moment - since < SILENT_S for _, since in self._beats.values()) else NO_WORKER


def _asked(part: Callable[[], str], otherwise: str = AWAY) -> str:
    try:
        return part()
    except Exception as error:
        return trouble_of(error) or otherwise
