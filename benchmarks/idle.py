"""[idle] What a worker that has nothing to do takes of memory and of a core: the real one, as the lab starts it."""

import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._workers import until
from benchmarks.result import Result
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from tests.browser.lab_process import RunningLab

MIB = 2**20


def run(quick: bool = False) -> Result:
    """`value` is resident memory in MiB. Quick: watched for 20 s, not for two minutes."""
    seconds = 20 if quick else 120
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = RunningLab(Path(folder))
        open_lab(Settings(home=lab.home))
        lab.start_worker("cpu", "cpu")
        log = lab.home / "worker-cpu.log"
        try:
            until(lambda: "ready" in log.read_text(), "The worker's beginning", 120)
            time.sleep(5)
            worker = psutil.Process(lab.workers[0].pid)
            before, begun = sum(worker.cpu_times()[:2]), time.monotonic()
            time.sleep(seconds)
            share = (sum(worker.cpu_times()[:2]) - before) / (time.monotonic() - begun)
            memory = worker.memory_full_info()
        finally:
            lab.stop()
    beside = {
        "reach": 120,
        "reach_is": "most",
        "of_its_own_mib": round(memory.uss / MIB, 1),
        "also": {"% of a core": (round(100 * share, 2), "most", 2)},
        "seconds": seconds,
    }
    return Result("idle", memory.rss / MIB, "MiB", beside)
