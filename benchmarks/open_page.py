"""[open-page] What an open page that nobody touches takes of the app, while a job of its project waits or runs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._label_home import browser
from benchmarks.result import Result
from benchmarks.zoom import WAIT_MS
from tests.browser.lab_process import RunningLab
from tests.pages.conftest import fill

PAGES = ("", "slides", "label", "train", "score", "report")
SETTLES_S = 15


def run(quick: bool) -> Result:
    """`value` is the app's processor time in % of a core, mean over the pages. Quick: 20 s each, not a minute."""
    watched_s = 20 if quick else 60
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        fill(home)  # with a training that waits for a worker, so that each page asks for it every two seconds
        lab = RunningLab(home)
        try:
            lab.start_app()
            assert lab.app is not None
            app, shares = psutil.Process(lab.app.pid), {}
            with browser() as opened:
                page = opened.new_page()  # type: ignore[attr-defined]
                for name in PAGES:
                    page.goto(f"{lab.url}/{name}", timeout=WAIT_MS)
                    page.get_by_text("In the background ·").wait_for(timeout=WAIT_MS)
                    time.sleep(SETTLES_S)
                    before, begun = sum(app.cpu_times()[:2]), time.monotonic()
                    time.sleep(watched_s)
                    shares[name or "overview"] = (sum(app.cpu_times()[:2]) - before) / (time.monotonic() - begun)
        finally:
            lab.stop()
    by_page = {name: round(100 * share, 1) for name, share in shares.items()}
    beside = {"reach": 5, "reach_is": "most", "by_page": by_page, "seconds": watched_s}
    return Result("open-page", 100 * sum(shares.values()) / len(shares), "% of a core", beside, len(PAGES))
