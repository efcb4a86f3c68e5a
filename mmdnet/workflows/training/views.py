"""What pages and the command line draw of trainings: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmdnet.workflows.views import JobView


@dataclass(frozen=True, slots=True)
class CheckView:
    """Whether a training would start: `lines` say what it would use; `problem` is the sentence why it cannot."""

    ok: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    problem: str | None
    expected: str = ""  # which of the lines says what is done to the backbone, and how long it should take


@dataclass(frozen=True, slots=True)
class RunView:
    id: int
    project_id: int
    name: str
    job: JobView | None
    choices: dict[str, Any]  # as given; options of earlier builds may be among them
    label_set: dict[str, Any]  # as it was recorded, by this build or an earlier one
    created_at: datetime
    model_id: int | None
