"""[take-over] Two workers on PostgreSQL, one killed in a job: seconds until the other has begun it, once."""

from benchmarks._workers import job_lab, kill_all, postgres_url, until
from benchmarks.result import Result
from mmdnet.jobs.lease import LEASE_S


def run(quick: bool = False) -> Result:
    """`value` is the longest of the take-overs in seconds, from the kill to the job's next attempt. Quick: two."""
    times: list[float] = []
    wrong = 0
    with postgres_url() as url, job_lab(url) as lab:
        survivors = ["one", "two"]
        processes = {name: lab.worker(name) for name in survivors}
        for number in range(2 if quick else 10):
            job = lab.submit("count", {"epochs": 200, "seconds": 0.2})
            until(lambda job=job: len(lab.epochs(job)) >= 2, "The job's beginning")
            holder = str(lab.state(job).executor).rpartition(":")[2]
            before = lab.child_pid(job)
            kill_all([processes.pop(holder).pid])
            times.append(until(lambda job=job, pid=before: lab.child_pid(job) != pid, "The take-over"))
            lab.queue.cancel(job)
            until(lambda job=job: lab.state(job).status == "cancelled", "The end of the job")
            epochs, begun = lab.epochs(job), sum(line.startswith("begin") for line in lab.events(job))
            wrong += epochs != list(range(len(epochs))) or begun != 2
            name = f"worker-{number}"
            processes[name] = lab.worker(name)
    beside = {"reach": 10, "reach_is": "most", "lease_s": LEASE_S, "seconds": [round(each, 2) for each in times]}
    beside["also"] = {"jobs begun more than once by the survivors, or with an epoch too many": (wrong, "most", 0)}
    return Result("take-over", max(times), "s", beside, len(times))
