"""readers: ten readers at once while a job keeps a processor busy; every label in, none refused, no locked database.

Each reader is a connection of its own that asks for the queue and sends an act every two seconds or faster, as the
canvas does; times are those of the answers the next patch waits for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

from benchmarks._label_home import LabelLab, label_lab, share
from benchmarks.result import Result
from mmdnet.errors import LabError
from ui.routes import label_access

READERS = 10
EVERY_S = 0.5
BUSY = "while True: sum(number * number for number in range(100_000))"


def run(quick: bool = False) -> Result:
    """p95 of an act's answer in ms with ten readers at once and a busy job."""
    acts = 10 if quick else 120
    with label_lab(2_000 if quick else 20_000) as bench:
        sessions = [(bench.session(f"Reader {n}", acts + 20, seed=n), f"Reader {n}") for n in range(READERS)]
        bench.running.start_app()
        busy = subprocess.Popen([sys.executable, "-c", BUSY])
        try:
            times, problems = _all_at_once(bench, sessions, acts)
        finally:
            busy.kill()
            busy.wait()
        labels = len(bench.lab.labels.current(bench.project))
        intact = bench.lab.labels.verify().intact
        log = (bench.running.home / "app.log").read_text(errors="replace")
    if not times:
        raise LabError(f"No act was answered: {problems[:1]}")
    beside = {
        "p50_ms": round(share(times, 50), 1),
        "p99_ms": round(share(times, 99), 1),
        "readers": READERS,
        "acts": READERS * acts,
        "labels_in_database": labels,
        "refused": len(problems),
        "locked": log.count("database is locked"),
        "log_intact": intact,
    }
    return Result("readers", round(share(times, 95), 1), "ms, p95 of an act's answer", beside, runs=len(times))


def _all_at_once(bench: LabelLab, sessions: list[tuple[int, str]], acts: int) -> tuple[list[float], list[str]]:
    times: list[float] = []
    problems: list[str] = []
    threads = [
        threading.Thread(target=_read, args=(bench, session_id, name, acts, times, problems))
        for session_id, name in sessions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, problems


def _read(bench: LabelLab, session_id: int, name: str, acts: int, times: list[float], problems: list[str]) -> None:
    reader_id = bench.lab.readers.ensure(name).id
    token = label_access(bench.lab, bench.project, session_id, reader_id)
    headers = {"x-lab-token": token, "content-type": "application/json"}
    items = _ask(f"{bench.running.url}/api/label/queue?limit={min(200, acts)}", headers)["items"]
    for item in items:
        act = {"key": uuid.uuid4().hex, "act": "grade", "patch_id": item["patch_id"], "grades": {"steatosis": 1}}
        start = time.perf_counter()
        answer = _ask(f"{bench.running.url}/api/label/acts", headers, {"acts": [act | {"based_on": None}]})
        times.append((time.perf_counter() - start) * 1000)
        problems += [one["problem"] for one in answer["results"] if not one["saved"]]
        time.sleep(EVERY_S)


def _ask(url: str, headers: dict[str, str], body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return json.load(answer)
