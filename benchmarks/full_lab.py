"""[full-lab] Every page on a full lab, from the click in the menu until the page stands still, in Chromium.

Counted beside the pages is the form of a new label session, from the click on its button. A new browser's first visit,
which fetches Streamlit's scripts as well, stands beside them with that of a bare Streamlit application in the same run.
The wall time counts the last change of the page, not the half second it is then watched. Beside it: the processor time
the app took for it, which other work on the machine does not change.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from benchmarks._bare_app import bare_app
from benchmarks._full_lab import FULL, QUICK, full_lab
from benchmarks._label_home import browser, share
from benchmarks.result import Result
from tests.browser.lab_process import RunningLab
from tests.browser.steps import WAIT_MS, at_rest, choose_reader
from ui.shell.pages import PAGES

STILL_MS = 500
FIRST_VISIT, NEW_SESSION = "first visit", "new session"


def run(quick: bool = False) -> Result:
    """`value` is the p95 of the pages' times in seconds. Quick: 300 slides and one round, not 2,000 and three."""
    rounds, size = (1, QUICK) if quick else (3, FULL)
    wall: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}
    bare: list[float] = []
    with full_lab(size) as full, browser() as opened, bare_app(full.lab.settings.home) as bare_address:
        lab = RunningLab(full.lab.settings.home)
        try:
            lab.start_app()
            assert lab.app is not None
            app = psutil.Process(lab.app.pid)

            for _ in range(rounds + 1):  # the first round is a fresh server's, and not counted
                page = _new_browser(opened)
                bare.append(_timed(page, app, lambda page=page: page.goto(bare_address))[0])
                page.context.close()
                page = _new_browser(opened)
                for name, seconds, used in _walk(page, f"{lab.url}/?project={full.project}", app):
                    wall.setdefault(name, []).append(seconds)
                    processor.setdefault(name, []).append(used)
                page.context.close()
        finally:
            lab.stop()
    counted = {name: times[1:] for name, times in wall.items()}
    first = counted.pop(FIRST_VISIT)
    every = [seconds for times in counted.values() for seconds in times]
    beside = {
        "reach": 1.5,
        "reach_is": "most",
        "median_s": {name: round(statistics.median(times), 2) for name, times in counted.items()},
        "processor_s_of_the_app": {name: round(statistics.median(times[1:]), 2) for name, times in processor.items()},
        "fresh_server_s": {name: round(times[0], 2) for name, times in wall.items()},
        "first_visit_of_a_new_browser_s": round(statistics.median(first), 2),
        "first_visit_of_a_bare_streamlit_page_s": round(statistics.median(bare[1:]), 2),
        "slides": size.slides,
        "patches": size.patches,
        "labels": size.labels,
        "jobs": size.jobs,
    }
    return Result("full-lab", share(every, 95), "s, p95", beside, len(every))


def _new_browser(opened: Any) -> Any:
    """A page of a browser that has been nowhere yet."""
    page = opened.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(WAIT_MS)
    return page


def _timed(page: Any, app: psutil.Process, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of time passed and of the app's processor until the page stands still."""
    begun, used = time.perf_counter(), sum(app.cpu_times()[:2])
    work()
    at_rest(page, STILL_MS)
    return time.perf_counter() - begun - STILL_MS / 1000, sum(app.cpu_times()[:2]) - used


def _walk(page: Any, address: str, app: psutil.Process) -> Iterator[tuple[str, float, float]]:
    """A first visit, a click on each page of the menu, and the form of a new session: what, and as `_timed`."""
    yield FIRST_VISIT, *_timed(page, app, lambda: page.goto(address))
    choose_reader(page, "Ada")
    at_rest(page, STILL_MS)
    for entry in PAGES:
        yield entry.name, *_timed(page, app, page.get_by_role("link", name=entry.title, exact=True).first.click)
        if entry.name == "label":
            yield NEW_SESSION, *_timed(page, app, page.get_by_role("button", name="New session").click)
            page.keyboard.press("Escape")
            page.get_by_role("dialog").wait_for(state="detached")
            at_rest(page, STILL_MS)
