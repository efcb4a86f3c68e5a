"""[take-over] Two workers on PostgreSQL, one killed in a job: seconds until the other has it, once."""

import os

from benchmarks._workers import job_lab, kill_all, postgres_url, until
from benchmarks.result import Result
from mmdnet.jobs.lease import LEASE_S


def run(quick: bool = False) -> Result:
    """`value` is the longest in seconds from the kill until the other worker runs the job. Quick: two kills, not ten.

    Beside it: until that worker's new process has begun, which on a busy machine waits for a processor.
    """
    times: list[float] = []
    seized: list[float] = []
    wrong = 0
    with postgres_url() as url, job_lab(url) as lab:
        processes = {name: lab.worker(name) for name in ("one", "two")}
        for number in range(2 if quick else 10):
            logs = [lab.home / f"worker-{name}.log" for name in processes]
            until(lambda logs=logs: all("ready" in log.read_text() for log in logs), "The workers' beginning")
            job = lab.submit("count", {"epochs": 200, "seconds": 0.2})
            until(lambda job=job: len(lab.epochs(job)) >= 2, "The job's beginning")
            holder, before = lab.state(job).executor, lab.child_pid(job)
            kill_all([processes.pop(str(holder).rpartition(":")[2]).pid])
            seized.append(until(lambda job=job, who=holder: lab.state(job).executor not in (who, None), "The seizing"))
            times.append(seized[-1] + until(lambda job=job, pid=before: lab.child_pid(job) != pid, "The take-over"))
            lab.queue.cancel(job)
            until(lambda job=job: lab.state(job).status == "cancelled", "The end of the job")
            epochs, begun = lab.epochs(job), sum(line.startswith("begin") for line in lab.events(job))
            wrong += epochs != list(range(len(epochs))) or begun != 2
            name = f"worker-{number}"
            processes[name] = lab.worker(name)
    beside = {"reach": 10, "reach_is": "most", "lease_s": LEASE_S, "load_average": round(os.getloadavg()[0], 1)}
    beside |= {"seconds": [round(s, 2) for s in seized], "until_its_process_has_begun": [round(s, 2) for s in times]}
    beside["also"] = {"jobs begun more than once by the survivors, or with an epoch too many": (wrong, "most", 0)}
    return Result("take-over", max(seized), "s", beside, len(seized))
