"""The use cases a button or a command starts."""

from __future__ import annotations

from typing import Any

from mmdnet.workflows.context import JobContext, Queue


class _NoQueue:
    """Stands where a running job would queue another: it must not."""

    def submit(self, kind: str, job_id: str, queue: str) -> None:
        raise RuntimeError("a job does not queue jobs")

    def states(self, ids: object) -> dict[str, Any]:
        return {}

    cancel = retry = submit


def run_job(kind: str, spec: dict[str, Any], context: JobContext) -> None:
    """Do one background job, in the worker's child process.

    Raises:
        LabError: what a person can mend.
    """
    from db.engine import make_engine, session_factory
    from mmdnet.workflows.demo import make_demo
    from mmdnet.workflows.lab import Lab

    queue: Queue = _NoQueue()  # type: ignore[assignment]
    lab = Lab(context.settings, session_factory(make_engine(context.settings.lab_url)), queue)
    if kind == "ingest":
        lab.slides.ingest(context, spec["project_id"], spec["path"], spec["facts"])
    elif kind == "train":
        lab.training.run(context, spec["run_id"])
    elif kind == "score":
        lab.scoring.score_now(context, spec["slide_ids"], spec["model_id"])
    elif kind == "demo":
        make_demo(lab, context, spec["project_id"])
    elif kind == "map":
        lab.maps.make(context, spec["project_id"])
    else:
        raise RuntimeError(f"no such kind of job: {kind}")
