"""Jobs as people see them, and the signs of life of the workers that run them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, Update, delete, select, update
from sqlalchemy.orm import Session

from db.models import Job, JsonObject, WorkerLease, now


def job_progress(session: Session, job_id: str, share: float, message: str, numbers: Mapping[str, Any]) -> None:
    """How far a job is: share 0-1, a sentence, and the numbers behind it."""
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(share_done=share, message=message, progress=dict(numbers), updated_at=now())
    )


def job_failure(session: Session, job_id: str, sentence: str | None) -> None:
    """Why a job failed, for a person; None when it is tried again."""
    session.execute(update(Job).where(Job.id == job_id).values(failure=sentence, updated_at=now()))


def jobs_of_spec(session: Session, project_id: int, kind: str, spec: JsonObject) -> list[str]:
    """The project's jobs that ever were to do this very thing, newest first."""
    known = select(Job.id, Job.spec).where(Job.project_id == project_id, Job.kind == kind)
    return [job for job, said in session.execute(known.order_by(Job.created_at.desc())) if said == spec]


def mark_ended(session: Session, job_id: str) -> None:
    """Have a worker look after what follows on the job's end."""
    session.execute(update(Job).where(Job.id == job_id).values(attend=True))


def to_attend(session: Session) -> Sequence[Job]:
    """Jobs that wait for another, or whose end is to be told, oldest first."""
    return session.scalars(select(Job).where(Job.attend.is_(True)).order_by(Job.created_at)).all()


def attended(session: Session, job: Job) -> bool:
    """Note that it was looked after, if it still waits for the same job as it did; of several workers one gets True."""
    return _changed(session, _as_it_was(job).values(attend=False))


def given_up(session: Session, job: Job, sentence: str, attend: bool) -> bool:
    """Note why a job cannot begin, under the same condition; `attend` where people are to hear of it."""
    return _changed(session, _as_it_was(job).values(failure=sentence, attend=attend, updated_at=now()))


def _as_it_was(job: Job) -> Update:
    return update(Job).where(Job.id == job.id, Job.attend.is_(True), Job.after_id.is_not_distinct_from(job.after_id))


def raise_beat(session: Session, executor_id: str, info: Mapping[str, Any]) -> None:
    """A worker's sign of life; its row is made again if a survivor had taken the worker for dead."""
    alive = update(WorkerLease).where(WorkerLease.executor_id == executor_id)
    if not _changed(session, alive.values(beat=WorkerLease.beat + 1, info=dict(info))):
        session.add(WorkerLease(executor_id=executor_id, beat=1, info=dict(info)))


def leases(session: Session) -> Sequence[WorkerLease]:
    return session.scalars(select(WorkerLease).order_by(WorkerLease.executor_id)).all()


def bury(session: Session, executor_id: str, beat: int) -> bool:
    """Delete a worker's lease if it still stands at this beat: of several survivors, one gets True."""
    standing = delete(WorkerLease).where(WorkerLease.executor_id == executor_id, WorkerLease.beat == beat)
    return _changed(session, standing)


def _changed(session: Session, statement: Any) -> bool:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount == 1
