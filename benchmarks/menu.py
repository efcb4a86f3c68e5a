"""[menu] From a click in the menu to a page that can be used, for each page of the demo project, in Chromium.

The lab runs as for people, over the demo project. A page can be used once the script that draws it has ended and
there is something on it (Label many has no heading). Every page was opened once before, so that its libraries are
loaded. Seconds are of time passed, so they hold for a machine that does nothing else; what the app computed until then
stands beside them, by page: it is what the app can change. In turns with them the same click is timed in an application
of as many pages of one line, as Streamlit serves it by itself.

Beside that the bytes of each page for a browser that has seen none of it: answers as they came over the wire, and what
came over the web socket, until the page stood still.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks._bare_app import bare_app
from benchmarks._label_home import browser
from benchmarks.result import Result
from benchmarks.zoom import WAIT_MS
from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.workflows.demo import PROJECT, make_demo
from tests.browser.lab_process import RunningLab
from tests.browser.steps import at_rest, choose_reader
from tests.pages.conftest import fill
from tests.small_lab import JobInProcess
from ui.shell.pages import PAGES, PageEntry

TURNS, QUICK_TURNS = 7, 3
REACH_S = 0.4
REACH_COLD_MB = 3.0
STILL_MS = 1500  # what a page fetches after it is drawn comes within that
BARE = f"""
import streamlit as st

pages = {[(entry.title, entry.name) for entry in PAGES]}
st.navigation([st.Page(lambda at=title: st.title(at), title=title, url_path=name) for title, name in pages]).run()
"""
PRESS = """
link => new Promise(go => {
  const app = document.querySelector('.stApp'), began = performance.now()
  const drawn = () => document.querySelector('.stMain [data-testid="stElementContainer"]')
  const from = location.pathname
  let ran = false
  const look = () => {
    const state = app.dataset.testScriptState
    ran ||= state !== 'notRunning' || location.pathname !== from
    if (ran && state === 'notRunning' && drawn()) go(performance.now() - began)
    else requestAnimationFrame(look)
  }
  link.click()
  requestAnimationFrame(look)
})
"""
"""Heard in the page, frame by frame, so that no call of Playwright's is counted."""


def run(quick: bool) -> Result:
    """`value` is the median over all pages and turns. Quick: a small lab in the place of the demo, and fewer turns."""
    turns = QUICK_TURNS if quick else TURNS
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if quick:
            fill(home)
        else:
            lab = open_lab(load_settings(home=home))
            project = lab.projects.named(PROJECT, simulated=True).id
            make_demo(lab, JobInProcess(lab.settings, home / "demo", "demo"), project)
        running = RunningLab(home)
        try:
            running.start_app()
            assert running.app is not None
            app = psutil.Process(running.app.pid)
            with browser() as opened, bare_app(home, BARE) as bare_address:
                page, bare = (opened.new_page(viewport={"width": 1440, "height": 900}) for _ in range(2))  # type: ignore[attr-defined]
                page.goto(running.url, timeout=WAIT_MS)
                choose_reader(page, "Ada")
                at_rest(page)
                bare.goto(bare_address, timeout=WAIT_MS)
                both = [(_turn(page, app), _bare_turn(bare)) for _ in range(turns + 1)][1:]
                seen, floor = zip(*both, strict=True)
                cold = {entry.name: _cold_mb(opened, f"{running.url}{_place(entry)}") for entry in PAGES}
        finally:
            running.stop()
    by_page = {
        name: [round(statistics.median(turn[name][part] for turn in seen), 3) for part in (0, 1)] for name in seen[0]
    }
    every = [turn[name] for turn in seen for name in turn]
    beside = {
        "reach": REACH_S,
        "reach_is": "most",
        "bare_streamlit_pages_s": round(statistics.median(seconds for turn in floor for seconds in turn), 3),
        "app_computed_s": round(statistics.median(computed for _, computed in every), 3),
        "s_and_app_computed_s_by_page": by_page,
        "cold_mb_by_page": {name: round(megabytes, 2) for name, megabytes in cold.items()},
        "also": {"MB of the largest page for a new browser": (max(cold.values()), "most", REACH_COLD_MB)},
        "load_average": round(os.getloadavg()[0], 1),
    }
    return Result("menu", statistics.median(passed for passed, _ in every), "s to a usable page", beside, turns)


def _turn(page, app: psutil.Process) -> dict[str, tuple[float, float]]:  # type: ignore[no-untyped-def]
    """Through the menu once: by page the seconds until it could be used, and what the app computed until then."""
    seen = {}
    for entry in (*PAGES[1:], PAGES[0]):
        link = page.get_by_test_id("stSidebarNavLink").filter(has_text=entry.title).first
        before = sum(app.cpu_times()[:2])
        passed_ms = link.element_handle().evaluate(PRESS)
        seen[entry.name] = (passed_ms / 1000, sum(app.cpu_times()[:2]) - before)
        at_rest(page)
    return seen


def _bare_turn(page) -> list[float]:  # type: ignore[no-untyped-def]
    """Through the menu of the bare application: seconds until each page could be used."""
    seconds = []
    for link in page.get_by_test_id("stSidebarNavLink").element_handles()[1:]:
        seconds.append(link.evaluate(PRESS) / 1000)
        at_rest(page)
    return seconds


def _place(entry: PageEntry) -> str:
    return f"/{'' if entry is PAGES[0] else entry.name}"


def _cold_mb(opened, address: str) -> float:  # type: ignore[no-untyped-def]
    """Megabytes that a browser with an empty cache is sent for a page."""
    context = opened.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    sent: list[float] = []
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda told: sent.append(told["encodedDataLength"]))
    network.on("Network.webSocketFrameReceived", lambda told: sent.append(_frame_bytes(told["response"])))
    page.goto(address)
    at_rest(page, STILL_MS)
    context.close()
    return sum(sent) / 1e6


def _frame_bytes(frame: dict[str, object]) -> float:
    """Of a web socket's message; a binary one is told in base64."""
    length = len(str(frame["payloadData"]))
    return length if frame["opcode"] == 1 else length * 3 / 4
