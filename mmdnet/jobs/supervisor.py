"""Watches over one child process: passes its words on, ends it when it must end, and says how it ended."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdnet.jobs.child import DONE, STOPPED, Order
from mmdnet.jobs.context import JobProgress, Tell
from mmdnet.jobs.deaths import MemoryKills, how_it_ended, memory_kills

POLL_S = 0.25
GRACE_S = 0.75  # between asking a child to stop and killing it; with the polls, a cancel ends within 2 s
LOG_FILE = "log.txt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: done, `stopped` from outside for a reason, or with a `failure`, a sentence for a person.

    `died`: the failure is none of the work's own, the process was killed or broke; another attempt may go better.
    None of all these: the database went away under the child, or it found that it is not the attempt that counts.
    """

    done: bool = False
    stopped: str | None = None
    failure: str | None = None
    died: bool = False


class _Words:
    """What the child says on its stdout, read in a thread: only the latest progress counts."""

    def __init__(self, process: "subprocess.Popen[bytes]"):
        self.failure: str | None = None
        self.passing = False  # the failure is an outage's
        self._progress: JobProgress | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            kind, _, content = line.partition(b" ")
            with contextlib.suppress(ValueError, TypeError):
                if kind == b"@progress":
                    progress = JobProgress(**json.loads(content))
                    with self._lock:
                        self._progress = progress
                elif kind == b"@failure":
                    said = json.loads(content)
                    self.failure, self.passing = said["sentence"], said.get("passing", False)

    def latest(self) -> JobProgress | None:
        """Progress not yet passed on."""
        with self._lock:
            progress, self._progress = self._progress, None
        return progress

    def end(self) -> None:
        self._thread.join(2)


def supervise(
    command: Sequence[str],
    order: Order,
    environment: Mapping[str, str],
    must_stop: Callable[[], str | None],
    on_progress: Tell,
) -> Outcome:
    """Run one attempt to its end.

    Args:
        command: the child's program; it reads `order` from stdin.
        environment: variables on top of this process's own.
        must_stop: asked several times a second; a reason ends the child.
        on_progress: given the child's latest progress; should it raise, the job goes on.
    """
    with (order.folder / LOG_FILE).open("ab") as log:
        log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} attempt {order.token}\n".encode())
        log.flush()
        killed_before = memory_kills()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment},
            **_own_group(),
        )
    words = _Words(process)
    stopped = None
    try:
        _say(process, order.line())
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
            _pass_on(words, on_progress)
            stopped = must_stop() if process.poll() is None else None
            if stopped is not None:
                _end(process)
    finally:
        _kill_group(process)  # whatever it started itself, and itself when an error brought us here
        process.wait()
        words.end()
    _pass_on(words, on_progress)
    return _outcome(process.returncode, stopped, words, killed_before)


def _outcome(code: int, stopped: str | None, words: _Words, killed_before: MemoryKills) -> Outcome:
    if stopped is not None:
        return Outcome(stopped=stopped)
    if code == DONE:
        return Outcome(done=True)
    if code == STOPPED:
        return Outcome()
    if words.failure is not None:
        return Outcome() if words.passing else Outcome(failure=words.failure)
    return Outcome(failure=how_it_ended(code, killed_before, memory_kills()), died=True)


def _pass_on(words: _Words, on_progress: Tell) -> None:
    progress = words.latest()
    if progress is not None:
        with contextlib.suppress(Exception):  # a busy database must not end hours of training
            on_progress(progress)


def _own_group() -> Mapping[str, Any]:
    """So that the child's own helpers end with it, and a Ctrl-C in the worker's terminal does not reach it."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    return {"start_new_session": True}


def _say(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has ended already; its exit code says how
        process.stdin.write(line)
        process.stdin.flush()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask, wait, kill."""
    _say(process, b"stop\n")
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        process.wait()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    if os.name == "nt":
        if process.poll() is None:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def job_folder(home_jobs: Path, job_id: str) -> Path:
    """A job's own folder, kept over attempts."""
    folder = home_jobs / job_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder
