"""A worker: holds one slot of this machine, takes jobs from its queues, and has a child process do each.

A worker may be killed at any moment. What it was running stays in the queue under its name; it takes that up again
when it starts, or another worker does when this one's lease has run out. There is no orderly way out to get wrong.
"""

import contextlib
import hashlib
import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from db.engine import make_engine, migrate, session_factory
from db.jobs import job_failure, job_progress, mark_ended
from db.models import Job
from mmdnet.errors import LabError
from mmdnet.jobs.child import Order
from mmdnet.jobs.context import JobProgress, Tell, write_token
from mmdnet.jobs.fence import CLAIM_EVERY_S, OUT_OF_REACH, Fence, Turns
from mmdnet.jobs.follow_up import keep_following
from mmdnet.jobs.lease import BEATS_PER_LEASE, LEASE_S, Watch, beat_once, lock_slot
from mmdnet.jobs.notices import Notice, sender
from mmdnet.jobs.outages import through_outages
from mmdnet.jobs.queue import APPLICATION, CONCURRENCY, VERSION, WORKFLOW, JobQueue, serializer
from mmdnet.jobs.queue_files import prepared_queue
from mmdnet.jobs.supervisor import Outcome, job_folder, supervise
from mmdnet.settings import PROJECT_ROOT, Settings
from mmdnet.words import count

CHILD = (sys.executable, "-m", "mmdnet.jobs.child")
FRUITLESS_LIMIT = 10  # attempts in a row that brought the job no further; then it is poison, and left alone
DEATHS_LIMIT = 3  # children in a row that were killed, or broke, and brought the job no further
BREATH_S = 2.0  # between two such children, times how many there were: memory may be free again by then
QUEUE_EVERY_S = 0.5
IDLE_LEASES = 1.5  # a worker that ends when there is nothing left waits so long for jobs of one that died


class JobError(Exception):
    """A job ended without success; the sentence is for a person."""


QUIET = (JobError, dbos_error.DBOSAwaitedWorkflowCancelledError)


def run_worker(
    settings: Settings,
    slot: str,
    queues: Sequence[str],
    gpu: str | None = None,
    child: Sequence[str] = CHILD,
    lease_s: float = LEASE_S,
    as_json: bool = False,
    until_empty: bool = False,
) -> None:
    """Work until killed, or until nothing is left.

    The one line on stdout says that it is ready; what happens later is told on stderr.

    Args:
        slot: this worker's name on this machine, such as `gpu-0` or `cpu`.
        queues: which queues it serves, of `gpu` and `cpu`.
        gpu: the one GPU its jobs see (as CUDA numbers them); None leaves the choice to the job.
        child: the program that does one attempt.
        lease_s: after how many silent seconds another worker takes over.
        as_json: say that it is ready as one JSON object: `ready`, `slot`, `queues`, `pid`.
        until_empty: end when for longer than the lease no job waited in its queues and none ran here; so long, for the
            jobs of a worker that has died come back to the queue only then.

    Raises:
        LabError: the slot is taken, a queue is unknown, or a database is out of reach.
    """
    unknown = sorted(set(queues) - set(CONCURRENCY))
    if unknown:
        raise LabError(f"There is no queue called {unknown[0]}; there are {' and '.join(CONCURRENCY)}.")
    os.umask(0o077)  # what it and its jobs write is for the lab's user alone
    try:
        held = lock_slot(settings.folder("locks"), slot)
        migrate(settings.lab_url)
        queue = prepared_queue(settings)
        worker = Worker(settings, executor_id(settings, slot), queue, gpu, tuple(child), lease_s)
        worker.beat({"pid": os.getpid(), "slot": slot, "queues": list(queues), "gpu": gpu})  # before it takes old jobs
    except (OSError, SQLAlchemyError) as error:
        raise LabError(
            f"The worker cannot use the lab in {settings.home}: its folder or database cannot be written, or is busy. "
            "Ask 'mmdnet doctor', then start the worker again."
        ) from error
    worker.listen(queues)
    keep_following(worker.sessions, queue, worker.tell)
    facts = {"ready": True, "slot": slot, "queues": list(queues), "pid": os.getpid()}
    print(json.dumps(facts) if as_json else f"Worker {slot} is ready for {' and '.join(queues)} jobs.", flush=True)
    try:
        if until_empty:
            worker.wait_until_empty(queues)
        else:
            threading.Event().wait()
    finally:
        assert not held.closed  # the slot is ours to the very end
        os._exit(0)  # DBOS's threads would wait for the jobs; the children end with this process, as their stdin closes


