"""What pages and the command line draw: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard


@dataclass(frozen=True, slots=True)
class ProjectView:
    id: int
    name: str
    simulated: bool
    slides: int
    ready_slides: int
    patches: int
    labelled_patches: int
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
    progress: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    eta_s: float | None

    @property
    def active(self) -> bool:
        return self.status in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class CheckView:
    """Whether a training would start: `lines` say what it would use; `problem` is the sentence why it cannot."""

    ok: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class RunView:
    id: int
    project_id: int
    name: str
    job: JobView | None
    choices: dict[str, Any]
    label_set: dict[str, Any]
    created_at: datetime
    model_id: int | None


@dataclass(frozen=True, slots=True)
class ModelView:
    id: int
    project_id: int | None
    run_id: int | None
    name: str
    weights_sha256: str
    card: ModelCard
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing to do now: a sentence, the page where it is done, the words on the button."""

    sentence: str
    page: str
    button: str
