"""[power-cut] Worker and child killed at once, one job running and fifty queued; then the worker is only started."""

import time

from benchmarks._workers import job_lab, kill_all, until
from benchmarks.result import Result

EPOCHS, EPOCH_S = 4, 0.5


def run(quick: bool = False) -> Result:
    """`value`: jobs that did not finish by themselves, ran twice, or repeated or lost an epoch. Quick: 12 queued."""
    queued = 12 if quick else 50
    with job_lab() as lab:
        worker = lab.worker(queues="gpu")  # one job at a time
        running = lab.submit("count", {"epochs": EPOCHS, "seconds": EPOCH_S}, "gpu")
        waiting = [lab.submit("count", {"epochs": 1, "seconds": 0.05}, "gpu") for _ in range(queued)]
        until(lambda: len(lab.epochs(running)) >= 2, "The first job")
        kill_all([worker.pid])
        begun_before = sum(bool(lab.events(job)) for job in waiting)
        back = time.monotonic()
        lab.worker(queues="gpu")
        jobs = [running, *waiting]
        until(lambda: all(state.status == "done" for state in lab.queue.states(jobs).values()), "The end of all jobs")
        seconds = time.monotonic() - back
        wrong = sum(
            lab.epochs(job) != list(range(EPOCHS if job == running else 1))
            or sum(line.startswith("end") for line in lab.events(job)) != 1
            for job in jobs
        )
    beside = {
        "reach": 0,
        "reach_is": "most",
        "queued": queued,
        "begun_before_the_cut": begun_before,
        "seconds_to_the_end_of_all": round(seconds, 1),
    }
    return Result("power-cut", wrong, "jobs lost, doubled or with an epoch too many", beside, len(jobs))
