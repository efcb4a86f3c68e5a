"""The durable queue as the application sees it: submit, look, cancel, try again. Imports no job code.

Built on DBOS: one row per job in SQLite or PostgreSQL, which survives kill -9 and power cuts. The row knows only the
job's state; what the job is for stands in the lab's own table (`db.models.Job`) under the same id.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mmdnet.errors import LabError
from mmdnet.workflows.job_plans import NUMBERS

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

APPLICATION = "mmdnet-lab"
VERSION = "1"  # pinned: DBOS's own default is a hash of the code, and an edit would orphan every waiting job
WORKFLOW = "job"
CONCURRENCY = {"gpu": 1, "cpu": 2}  # jobs at once per worker, of each queue
NOBODYS = "held"  # a queue that no worker serves

STATUS = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
QUEUE_TABLE, QUEUE_SCHEMA = "workflow_status", "dbos"
_PAGE = 500  # ids in one question to the database


def serializer() -> DBOSPortableJSONSerializer:
    """What jobs' arguments are written with; DBOS's default is pickle."""
    from dbos import DBOSPortableJSONSerializer

    return DBOSPortableJSONSerializer()


@dataclass(frozen=True, slots=True)
class JobState:
    """Where a job stands. `status` is queued, running, done, failed or cancelled; `executor` the worker that has it.

    Of the waiting the smallest `priority` goes first.
    """

    id: str
    status: str
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    executor: str | None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """Which taking of a running job is the present one: it changes whenever any worker takes the job again."""

    executor: str
    dequeued_at_ms: int


class JobQueue:
    """The queue behind one database URL. Made at no cost; connects at the first question."""

    def __init__(self, url: str):
        self.url = url
        self._connected: DBOSClient | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make or update the queue's tables; harmless when they are there. SQLite is set to write ahead, once.

        Raises:
            LabError: the database cannot be reached or written.
        """
        import sqlalchemy as sa
        from dbos import DBOS

        from db.engine import as_url

        try:
            if as_url(self.url).get_backend_name() == "sqlite":
                engine = sa.create_engine(self.url)
                with engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                engine.dispose()
            DBOS.migrate(self.url)
        except LabError:
            raise
        except Exception as error:
            raise LabError(
                "The database of the job queue cannot be opened or written. Check that its folder exists and has "
                "free space, or the address in MMDNET_JOBS_URL. Nothing was changed."
            ) from error

    def submit(
        self,
        kind: str,
        job_id: str,
        queue: str = "cpu",
        priority: int = NUMBERS["normal"],
        begin_at: datetime | None = None,
    ) -> None:
        """Put a job in the queue; submitting the same id again changes nothing.

        Args:
            kind: a note for whoever reads the queue.
            job_id: as in the lab's own table.
            queue: whose workers take it.
            priority: of those that wait, the smallest goes first.
            begin_at: not before then.

        Raises:
            LabError: there is no such queue.
        """
        if queue not in CONCURRENCY:
            raise LabError(f"There is no queue called {queue}; there are {' and '.join(CONCURRENCY)}.")
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": queue,
            "workflow_id": job_id,
            "app_version": VERSION,
            "attributes": {"kind": kind},
            "priority": priority,
        }
        if begin_at is not None:
            options["delay_seconds"] = max(0.0, (begin_at - datetime.now(UTC)).total_seconds())
        self._client.enqueue(options, job_id)

    def plan(self, job_id: str, queue: str, priority: int, begin_at: datetime | None) -> bool:
        """Change when a waiting job begins, in the queue it is of; False where it waits no more.

        In one statement, as a worker may just be taking it: DBOS has no call for a new priority, or to hold a job back.
        """
        from sqlalchemy import column, table, update

        from db.engine import as_url, make_engine

        schema = None if as_url(self.url).get_backend_name() == "sqlite" else QUEUE_SCHEMA
        names = ("workflow_uuid", "status", "queue_name", "priority", "delay_until_epoch_ms")
        jobs = table(QUEUE_TABLE, *map(column, names), schema=schema)
        waits = jobs.c.status.in_([name for name, status in STATUS.items() if status == "queued"])
        new = {
            "queue_name": queue,
            "priority": priority,
            "status": "ENQUEUED" if begin_at is None else "DELAYED",
            "delay_until_epoch_ms": None if begin_at is None else round(begin_at.timestamp() * 1000),
        }
        engine = make_engine(self.url)
        try:
            with engine.begin() as connection:
                changed = connection.execute(update(jobs).where(jobs.c.workflow_uuid == job_id, waits).values(new))
            return changed.rowcount == 1
        finally:
            engine.dispose()

    def state(self, job_id: str) -> JobState | None:
        """Where one job stands; None when it was never submitted."""
        return self.states([job_id]).get(job_id)

    def states(self, ids: Iterable[str]) -> dict[str, JobState]:
        """Where jobs stand, by id; those never submitted are absent."""
        return {row.workflow_id: _state(row) for row in self._rows(list(ids))}

    def active(self) -> set[str]:
        """Ids of every job that waits or runs, however many there are."""
        waiting = [name for name, status in STATUS.items() if status in ("queued", "running")]
        rows = self._client.list_workflows(status=waiting, load_input=False, load_output=False)
        return {row.workflow_id for row in rows}

    def has_work(self, queues: Sequence[str], executor: str) -> bool:
        """Whether a job waits in one of these queues that may begin now, or this worker runs one."""
        asked: tuple[dict[str, Any], ...] = (  # keyword arguments of `list_workflows`
            {"status": "ENQUEUED", "queue_name": list(queues)},
            {"status": "PENDING", "executor_id": executor},
        )
        return any(self._client.list_workflows(**each, limit=1, load_input=False, load_output=False) for each in asked)

    def cancel(self, job_id: str) -> None:
        """Take a job out of the queue, or have its worker end it within seconds; one that is over stays as it is."""
        state = self.state(job_id)
        if state is not None and state.status in ("queued", "running"):
            self._client.cancel_workflow(job_id)

    def retry(self, job_id: str, queue: str, held: bool = False) -> None:
        """Queue a failed or cancelled job again under its id; it goes on from its own last checkpoint.

        Args:
            job_id: as in the lab's own table.
            queue: whose workers take it; named again, since DBOS forgets it when a job is cancelled.
            held: no worker takes it before `plan` says when it begins.

        Raises:
            LabError: it is not there, still going, or already done.
        """
        rows = self._rows([job_id])
        state = _state(rows[0]) if rows else None
        if state is None:
            raise LabError("This job is not in the queue, so it cannot be tried again. Start it anew.")
        if state.status not in ("failed", "cancelled"):
            word = "already done" if state.status == "done" else "still going on"
            raise LabError(f"This job is {word}, so there is nothing to try again.")
        self._client.update_workflow_attributes(job_id, {"fruitless": 0, "deaths": 0}, merge=True)
        # Without the queue's name any worker would take it, past the limit of one job per GPU.
        self._client.rewind_workflow(job_id, queue_name=NOBODYS if held else queue)

    def claim(self, job_id: str) -> Claim | None:
        """Who runs the job by which taking; None when nobody does."""
        rows = self._rows([job_id])
        if not rows or rows[0].status != "PENDING":
            return None
        return Claim(rows[0].executor_id or "", rows[0].dequeued_at or 0)

    def attributes(self, job_id: str) -> Mapping[str, Any]:
        """The queue's own notes on a job: its kind, how often it was begun, how often in vain."""
        rows = self._rows([job_id])
        return dict(rows[0].attributes or {}) if rows else {}

    def note(self, job_id: str, **notes: Any) -> None:
        self._client.update_workflow_attributes(job_id, notes, merge=True)

    def take_over(self, executor: str) -> list[str]:
        """Queue again what a dead worker was running; returns the jobs' ids."""
        rows = self._client.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
        for row in rows:
            self._client.resume_workflow(row.workflow_id, queue_name=row.queue_name)
        return [row.workflow_id for row in rows]

    def check(self) -> None:
        """Raise whatever keeps the queue from answering."""
        self._client.list_workflows(limit=1, load_input=False, load_output=False)

    def close(self) -> None:
        if self._connected is not None:
            self._connected.destroy()
            self._connected = None

    @property
    def _client(self) -> DBOSClient:
        with self._lock:
            if self._connected is None:
                from dbos import DBOSClient

                self._connected = DBOSClient(
                    system_database_url=self.url,
                    application_name=APPLICATION,
                    serializer=serializer(),
                    retry_connection_errors=False,  # an error a caller sees, not a wait without end
                )
            return self._connected

    def _rows(self, ids: list[str]) -> list[Any]:
        pages: Iterator[list[str]] = (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE))
        return [
            row
            for page in pages
            for row in self._client.list_workflows(workflow_ids=page, load_input=False, load_output=False)
        ]


def _state(row: Any) -> JobState:
    return JobState(
        id=row.workflow_id,
        status=STATUS[row.status],
        queued_at=_moment(row.created_at),
        started_at=_moment(row.dequeued_at),
        finished_at=_moment(row.completed_at),
        attempts=int((row.attributes or {}).get("attempts", 0)),
        executor=row.executor_id,
        priority=row.priority or 0,
    )


def _moment(epoch_ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC) if epoch_ms is not None else None
