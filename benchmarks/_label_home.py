"""A lab for labelling benchmarks: the running app over one drawn slide and as many patches as asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert

from db.models import Patch
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import QueueChoice
from tests.browser.drawn import draw_field
from tests.browser.lab_process import RunningLab
from tests.browser.steps import READY, choose_reader, settled

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
COLUMNS, ROWS = 12, 8


@dataclass(frozen=True)
class LabelLab:
    """A lab with one project, one slide of many patches, and its processes."""

    running: RunningLab
    lab: Lab
    project: int
    slide: int

    def session(self, reader: str, patches: int, seed: int = 0) -> int:
        reader_id = self.lab.readers.ensure(reader).id
        choice = QueueChoice([self.slide], patches, seed=seed)
        view = self.lab.labels.sessions.create(self.project, reader_id, "Bench", choice)
        return view.id


@contextmanager
def label_lab(patches: int, database_url: str = "") -> Iterator[LabelLab]:
    """A temporary home with `patches` patches: those of a drawn field, and more laid over it, a pixel apart."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        draw_field(home / "field.png", COLUMNS, ROWS)
        lab = open_lab(load_settings(home=home, database_url=database_url))
        project = lab.projects.named("Benchmark").id
        (outcome,) = lab.slides.register(project, home / "field.png", StatedFacts(mpp=0.5))
        if outcome.slide_id is None:
            raise LabError(str(outcome.problem))
        more_patches(lab, outcome.slide_id, patches)
        running = RunningLab(home, database_url=database_url)
        try:
            yield LabelLab(running, lab, project, outcome.slide_id)
        finally:
            running.stop()


def more_patches(lab: Lab, slide_id: int, wanted: int) -> None:
    """Lay patches over a slide until it has so many, wherever they fall."""
    known = lab.slides.patches(slide_id)
    free_x, free_y = PATCH_PX * (COLUMNS - 1), PATCH_PX * (ROWS - 1)
    rows = [
        {
            "slide_id": slide_id,
            "row": 1000 + number // 1000,
            "col": number % 1000,
            "x_px0": number * 37 % free_x,
            "y_px0": number * 53 % free_y,
            "tissue_share": 1.0,
            "fat_area_share": 0.1,
            "quality": {},
            "set_aside": None,
            "overruled": False,
        }
        for number in range(max(0, wanted - len(known)))
    ]
    with lab.db.begin() as session:
        for start in range(0, len(rows), 10_000):
            session.execute(insert(Patch), rows[start : start + 10_000])


@contextmanager
def browser() -> Iterator[object]:
    """The system's Chromium, headless.

    Raises:
        LabError: there is none.
    """
    from playwright.sync_api import sync_playwright

    path = next((path for path in BROWSERS if Path(path).exists()), None)
    if path is None:
        raise LabError("This benchmark needs Chromium (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


def open_canvas(browser, bench: LabelLab, reader: str):  # type: ignore[no-untyped-def]
    """A fresh browser profile with the reader's canvas on the screen, collecting paint times."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(
        "window.painted = []; window.addEventListener('mmdnet:painted', (e) => window.painted.push(e.detail))"
    )
    page.goto(f"{bench.running.url}/label?project={bench.project}")
    choose_reader(page, reader)
    page.locator(READY).wait_for(timeout=60_000)
    return page


def grade_patches(page, patches: int, press_ms: float = 150) -> list[float]:  # type: ignore[no-untyped-def]
    """Grade so many patches by keys; of each the time in ms from its last key to the next patch painted."""
    page.evaluate("window.painted.length = 0")
    for number in range(patches):
        for digit in ((number + 1) % 4, number % 4, number % 3):
            page.keyboard.press(str(digit))
            page.wait_for_timeout(press_ms)
    page.wait_for_timeout(1500)
    settled(page)
    return [round(paint["ms"], 1) for paint in page.evaluate("window.painted") if paint["ms"] is not None]


def wait_until(true: Callable[[], bool], seconds: float, every_s: float = 0.05) -> bool:
    """Whether it became true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(every_s)
    return true()


def share(values: list[float], percent: float) -> float:
    """The value below which `percent` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