def executor_id(settings: Settings, slot: str) -> str:
    """One name per host, home and slot: the same name twice would run a job twice."""
    home = hashlib.sha256(str(settings.home.resolve()).encode()).hexdigest()[:6]
    return f"{socket.gethostname()}:{home}:{slot}"


@dataclass
class Worker:
    """One worker's means: its name, the lab's database, the queue, and how it starts a child."""

    settings: Settings
    executor: str
    queue: JobQueue
    gpu: str | None
    child: tuple[str, ...]
    lease_s: float
    sessions: sessionmaker[Session] = field(init=False)
    turns: Turns = field(default_factory=Turns)
    tell: Callable[[Notice], None] | None = field(init=False)

    def __post_init__(self) -> None:
        self.tell = sender(self.settings)
        self.sessions = session_factory(make_engine(self.settings.lab_url))

    def beat(self, info: Mapping[str, Any]) -> None:
        """Give the first sign of life now and go on giving them in the background."""
        watch = Watch(self.executor, self.lease_s)
        beat_once(self.sessions, watch, info, self.queue.take_over)

        def go_on() -> None:
            while True:
                time.sleep(self.lease_s / BEATS_PER_LEASE)
                try:
                    taken = beat_once(self.sessions, watch, info, self.queue.take_over)
                except Exception as error:  # the database is away; the next beat tries again
                    print(
                        f"No sign of life could be given: {type(error).__name__}: {error}", file=sys.stderr, flush=True
                    )
                    continue
                if taken:
                    print(
                        f"Took over {count(len(taken), 'job')} of a worker that is gone.", file=sys.stderr, flush=True
                    )

        threading.Thread(target=go_on, name="lease", daemon=True).start()

    def listen(self, queues: Sequence[str]) -> None:
        """Take jobs from the queues. What this worker was running when it was last killed is queued again first."""

        # No DBOS steps inside: the child keeps its own checkpoints, and a recorded step would replay an old failure.
        # DBOS's own count of attempts is reset by every take-over; `_begin` keeps the one that counts.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=1_000_000)
        def job(job_id: str) -> None:
            self.run(job_id)

        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self.queue.url,
            "executor_id": self.executor,
            "application_version": VERSION,
            "serializer": serializer(),
            "log_level": "WARNING",
        }
        DBOS(config=config)
        logging.getLogger("dbos").addFilter(_no_traceback_of_job_errors)
        DBOS.listen_queues(list(queues))
        DBOS.launch()
        for name in queues:
            DBOS.register_queue(name, worker_concurrency=CONCURRENCY[name], polling_interval_sec=QUEUE_EVERY_S)

    def wait_until_empty(self, queues: Sequence[str]) -> None:
        """Return when for `IDLE_LEASES` leases no job waited in these queues and none ran here."""
        busy_at = time.monotonic()
        while time.monotonic() - busy_at < IDLE_LEASES * self.lease_s:
            time.sleep(CLAIM_EVERY_S)
            with contextlib.suppress(Exception):  # a database that is away says nothing of what waits there
                if not self.queue.has_work(queues, self.executor):
                    continue
            busy_at = time.monotonic()

    def run(self, job_id: str) -> None:
        """Bring one job to its end.

        Raises:
            JobError: it failed, was cancelled, or went to another worker.
        """
        with self.turns.take(job_id) as turn:
            claim = through_outages(lambda: self.queue.claim(job_id))
            if claim is None or claim.executor != self.executor:
                raise JobError("The job was stopped before it began.")
            fence = Fence(self.queue, self.lease_s, job_id, claim, turn)
            while True:
                outcome = self._attempt(job_id, fence)
                if outcome.done:
                    through_outages(partial(self._end, job_id))
                    return
                if outcome.died:
                    outcome = self._after_death(job_id, outcome, fence)
                if outcome.failure is not None:
                    through_outages(partial(self._end, job_id, outcome.failure))
                    raise JobError(outcome.failure)
                reason = outcome.stopped or fence.ask()
                while reason == OUT_OF_REACH:  # when it is back, it says whether the job is still ours
                    time.sleep(CLAIM_EVERY_S)
                    reason = fence.ask()
                if reason is not None:
                    raise JobError(f"The job was ended here: {reason}.")
                # Else the child died, or lost the database, or saw another token: a frozen worker had woken and put its
                # own over ours.

    def _end(self, job_id: str, failure: str | None = None) -> None:
        """Note how the job ended, and that it is to be told where it is; the queue's own row follows at once."""
        with self.sessions.begin() as session:
            if failure is not None:
                job_failure(session, job_id, failure)
            if self.tell is not None:
                mark_ended(session, job_id)

    def _attempt(self, job_id: str, fence: Fence) -> Outcome:
        row = through_outages(partial(self._row, job_id))
        if row is None:
            return Outcome(failure="This job is no longer in the lab: its project was removed.")
        number = through_outages(partial(self._begin, job_id, row.share_done))
        if number is None:
            return Outcome(
                failure=f"The job was interrupted {FRUITLESS_LIMIT} times without getting any further, so it is not "
                "tried again by itself. Its log says more; start it again when the cause is mended.",
            )
        folder = job_folder(self.settings.folder("jobs"), job_id)
        order = Order(job_id, folder, f"{number} {self.executor} {secrets.token_hex(8)}", self._absolute_settings())
        write_token(folder, order.token)
        environment = {
            "PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(":;")
        }
        if self.gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self.gpu
        return supervise(self.child, order, environment, fence, self._write_progress(job_id))

    def _after_death(self, job_id: str, outcome: Outcome, fence: Fence) -> Outcome:
        """Wait for the next attempt of a job whose child was killed or broke; a failure where it was too often."""
        notes = through_outages(partial(self.queue.attributes, job_id))
        row = through_outages(partial(self._row, job_id))
        went_on = row is not None and row.share_done > float(notes.get("share", 0.0))
        deaths = 1 if went_on else int(notes.get("deaths", 0)) + 1
        if deaths >= DEATHS_LIMIT:
            said = f"{outcome.failure} This happened {deaths} times without the job getting any further, so it is not "
            return Outcome(failure=said + "taken up again by itself; start it again when the cause is mended.")
        through_outages(partial(self.queue.note, job_id, deaths=deaths))
        print(f"Job {job_id} is taken up again: {outcome.failure}", file=sys.stderr, flush=True)
        until = time.monotonic() + BREATH_S * deaths
        while time.monotonic() < until:
            time.sleep(CLAIM_EVERY_S / 2)
            if reason := fence():
                return Outcome(stopped=reason)
        return Outcome()

    def _row(self, job_id: str) -> Job | None:
        with self.sessions() as session:
            return session.get(Job, job_id)

    def _begin(self, job_id: str, share_done: float) -> int | None:
        """Count this attempt; None when too many in a row brought the job no further."""
        notes = self.queue.attributes(job_id)
        attempts = int(notes.get("attempts", 0)) + 1
        furthest = float(notes.get("share", 0.0))
        went_on = attempts == 1 or share_done > furthest
        fruitless = 0 if went_on else int(notes.get("fruitless", 0)) + 1
        if fruitless > FRUITLESS_LIMIT:
            return None
        deaths = 0 if went_on else int(notes.get("deaths", 0))
        share = max(share_done, furthest)
        self.queue.note(job_id, attempts=attempts, fruitless=fruitless, deaths=deaths, share=share)
        with self.sessions.begin() as session:
            job_failure(session, job_id, None)
        return attempts

    def _write_progress(self, job_id: str) -> Tell:
        def write(progress: JobProgress) -> None:
            with self.sessions.begin() as session:
                job_progress(session, job_id, progress.share, progress.message, progress.numbers)

        return write

    def _absolute_settings(self) -> Settings:
        return self.settings.model_copy(update={"home": self.settings.home.resolve()})


def _no_traceback_of_job_errors(record: logging.LogRecord) -> bool:
    """The sentence stands in the lab's database and the traceback in the job's log: enough."""
    return not (record.exc_info and isinstance(record.exc_info[1], QUIET))
