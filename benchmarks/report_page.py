"""[report-page] The Report page of a slide of 10,000 patches in Chromium: from the address to content, and to the map.

The lab runs as it does for people. Measured are both ways in: by a link, a whole load of the page in a tab of its own,
with the program's scripts in the browser's cache, as they are for all but its first visitor, and this report's pictures
too, as for whoever has seen it within minutes; and as a report is mostly opened, by the menu of a page that is open
already. First content is the page's head with its grades; the map is there when the deep zoom painted all tiles in
view with the attention over them. Between the visits by link a page of one line is loaded that Streamlit serves as it
does by itself: the floor under any page of it. Seconds are of time passed, so they hold for a machine that does nothing
else; what app and browser computed until then stands beside them.
"""

from __future__ import annotations

import os
import statistics
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from benchmarks._bare_app import bare_app
from benchmarks._full_lab import write_scores
from benchmarks._label_home import browser
from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result
from benchmarks.zoom import WAIT_MS, lay_patches
from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from tests.browser.lab_process import RunningLab
from tests.browser.steps import at_rest

ROWS, QUICK_ROWS = 100, 30  # 10,000 and 900 patches of 299 px
MPP = 0.5
VISITS, QUICK_VISITS = 5, 3
CONTENT_S, MAP_S = 1.0, 2.0
WARM_STILL_MS = 1500  # what a page fetches after it is drawn comes within that
WINDOW_MS = (
    2500  # a new window of Chromium's loads pages of its own for the address bar; a person's stands open already
)
PAINTED = ".stage[data-whole]:not([data-whole=''])"
LISTEN = """
new MutationObserver(() => {
  if (!window.contentAt && document.querySelector(".mmd-nas, #one-line")) {
    requestAnimationFrame(() => setTimeout(() => { window.contentAt ||= performance.now(); }));
  }
}).observe(document, { childList: true, subtree: true });
"""


def run(quick: bool) -> Result:
    rows, visits = (QUICK_ROWS, QUICK_VISITS) if quick else (ROWS, VISITS)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        path = write_mosaic(home / "slide.tiff", rows * 299, MPP, tissue_field()[0])
        lab = open_lab(load_settings(home=home))
        project, slide = lay_patches(lab, path, rows)
        patches = len(lab.slides.patches(slide))
        write_scores(lab, lab.models.shipped(), [slide], patches, np.random.default_rng(0))
        running = RunningLab(home)
        try:
            running.start_app()
            address = f"{running.url}/report?project={project}&score={lab.scoring.list(project)[0].id}"
            with browser() as opened, bare_app(home) as bare:
                context = opened.new_context(viewport={"width": 1440, "height": 900})  # type: ignore[attr-defined]
                both = [(_visit(context, address, running), _visit_bare(context, bare)) for _ in range(visits + 2)]
                seen, floor = zip(*both[2:], strict=True)
                by_menu = [_from_open_page(context, f"{running.url}/?project={project}") for _ in range(visits)]
        finally:
            running.stop()
    content, painted, app_content, app_map, all_map = (statistics.median(values) for values in zip(*seen, strict=True))
    menu_content, menu_painted = (statistics.median(values) for values in zip(*by_menu, strict=True))
    fastest = [round(min(values), 3) for values in zip(*seen, strict=True)]
    beside = {
        "reach": CONTENT_S,
        "reach_is": "most",
        "also": {
            "s to the map, all in view painted": (round(painted, 3), "most", MAP_S),
            "s to first content from an open page": (round(menu_content, 3), "most", CONTENT_S),
            "s to the map from an open page": (round(menu_painted, 3), "most", MAP_S),
        },
        "bare_streamlit_page_s": round(statistics.median(floor), 3),
        "app_computed_s_to_content": round(app_content, 3),
        "app_computed_s_to_map": round(app_map, 3),
        "app_and_browser_computed_s_to_map": round(all_map, 3),
        "fastest_content_s": fastest[0],
        "fastest_map_s": fastest[1],
        "patches": patches,
        "load_average": round(os.getloadavg()[0], 1),
    }
    return Result("report-page", content, "s to first content", beside, visits)


def _visit(context, address: str, running: RunningLab) -> tuple[float, ...]:  # type: ignore[no-untyped-def]
    """Seconds to first content and to the map; what the app computed until each, and with the browser until the map."""
    assert running.app is not None
    app, everything = psutil.Process(running.app.pid), psutil.Process()
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.wait_for_timeout(WINDOW_MS)
    before, all_before = _computed(app), _computed(everything)
    page.goto(address, wait_until="commit", timeout=WAIT_MS)
    page.wait_for_function("window.contentAt > 0", timeout=WAIT_MS)
    at_content = _computed(app)
    stage = page.locator(PAINTED).first
    stage.wait_for(timeout=WAIT_MS)
    at_map, all_at_map = _computed(app), _computed(everything)
    content, painted = float(page.evaluate("window.contentAt")), float(stage.get_attribute("data-whole") or 0)
    page.close()
    return content / 1000, painted / 1000, at_content - before, at_map - before, all_at_map - all_before


def _visit_bare(context, address: str) -> float:  # type: ignore[no-untyped-def]
    """Seconds from the address to the one line."""
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.wait_for_timeout(WINDOW_MS)
    page.goto(address, wait_until="commit", timeout=WAIT_MS)
    page.wait_for_function("window.contentAt > 0", timeout=WAIT_MS)
    content = float(page.evaluate("window.contentAt"))
    page.close()
    return content / 1000


def _from_open_page(context, address: str) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Seconds from the click in the menu of another page to first content and to the map."""
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.goto(address, timeout=WAIT_MS)
    at_rest(page, WARM_STILL_MS)
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text="Report").first
    began = link.evaluate("link => { const began = performance.now(); link.click(); return began }")
    page.wait_for_function("window.contentAt > 0", timeout=WAIT_MS)
    stage = page.locator(PAINTED).first
    stage.wait_for(timeout=WAIT_MS)
    ends = float(page.evaluate("window.contentAt")), float(stage.get_attribute("data-whole") or 0)
    page.close()
    return (ends[0] - began) / 1000, (ends[1] - began) / 1000


def _computed(root: psutil.Process) -> float:
    """Processor seconds of a process and all it started, so far."""
    taken = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.Error):  # one that has ended
            taken += sum(process.cpu_times()[:2])
    return taken
