"""[cancel] From a cancel until the job's process and all it started are gone; also of one that does not listen."""

import time

from benchmarks._workers import family, job_lab, until
from benchmarks.result import Result
from tests.mmdnet.jobs.conftest import alive


def run(quick: bool = False) -> Result:
    """`value` is the longest in seconds. Quick: three of each kind, not fifteen."""
    times: dict[str, list[float]] = {"count": [], "deaf": []}
    with job_lab() as lab:
        lab.worker("both", queues="cpu,gpu")
        for _ in range(3 if quick else 15):
            for kind, taken in times.items():
                job = lab.submit(kind, {"epochs": 500, "seconds": 0.2} if kind == "count" else {})
                begun = lab.home / "jobs" / job / ("events.txt" if kind == "count" else "pids.txt")
                until(lambda begun=begun: begun.exists() and begun.read_text().strip(), "The job's beginning")
                pid = lab.child_pid(job) if kind == "count" else int(begun.read_text().split()[0])
                pids = [process.pid for process in family(pid)]
                start = time.monotonic()
                lab.queue.cancel(job)
                until(lambda pids=pids: not any(alive(pid) for pid in pids), "The end of the job")
                taken.append(time.monotonic() - start)
    longest = {f"{kind}_longest_s": round(max(taken), 2) for kind, taken in times.items()}
    beside = {"reach": 2, "reach_is": "most", **longest, "gpu": "not measured: no GPU here"}
    return Result("cancel", max(map(max, times.values())), "s", beside, sum(map(len, times.values())))
