"""Background jobs: started, planned, watched, cancelled and tried again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from db.models import Job, now
from mmdnet.errors import LabError
from mmdnet.workflows.context import QueuedState
from mmdnet.workflows.job_plans import AT_ONCE, HELD, NUMBERS, JobPlan, priority_of, still_to_come
from mmdnet.workflows.job_specs import JobSpec
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.views import JobView

TAIL_BYTES = 64_000
NEWEST = 200  # jobs a list shows that have ended
IDS_AT_ONCE = 500
MOST_REFUSALS = 20  # sentences a job tells at its end


class Jobs:
    def __init__(self, services: Services) -> None:
        self._services = services

    def submit(
        self,
        title: str,
        spec: JobSpec,
        project_id: int | None = None,
        plan: JobPlan = AT_ONCE,
        press: str | None = None,
    ) -> str:
        """Queue a job; its number. The row is written first, so that a job the queue knows always has its facts.

        Args:
            title: what people call it.
            spec: what it is told.
            project_id: whose it is; None is nobody's.
            plan: when it begins.
            press: shared by all jobs that one press queues; the job's own number if not given.

        Raises:
            LabError: the plan cannot be, see `JobPlan.check` and `plan`. Nothing was queued.
        """
        job_id = uuid.uuid4().hex
        self.check_plan(plan, project_id)
        row = Job(
            id=job_id,
            project_id=project_id,
            kind=spec.kind,
            queue=spec.queue,
            title=title,
            spec=spec.model_dump(mode="json"),
            press=press or job_id,
        )
        _set_plan(row, plan)
        with self._services.db.begin() as session:
            session.add(row)
        self._services.queue.submit(spec.kind, job_id, spec.queue, NUMBERS[plan.priority], _begin_at(row))
        return job_id

    def plan(self, job_id: str, plan: JobPlan) -> None:
        """Change when a waiting job begins.

        Raises:
            LabError: it waits no more, or the plan cannot be: no such priority or time, or the job it is to wait for
                has ended, is another project's, or waits for this one. Nothing was changed.
        """
        self.check_plan(plan, self.get(job_id).project_id, job_id)
        with self._services.db.begin() as session:
            row = must_get(session, Job, job_id, "job")
            _set_plan(row, plan)
            session.flush()
            if not self._services.queue.plan(job_id, row.queue, NUMBERS[plan.priority], _begin_at(row)):
                raise LabError("This job waits no more, so when it begins cannot be changed. Nothing was changed.")

    def check_plan(self, plan: JobPlan, project_id: int | None, job_id: str | None = None) -> None:
        """Refuse a plan that cannot be for a job of this project, one that is there or a new one (`job_id` None).

        Raises:
            LabError: see `plan`.
        """
        plan.check()
        before, name = plan.after, ""
        while before is not None:
            if before == job_id:
                raise LabError(f"{name or 'It'} waits for this job already. Nothing was changed.")
            job = self.get(before)
            if not name:
                name = job.title
                if job.project_id not in (None, project_id):
                    raise LabError("A job can wait only for one of its own project. Nothing was changed.")
                if not job.active:
                    raise LabError(f"{name} is {job.status} already, so nothing can wait for it. Nothing was changed.")
            before = job.after if job.status == "queued" else None

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
            newest_first = sorted(jobs.values(), key=lambda job: job.created_at, reverse=True)
            views = self._views(session, newest_first)
        return [view for view in views if view.active] if active else views

    def get(self, job_id: str) -> JobView:
        with self._services.db() as session:
            return self._views(session, [must_get(session, Job, job_id, "job")])[0]

    def get_many(self, job_ids: Iterable[str | None]) -> Mapping[str, JobView]:
        """Jobs by number, in two questions however many there are; numbers of none are left out."""
        wanted = sorted({job_id for job_id in job_ids if job_id})
        with self._services.db() as session:
            jobs: list[Job] = []
            for start in range(0, len(wanted), IDS_AT_ONCE):
                jobs += session.scalars(select(Job).where(Job.id.in_(wanted[start : start + IDS_AT_ONCE])))
            return {view.id: view for view in self._views(session, jobs)}

    def numbered(self, beginning: str) -> Sequence[JobView]:
        """Jobs whose number begins so, newest first and however old."""
        begins = Job.id.startswith(beginning, autoescape=True)
        with self._services.db() as session:
            return self._views(
                session, session.scalars(select(Job).where(begins).order_by(Job.created_at.desc())).all()
            )

    def cancel(self, job_id: str) -> None:
        """Stop a queued or running job; what it finished stays.

        Raises:
            LabError: it has ended already.
        """
        if not self.get(job_id).active:
            raise LabError("This job has ended already; there is nothing to cancel.")
        self._services.queue.cancel(job_id)

    def retry(self, job_id: str) -> None:
        """Start a failed or cancelled job again, at once; it goes on from its last saved state.

        One that waited for another waits again where that one waits or runs.

        Raises:
            LabError: it is running, queued or done, or the job it waited for is not done.
        """
        view = self.get(job_id)
        if view.status not in {"failed", "cancelled"}:
            raise LabError(f"This job is {view.status}; only a failed or cancelled one can be started again.")
        waits = self._waits_again(view)
        with self._services.db.begin() as session:
            job = must_get(session, Job, job_id, "job")
            job.failure = job.dismissed_at = job.not_before = None
            job.attend = waits
            kind, queue = job.kind, job.queue
        number, begin_at = NUMBERS[view.priority], HELD if waits else None
        if job_id in self._services.queue.states([job_id]):
            self._services.queue.retry(job_id, queue, held=waits)
            if waits:
                self._services.queue.plan(job_id, queue, number, begin_at)
        else:  # the power went between writing the row and queueing it
            self._services.queue.submit(kind, job_id, queue, number, begin_at)

    def _views(self, session: Session, jobs: Sequence[Job]) -> Sequence[JobView]:
        titles = _titles(session, [job.after_id for job in jobs if job.after_id])
        states = self._services.queue.states([job.id for job in jobs]) if jobs else {}
        return [_view(job, states.get(job.id), titles) for job in jobs]

    def _waits_again(self, view: JobView) -> bool:
        """Whether the job it waited for still waits or runs.

        Raises:
            LabError: that one has ended without success, so this one would find nothing.
        """
        if view.after is None or view.after_title is None:
            return False
        before = self.get(view.after)
        if before.status in {"failed", "cancelled"}:
            raise LabError(f"It waits for {before.title}, which is {before.status}. Start that one again first.")
        return before.active

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


def _set_plan(row: Job, plan: JobPlan) -> None:
    row.not_before, row.after_id, row.attend = plan.not_before, plan.after, plan.after is not None


def _begin_at(row: Job) -> datetime | None:
    return HELD if row.after_id else row.not_before


def _titles(session: Session, ids: Iterable[str]) -> Mapping[str, str]:
    """Of jobs that others wait for, by number; of those that are gone none."""
    wanted = list(ids)
    return dict(session.execute(select(Job.id, Job.title).where(Job.id.in_(wanted))).tuples().all()) if wanted else {}


def _left_s(job: Job) -> float | None:
    """Seconds left: what the job last told less the time since, as it may tell nothing for an epoch; None once over."""
    told = job.progress.get("eta_s")
    if not told:
        return told
    left = told - (now() - job.updated_at).total_seconds()
    return left if left > 0 else None


def _view(job: Job, state: QueuedState | None, titles: Mapping[str, str]) -> JobView:
    started = state.started_at if state else None
    status = state.status if state else "failed"
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
        failure=failure if status in {"failed", "cancelled"} else None,
        progress=job.progress,
        created_at=job.created_at,
        started_at=started,
        finished_at=state.finished_at if state else None,
        eta_s=_left_s(job) if status == "running" else None,
        dismissed=job.dismissed_at is not None,
        priority=priority_of(state.priority) if state else "normal",
        not_before=still_to_come(job.not_before),
        after=job.after_id,
        after_title=titles.get(job.after_id or ""),
        press=job.press or job.id,
        queue=job.queue,
    )
