"""A child whose jobs only count, refuse, break or will not listen: what the crash tests kill."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from typing import Any

from mmdnet.errors import LabError
from mmdnet.jobs.child import main
from mmdnet.jobs.context import JobContext


def run_job(kind: str, spec: dict[str, Any], context: JobContext) -> None:
    globals()[kind](spec, context)


def count(spec: dict[str, Any], context: JobContext) -> None:
    """Epochs with a checkpoint after each, as training does."""
    last = context.folder / "last.json"
    start = json.loads(last.read_text())["epoch"] + 1 if last.exists() else 0
    with (context.folder / "events.txt").open("a+", buffering=1) as events:
        events.seek(0)
        if start and f"epoch {start - 1}\n" not in events.readlines():  # killed between the checkpoint and this line
            events.write(f"epoch {start - 1}\n")
        events.write(f"begin {os.getpid()} {time.time()}\n")
        for epoch in range(start, spec["epochs"]):
            until = time.monotonic() + spec["seconds"]
            while time.monotonic() < until:
                time.sleep(0.01)
                context.check()
            made = context.folder / f"made.{os.getpid()}"
            made.write_text(json.dumps({"epoch": epoch}))
            context.check()
            made.replace(last)
            events.write(f"epoch {epoch}\n")
            context.progress((epoch + 1) / spec["epochs"], f"epoch {epoch + 1}", loss=1 / (epoch + 1))
        events.write(f"end {time.time()}\n")
    print("counted to the end")


def refuse(spec: dict[str, Any], context: JobContext) -> None:
    raise LabError("There are no labels yet. Grade some patches first.")


def refuse_once(spec: dict[str, Any], context: JobContext) -> None:
    mark = context.folder / "mark"
    if not mark.exists():
        mark.write_text("")
        raise LabError("Not yet.")


def broken(spec: dict[str, Any], context: JobContext) -> None:
    raise RuntimeError("a private detail")


def away(spec: dict[str, Any], context: JobContext) -> None:
    error = sqlite3.OperationalError("a private detail")
    error.sqlite_errorname = "SQLITE_BUSY"
    raise error


def killed(spec: dict[str, Any], context: JobContext) -> None:
    os.kill(os.getpid(), 9)


def deaf(spec: dict[str, Any], context: JobContext) -> None:
    """Hears no stop, and has a helper process of its own."""
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (context.folder / "pids.txt").write_text(f"{os.getpid()} {helper.pid}")
    context.progress(0.1, "deaf")
    until = time.monotonic() + 600
    while time.monotonic() < until:
        try:
            time.sleep(0.1)
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(run_job))
