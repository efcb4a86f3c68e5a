"""What a use case needs from whoever runs it in the background, and from the queue that starts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from mmdnet.progress import Progress
from mmdnet.settings import Settings


class JobContext(Protocol):
    """A running job: its folder outlives attempts, so work done there is not done twice."""

    @property
    def job_id(self) -> str: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def folder(self) -> Path: ...

    def progress(self, share: float, message: str, /, **numbers: Any) -> None:
        """Tell how far the job is (share 0-1), in words and numbers."""

    def check(self) -> None:
        """Raise if this attempt is no longer the one that may publish results."""


def checked(context: JobContext) -> Progress:
    """A job's progress, told only while this attempt is the one that may publish; else whoever tells it is stopped."""

    def tell(share: float, message: str, /, **numbers: Any) -> None:
        context.check()
        context.progress(share, message, **numbers)

    return tell


@dataclass(frozen=True)
class PartOfJob:
    """A running job as one part of it sees it: what the part tells goes to `tell`."""

    whole: JobContext
    tell: Progress

    @property
    def job_id(self) -> str:
        return self.whole.job_id

    @property
    def settings(self) -> Settings:
        return self.whole.settings

    @property
    def folder(self) -> Path:
        return self.whole.folder

    def progress(self, share: float, message: str, /, **numbers: Any) -> None:
        self.tell(share, message, **numbers)

    def check(self) -> None:
        self.whole.check()


class QueuedState(Protocol):
    """What the queue knows of a job."""

    @property
    def status(self) -> str: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...
    @property
    def priority(self) -> int: ...


class Queue(Protocol):
    """The durable queue as the use cases see it."""

    def submit(self, kind: str, job_id: str, queue: str, priority: int, begin_at: datetime | None) -> None: ...
    def plan(self, job_id: str, queue: str, priority: int, begin_at: datetime | None) -> bool: ...
    def states(self, ids: Iterable[str]) -> Mapping[str, QueuedState]: ...
    def active(self) -> set[str]: ...
    def cancel(self, job_id: str) -> None: ...
    def retry(self, job_id: str, queue: str, held: bool = False) -> None: ...
    def check(self) -> None: ...
