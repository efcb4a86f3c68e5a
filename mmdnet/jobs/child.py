"""One attempt at one job, in a process of its own: `python -m mmdnet.jobs.child JOB_ID`, started by a worker.

The first line on stdin is the order (job, settings, attempt). A further line asks the job to stop; the end of stdin
means that the worker is gone and ends this process at once (`parent_watch`). What the job prints goes to its log; only
`@progress` and `@failure` lines go to the supervisor.
"""

import _thread
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from mmdnet.errors import LabError
from mmdnet.jobs.context import JobContext, JobProgress, protocol_line
from mmdnet.jobs.outages import PASSING
from mmdnet.jobs.parent_watch import watch_parent
from mmdnet.settings import Settings
from mmdnet.troubles import trouble_of

DONE, FAILED, STOPPED = 0, 1, 75
NICE = 10

RunJob = Callable[[str, Mapping[str, Any], JobContext], None]  # any kind's spec, as JSON has it


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker tells the child it starts. It travels by stdin: a database password must not show in `ps`."""

    job_id: str
    folder: Path
    token: str
    settings: Settings

    def line(self) -> bytes:
        content = {
            "job_id": self.job_id,
            "folder": str(self.folder),
            "token": self.token,
            "settings": self.settings.model_dump(mode="json"),
        }
        return json.dumps(content).encode() + b"\n"

    @classmethod
    def read(cls, descriptor: int = 0) -> "Order":
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(descriptor, 1)
            if not byte:
                sys.exit("A job is started by a worker; start one with: mmdnet worker")
            line += byte
        content = json.loads(line)
        return cls(content["job_id"], Path(content["folder"]), content["token"], Settings(**content["settings"]))


def main(run_job: RunJob | None = None) -> int:
    """Do the ordered job with `run_job` (the lab's use cases when none is given); the exit code says how it ended."""
    order = Order.read()
    talk = _own_stdout()

    def tell(progress: JobProgress) -> None:
        talk.write(protocol_line("progress", asdict(progress)))
        talk.flush()

    context = JobContext(order.job_id, order.settings, order.folder, order.token, tell)

    def stop() -> None:
        context.stop()
        _thread.interrupt_main()  # also out of long work between two checks

    signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored, inherited from a background shell
    watch_parent(told=stop)
    _step_back()
    try:
        kind, spec = _load(order)
        (run_job or _use_cases())(kind, spec, context)
    except KeyboardInterrupt:
        return STOPPED
    except Exception as error:
        traceback.print_exc()
        passing = trouble_of(error) in PASSING
        talk.write(protocol_line("failure", {"sentence": _sentence(error), "passing": passing}))
        talk.flush()
        return FAILED
    return DONE


def _step_back() -> None:
    """On a small machine the page a person looks at comes first.

    Linux weighs sessions against each other before it looks at a process's own niceness (sched(7), autogroup), so this
    child's session, which its worker made for it, steps back as well.
    """
    if hasattr(os, "nice"):
        os.nice(NICE)
        if os.getsid(0) == os.getpid():
            with contextlib.suppress(OSError):
                Path("/proc/self/autogroup").write_text(str(NICE))


def _own_stdout() -> TextIO:
    """Keep stdout for the talk with the supervisor; everything anyone prints goes to the log (stderr) instead."""
    talk = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return talk


def _load(order: Order) -> tuple[str, Mapping[str, Any]]:
    from db.engine import make_engine, session_factory
    from db.models import Job

    engine = make_engine(order.settings.lab_url)
    try:
        with session_factory(engine)() as session:
            job = session.get(Job, order.job_id)
            if job is None:
                raise LabError("This job is no longer in the lab: its project was removed.")
            return job.kind, job.spec
    finally:
        engine.dispose()


def _use_cases() -> RunJob:
    from mmdnet.workflows.job_kinds import run_job

    return run_job


def _sentence(error: Exception) -> str:
    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's own, on a GPU
        return (
            "The job needs more memory than there is. Choose a smaller backbone or smaller bags, or close other "
            "programs, and start it again."
        )
    if trouble := trouble_of(error):
        return f"{trouble} Then start the job again; it goes on from where it was."
    return "The job failed by a fault of the program. Its log says more; please report it with the log."


if __name__ == "__main__":
    sys.exit(main())
