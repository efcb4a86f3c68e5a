"""readers: ten readers at once while a real training runs on the same machine.

One reader sits at a canvas in Chromium and is timed as in label-latency: from the press of a patch's last digit to the
next patch painted. Nine others ask for queue and pictures and send a label every two seconds, as their canvases would.
The training is one of the lab's own, started as the Train page does, in its worker.
"""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.request
import uuid
from contextlib import contextmanager

from benchmarks._label_home import LabelLab, browser, grade_patches, label_lab, open_canvas, share, wait_until
from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import PatchGrades
from tests.browser.drawn import draw_field
from ui.shell.access import label_access

OTHERS = 9
EVERY_S = 2.0
TRAINING = {"backbone": "small", "epochs": 100, "patience": 100, "bag_size": 8, "device": "cpu", "domain_key": "none"}
SLIDES = 6


def run(quick: bool = False) -> Result:
    """Key press to next patch painted, p95 in ms, with nine other readers and a training."""
    presses, patches = (20, 2_000) if quick else (150, 100_000)
    with label_lab(patches) as bench:
        bench.session("Ada", patches)
        others = [bench.session(f"Reader {n}", 400, seed=n) for n in range(OTHERS)]
        bench.running.start_app()
        with _training(bench) as training, browser() as opened:
            page = open_canvas(opened, bench, "Ada")
            page.wait_for_timeout(3000)
            with _others(bench, others) as told:
                begun = training()
                times = grade_patches(page, presses)
                ended = training()
        labels = len(bench.lab.labels.current(bench.project))
        intact = bench.lab.labels.record.verify().intact
        log = (bench.running.home / "app.log").read_text(errors="replace")
    if not begun or not ended:
        raise LabError("The training did not run all the time, so nothing was measured.")
    given, problems, answers = told
    beside = {
        "p50_ms": share(times, 50),
        "p99_ms": share(times, 99),
        "others_answer_p95_ms": round(share(answers, 95), 1),
        "readers": 1 + OTHERS,
        "labels_given": len(times) + len(given),
        "labels_in_database": labels,
        "refused": len(problems),
        "locked": log.count("database is locked"),
        "log_intact": intact,
        "patches": patches,
        "reach": "p95 <= 50, p99 <= 100; no label refused, no locked database",
    }
    return Result("readers", share(times, 95), "ms, p95", beside, runs=len(times))


@contextmanager
def _training(bench: LabelLab):  # type: ignore[no-untyped-def]
    """A training of the lab's own, running in its worker; yields what says whether it runs right now."""
    lab, rng = bench.lab, random.Random(0)
    project = lab.projects.named("Training").id
    reader = lab.readers.ensure("Teacher").id
    for number in range(SLIDES):
        path = bench.running.home / f"train_{number}.png"
        draw_field(path, 4, 3, seed=number)
        (outcome,) = lab.slides.register(project, path, StatedFacts(mpp=0.5, patient=f"P{number}", stain="H&E"))
        assert outcome.slide_id is not None, outcome.problem
        patches = lab.slides.patches(outcome.slide_id)
        given = [
            PatchGrades(
                patch.id,
                Grades(ballooning=rng.randint(0, 2), inflammation=rng.randint(0, 3), steatosis=rng.randint(0, 3)),
            )
            for patch in patches
        ]
        lab.labels.acts.put_many(project, reader, given)
    run_id = lab.training.start(project, TRAINING)
    bench.running.start_worker("gpu", "gpu")

    def runs() -> bool:
        job = lab.training.get(run_id).job
        return job is not None and job.status == "running" and job.message != ""

    if not wait_until(lambda: runs() and bool(lab.training.history(run_id)), 120):
        raise LabError("The training did not start within two minutes.")
    yield runs
    lab.training.cancel(run_id)


@contextmanager
def _others(bench: LabelLab, sessions: list[int]):  # type: ignore[no-untyped-def]
    """Nine readers at work until the block ends; yields lists of labels given, problems, and answers' times in ms."""
    told: tuple[list[int], list[str], list[float]] = ([], [], [])
    over = threading.Event()
    threads = [
        threading.Thread(target=_read, args=(bench, session_id, number, over, *told))
        for number, session_id in enumerate(sessions)
    ]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _read(
    bench: LabelLab, session_id: int, number: int, over: threading.Event,
    given: list[int], problems: list[str], answers: list[float],
) -> None:  # fmt: skip
    reader_id = bench.lab.readers.ensure(f"Reader {number}").id
    token = label_access(bench.lab, bench.project, session_id, reader_id)
    headers = {"x-lab-token": token, "content-type": "application/json"}
    over.wait(EVERY_S * number / OTHERS)  # people do not press at the same instant
    for item in json.loads(_ask(f"{bench.running.url}/api/label/queue?limit=200", headers))["items"]:
        patch = item["patch_id"]
        for context in ("", "?context=3"):
            _ask(f"{bench.running.url}/api/patch/{patch}.jpg{context}", headers)
        act = {"key": uuid.uuid4().hex, "act": "grade", "patch_id": patch, "grades": {"steatosis": 1}, "based_on": None}
        start = time.perf_counter()
        answer = json.loads(_ask(f"{bench.running.url}/api/label/acts", headers, {"acts": [act]}))
        answers.append((time.perf_counter() - start) * 1000)
        given.append(patch)
        problems += [result["problem"] for result in answer["results"] if not result["saved"]]
        if over.wait(EVERY_S):
            return


def _ask(url: str, headers: dict[str, str], body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return answer.read()
