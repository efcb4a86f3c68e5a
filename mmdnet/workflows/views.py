"""What pages and the command line draw: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmdnet.workflows.job_plans import Priority


@dataclass(frozen=True, slots=True)
class ProjectView:
    id: int
    name: str
    simulated: bool
    slides: int
    ready_slides: int
    patches: int
    labelled_patches: int
    graded_slides: int
    models: int
    scored_slides: int
    shared_models: int = 0
    archived_at: datetime | None = None
    report_model_id: int | None = None
    reader_first: bool = False


@dataclass(frozen=True, slots=True)
class ProjectChangeView:
    """Who did what to a project; `reader` is None where nobody was named."""

    act: str
    what: str
    reader: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ProjectLosses:
    """What goes when a project is deleted, by kind, and why it cannot be; `refusal` is None where it can."""

    goes: dict[str, int]
    refusal: str | None


@dataclass(frozen=True, slots=True)
class ReaderView:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class JobView:
    """A background job. `status`: queued, running, done, failed, cancelled. `eta_s` is None while unknown.

    One that is `dismissed` is shown on the Jobs page alone. It begins not before `not_before`, None where that is over,
    and when the job `after` is done; of the waiting those of the `priority` first go first. Jobs that one press queued
    share `press`; workers take jobs by `queue`.
    """

    id: str
    project_id: int | None
    kind: str
    title: str
    status: str
    share_done: float
    message: str
    failure: str | None
    progress: dict[str, Any]  # JSON that each kind of job tells of itself
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    eta_s: float | None
    dismissed: bool = False
    priority: Priority = "normal"
    not_before: datetime | None = None
    after: str | None = None
    after_title: str | None = None
    press: str = ""
    queue: str = "cpu"

    @property
    def active(self) -> bool:
        return self.status in {"queued", "running"}
