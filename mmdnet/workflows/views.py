"""What pages and the command line draw: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


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


@dataclass(frozen=True, slots=True)
class ReaderView:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class JobView:
    """A background job. `status`: queued, running, done, failed, cancelled. `eta_s` is None while unknown."""

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

    @property
    def active(self) -> bool:
        return self.status in {"queued", "running"}
