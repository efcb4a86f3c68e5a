"""What a running job holds: where to keep its work, how to say how far it is, and whether it may go on."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdnet.progress import TimeLeft
from mmdnet.settings import Settings

TOKEN_FILE = "attempt"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is: share 0-1, words for a person, numbers for charts (arbitrary JSON by name)."""

    share: float
    message: str
    numbers: Mapping[str, Any]


Tell = Callable[[JobProgress], None]


class JobStopped(KeyboardInterrupt):
    """This attempt must end: the job was cancelled, or another worker has taken it over.

    A KeyboardInterrupt, so that no `except Exception` on the way takes it for a failure of the work.
    """


def write_token(folder: Path, token: str) -> None:
    """Make `token` the attempt that may publish into this job's folder."""
    fresh = folder / f"{TOKEN_FILE}.{os.getpid()}.{threading.get_ident()}"
    fresh.write_text(token, encoding="utf-8")
    fresh.replace(folder / TOKEN_FILE)


class JobContext:
    """A job's own folder (kept over attempts), its settings, and its line to the people who wait for it."""

    def __init__(self, job_id: str, settings: Settings, folder: Path, token: str, tell: Tell):
        self.job_id = job_id
        self.settings = settings
        self.folder = folder
        self._token = token
        self._tell = tell
        self._stop = threading.Event()
        self._left = TimeLeft()

    def progress(self, share: float, message: str, /, **numbers: Any) -> None:
        """Say how far the job is: share 0-1, words for a person, numbers for charts (plain JSON values).

        Cheap enough for every batch: the supervisor writes only the latest of a quarter of a second down. Work that
        knows how long it still takes says so as `eta_s`, or None where nothing can be said; of other work it is told by
        how the share grows.

        Raises:
            JobStopped: this attempt must end.
        """
        self.check()
        share = min(max(float(share), 0.0), 1.0)
        left = self._left.after(share)
        self._tell(JobProgress(share, message, {"eta_s": left} | numbers))

    def check(self) -> None:
        """Go on only as the one attempt that may publish.

        A frozen worker can wake beside its successor: the token in the job's folder says which of the two counts.

        Raises:
            JobStopped: the job was cancelled or taken over.
        """
        if self._stop.is_set():
            raise JobStopped("the job was stopped")
        try:
            current = (self.folder / TOKEN_FILE).read_text(encoding="utf-8")
        except OSError:
            current = ""
        if current != self._token:
            raise JobStopped("another attempt has taken over")

    def stop(self) -> None:
        """Let the next `check` or `progress` end this attempt."""
        self._stop.set()


def protocol_line(kind: str, content: Mapping[str, Any]) -> str:
    """One line of the child's talk to its supervisor: `@progress {...}` or `@failure {...}`."""
    return f"@{kind} {json.dumps(content, default=str)}\n"
