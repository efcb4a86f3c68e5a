"""[sessions] Browser sessions, two clicks each, then closed: how much of the app's memory is not given back."""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks._sockets import Visit, visit
from benchmarks.result import Result
from tests.browser.drawn import make_label_home
from tests.browser.lab_process import RunningLab

CLICKS = 2
AT_ONCE = 10
FORGOTTEN_S = 130  # Streamlit keeps a session whose browser is gone for two minutes, for the browser to come back
MIB = 2**20


def run(quick: bool = False) -> Result:
    """`value` is the share of memory that is still taken, two minutes after the last was closed, in %. Quick: 30."""
    sessions, rng = (30 if quick else 100), random.Random(0)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        made = make_label_home(home)
        lab = RunningLab(home)
        try:
            lab.start_app()
            assert lab.app is not None
            app = psutil.Process(lab.app.pid)
            _visits(lab, AT_ONCE, made.project, rng)  # what the program itself takes with its first pages
            time.sleep(FORGOTTEN_S)
            before, most = app.memory_info().rss, 0
            for _ in range(sessions // AT_ONCE):
                most = max(most, _visits(lab, AT_ONCE, made.project, rng))
            closed = app.memory_info().rss
            time.sleep(FORGOTTEN_S)
            after = app.memory_info().rss
        finally:
            lab.stop()
    beside = {
        "reach": 20,
        "reach_is": "most",
        "before_mib": round(before / MIB),
        "most_mib": round(most / MIB),
        "when_closed_mib": round(closed / MIB),
        "after_mib": round(after / MIB),
        "sessions": sessions,
    }
    return Result("sessions", 100 * (after - before) / before, "% more than before", beside, sessions)


def _visits(lab: RunningLab, number: int, project: int, rng: random.Random) -> int:
    """So many sessions open at once, each with its clicks; the app's memory before they are closed."""
    assert lab.app is not None
    with ExitStack() as open_ones:
        visits: list[Visit] = [open_ones.enter_context(visit(lab)) for _ in range(number)]
        for each in visits:
            each.go(query=f"project={project}")
            for page in rng.sample(each.pages, CLICKS):
                each.go(page, f"project={project}")
        return psutil.Process(lab.app.pid).memory_info().rss
