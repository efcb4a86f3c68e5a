"""Background jobs: started, watched, cancelled and tried again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, true

from db.models import Job, now
from mmdnet.errors import LabError
from mmdnet.workflows.context import QueuedState
from mmdnet.workflows.job_specs import JobSpec
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.views import JobView

TAIL_BYTES = 64_000
NEWEST = 200  # jobs a list shows that have ended
IDS_AT_ONCE = 500


class Jobs:
    def __init__(self, services: Services) -> None:
        self._services = services

    def submit(self, title: str, spec: JobSpec, project_id: int | None = None) -> str:
        """Queue a job; its number. The row is written first, so that a job the queue knows always has its facts."""
        job_id = uuid.uuid4().hex
        with self._services.db.begin() as session:
            told = spec.model_dump(mode="json")
            row = Job(id=job_id, project_id=project_id, kind=spec.kind, queue=spec.queue, title=title, spec=told)
            session.add(row)
        self._services.queue.submit(spec.kind, job_id, spec.queue)
        return job_id

    def list(self, project_id: int | None = None, active: bool = False) -> Sequence[JobView]:
        """The newest jobs and, however old, all that wait or run, newest first; of one project, or of all."""
        of_project = true() if project_id is None else (Job.project_id == project_id) | Job.project_id.is_(None)
        statement = select(Job).where(of_project).order_by(Job.created_at.desc())
        going = sorted(self._services.queue.active())
        with self._services.db() as session:
            jobs = {} if active else {job.id: job for job in session.scalars(statement.limit(NEWEST))}
            for start in range(0, len(going), IDS_AT_ONCE):
                ids = going[start : start + IDS_AT_ONCE]
                jobs |= {job.id: job for job in session.scalars(statement.where(Job.id.in_(ids)))}
        states = self._services.queue.states(list(jobs))
        newest_first = sorted(jobs.values(), key=lambda job: job.created_at, reverse=True)
        views = [_view(job, states.get(job.id)) for job in newest_first]
        return [view for view in views if view.active] if active else views

    def get(self, job_id: str) -> JobView:
        with self._services.db() as session:
            job = must_get(session, Job, job_id, "job")
        return _view(job, self._services.queue.states([job_id]).get(job_id))

    def cancel(self, job_id: str) -> None:
        """Stop a queued or running job; what it finished stays.

        Raises:
            LabError: it has ended already.
        """
        if not self.get(job_id).active:
            raise LabError("This job has ended already; there is nothing to cancel.")
        self._services.queue.cancel(job_id)

    def retry(self, job_id: str) -> None:
        """Start a failed or cancelled job again; it goes on from its last saved state.

        Raises:
            LabError: it is running, queued or done.
        """
        view = self.get(job_id)
        if view.status not in {"failed", "cancelled"}:
            raise LabError(f"This job is {view.status}; only a failed or cancelled one can be started again.")
        with self._services.db.begin() as session:
            job = must_get(session, Job, job_id, "job")
            job.failure = job.dismissed_at = None
            kind, queue = job.kind, job.queue
        if job_id in self._services.queue.states([job_id]):
            self._services.queue.retry(job_id)
        else:  # the power went between writing the row and queueing it
            self._services.queue.submit(kind, job_id, queue)

    def dismiss(self, job_id: str) -> None:
        """Have a job that has ended shown on the Jobs page alone.

        Raises:
            LabError: it still waits or runs.
        """
        if self.get(job_id).active:
            raise LabError("This job still waits or runs. Cancel it first, or wait; nothing was changed.")
        with self._services.db.begin() as session:
            must_get(session, Job, job_id, "job").dismissed_at = now()

    def folder(self, job_id: str) -> Path:
        """Where the job keeps its log and its state."""
        return self._services.settings.folder("jobs") / job_id

    def log(self, job_id: str, lines: int = 200) -> str:
        """The last lines of the job's log."""
        path = self.folder(self.get(job_id).id) / "log.txt"
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def _view(job: Job, state: QueuedState | None) -> JobView:
    started = state.started_at if state else None
    status = state.status if state else "failed"
    eta = None
    if status == "running" and started and job.share_done > 0.02:
        passed = (datetime.now(UTC) - started).total_seconds()
        eta = passed * (1 - job.share_done) / job.share_done
    failure = job.failure
    if status == "failed" and failure is None:
        failure = "It stopped unexpectedly; its log says where. Start it again to go on from its last saved state."
    return JobView(
        id=job.id,
        project_id=job.project_id,
        kind=job.kind,
        title=job.title,
        status=status,
        share_done=1.0 if status == "done" else job.share_done,
        message=job.message,
        failure=failure if status == "failed" else None,
        progress=job.progress,
        created_at=job.created_at,
        started_at=started,
        finished_at=state.finished_at if state else None,
        eta_s=job.progress.get("eta_s", eta) if status == "running" else None,
        dismissed=job.dismissed_at is not None,
    )
