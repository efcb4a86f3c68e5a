"""What follows when a job has ended: those that wait for it begin, or are told that they cannot, and people hear of it.

Every worker looks, several times a minute; whatever one does counts once, and a worker that is killed in between leaves
it for the next look.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session, sessionmaker

from db.jobs import attended, given_up, to_attend
from db.models import Job
from mmdnet.jobs.notices import Notice
from mmdnet.jobs.queue import JobQueue, JobState
from mmdnet.workflows.job_plans import still_to_come

LOOK_EVERY_S = 2.0
ENDS = {"failed": "failed", "cancelled": "was cancelled"}

TellEnd = Callable[[Notice], None]


def keep_following(sessions: sessionmaker[Session], queue: JobQueue, tell: TellEnd | None) -> None:
    """Look again and again, in the background; `tell` is None where nobody is to hear of a job's end."""

    def go_on() -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            try:
                follow_up(sessions, queue, tell)
            except Exception as error:  # the database is away; the next look tries again
                print(f"Ended jobs were not looked after: {type(error).__name__}: {error}", file=sys.stderr, flush=True)

    threading.Thread(target=go_on, name="follow-up", daemon=True).start()


def follow_up(sessions: sessionmaker[Session], queue: JobQueue, tell: TellEnd | None) -> None:
    """Look once at the jobs that are to be attended to."""
    with sessions() as session:
        jobs = to_attend(session)
    states = queue.states({key for job in jobs for key in (job.id, job.after_id) if key is not None})
    for job in jobs:
        state = states.get(job.id)
        if state is None:  # written, and not in the queue yet
            continue
        if state.status == "queued" and job.after_id is not None:
            _let_go(sessions, queue, job, state, states, tell)
        elif state.status not in ("queued", "running"):  # what ended may be queued again: its worker was killed then
            _tell_end(sessions, job, state, tell)


def _let_go(
    sessions: sessionmaker[Session],
    queue: JobQueue,
    job: Job,
    state: JobState,
    states: Mapping[str, JobState],
    tell: TellEnd | None,
) -> None:
    before = states.get(job.after_id or "")
    if before is not None and before.status in ("queued", "running"):
        return
    with sessions.begin() as session:  # if the queue does not answer, nothing is written either
        if before is None or before.status != "done":
            known = session.get(Job, job.after_id)
            name = "another job" if known is None else known.title
            end = ENDS[before.status] if before is not None and known is not None else "is no longer in the lab"
            sentence = f"It was to begin after {name}, which {end}. Start that one again, then this one."
            if given_up(session, job, sentence, attend=tell is not None):
                queue.cancel(job.id)
        elif attended(session, job):
            queue.plan(job.id, job.queue, state.priority, still_to_come(job.not_before))


def _tell_end(sessions: sessionmaker[Session], job: Job, state: JobState, tell: TellEnd | None) -> None:
    with sessions.begin() as session:
        mine = attended(session, job)  # of several workers one tells
    if mine and tell is not None and (state.status != "cancelled" or job.failure):  # who cancels a job knows it
        tell(Notice(job.id, job.kind, state.status, job.project_id, job.created_at, state.finished_at))
