"""lasso: 100,000 patches on the Label many page in Chromium; from the mouse let go to the count of patches painted.

Timed from the event's own time stamp of the button let go to the first task after the animation frame that shows the
count. Beside it: 5,000 labels applied as one act, from the route's request to its answer, labels in the database; and
the same act taken back.
"""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
import uuid

from benchmarks._label_home import LabelLab, browser, label_lab, share
from benchmarks.result import Result
from mmdnet.errors import LabError
from tests.browser.steps import lasso, open_many
from ui.shell.access import label_access

LABELS = 5_000
LISTEN = "window.lassoed = []; window.addEventListener('mmdnet:lassoed', (e) => window.lassoed.push(e.detail))"


def run(quick: bool = False) -> Result:
    """p95 in ms of a lasso's count over 100,000 patches."""
    patches, turns = (10_000, 5) if quick else (100_000, 20)
    with label_lab(patches) as bench, browser() as opened:
        bench.running.start_app()
        reader = bench.lab.readers.ensure("Ada").id
        session = bench.lab.labels.bulk.session(bench.project, reader)
        lassos = _lassos(opened, bench, turns)
        offered = bench.lab.labels.bulk.patches(session, reader).patch_id
        applied, undone = _applied(bench, session, reader, offered[:LABELS].tolist(), 1 if quick else 5)
    times = [selection["ms"] for selection in lassos]
    beside = {
        "patches": len(offered),
        "p50_ms": round(statistics.median(times), 1),
        "worst_ms": round(max(times), 1),
        "caught": [min(selection["count"] for selection in lassos), max(selection["count"] for selection in lassos)],
        "labels": LABELS,
        "labels_applied_s": round(statistics.median(applied), 3),
        "labels_undone_s": round(statistics.median(undone), 3),
        "reach": "count <= 200 ms; 5,000 labels <= 1 s",
    }
    return Result("lasso", share(times, 95), "ms", beside, runs=turns)


def _lassos(opened, bench: LabelLab, turns: int) -> list[dict[str, float]]:  # type: ignore[no-untyped-def]
    page = opened.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(LISTEN)
    open_many(page, bench.running.url, bench.project, "Ada")
    for turn in range(turns):
        reach = 0.1 + 0.35 * turn / turns  # from a few thousand patches to most of them
        corners = [(0.5 - reach, 0.5), (0.5, 0.5 - reach), (0.5 + reach, 0.5), (0.5, 0.5 + reach)]
        lasso(page, corners, steps=25)
        page.wait_for_function(f"window.lassoed.length > {turn}", timeout=30_000)
        page.wait_for_timeout(400)
    lassos = page.evaluate("window.lassoed")
    if not any(caught["count"] for caught in lassos):
        raise LabError("The lasso caught nothing, so nothing was measured.")
    return lassos


def _applied(
    bench: LabelLab, session: int, reader: int, patches: list[int], turns: int
) -> tuple[list[float], list[float]]:
    """Seconds for one act over these patches through the route, and for taking it back."""
    token = label_access(bench.lab, bench.project, session, reader)
    applied, undone = [], []
    for _ in range(turns):
        key = f"bench-{uuid.uuid4().hex}"
        sent = {"key": key, "patches": patches, "grades": {"steatosis": 1}, "shown": {"plane": "map", "pictures": 48}}
        applied.append(_post(bench, "give", sent, token, {"given": len(patches)}))
        undo = {"key": f"undo-{uuid.uuid4().hex}", "undoes": key}
        undone.append(_post(bench, "undo", undo, token, {"undone": len(patches)}))
    return applied, undone


def _post(bench: LabelLab, act: str, sent: dict[str, object], token: str, wanted: dict[str, int]) -> float:
    headers = {"content-type": "application/json", "x-lab-token": token}
    request = urllib.request.Request(f"{bench.running.url}/api/bulk/{act}", json.dumps(sent).encode(), headers)
    start = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        told = json.load(answer)
    taken = time.perf_counter() - start
    if told != wanted:
        raise LabError(f"The lab answered {told}, not {wanted}.")
    return taken
