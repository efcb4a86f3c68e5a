"""[zoom] Deep zoom on a 30,000 px slide with an attention map, in Chromium: from a gesture to all in view painted.

The lab runs as it does for people; the page is a slide's report, its viewer as large as there. Gestures are those of a
hand: the wheel, a drag, a click on the small slide in the corner, a button. Counted is from before a gesture's last
movement to two frames after the last tile in view came; gestures that brought no new tile into view are left out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from benchmarks._label_home import browser, share
from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result
from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.slides.ingest.register import slide_row, write_survey
from mmdnet.workflows.slides.ingest.survey import Survey, SurveyedPatch
from tests.browser.lab_process import RunningLab

SIDE_PX = 30_000
MPP = 0.25
REACH_S = 1.0
WAIT_MS = 60_000
WALK = ("in", "in", "jump", "drag", "jump", "in", "drag", "drag", "jump", "out", "in", "jump", "drag", "home")


def lay_slide(lab: Lab, path: Path, scored_rows: int) -> tuple[int, int]:
    """A slide full of tissue with a patch in every cell of its grid, scored; its project's and its score's number.

    `scored_rows` of its rows of patches are in use.
    """
    project, slide_id = lay_patches(lab, path, scored_rows)
    context = SimpleNamespace(job_id="benchmark", progress=lambda *a, **k: None, check=lambda: None)
    lab.scoring.score_now(context, [slide_id], lab.models.shipped())  # type: ignore[arg-type]
    return project, lab.scoring.list(project)[0].id


def lay_patches(lab: Lab, path: Path, used_rows: int) -> tuple[int, int]:
    """A slide with a patch in every cell of its grid, `used_rows` rows of them in use; its project's and its number.

    It is written to the database as it stands: what is measured begins after it has come in.
    """
    project = lab.projects.named("Benchmark").id
    with open_slide(path) as reader:
        facts, grid = reader.facts, patch_grid(reader)
    rows, cols = grid.shape_in(facts.width_px0, facts.height_px0)
    cells = [(row, col) for row in range(rows) for col in range(cols)]
    patches = [
        SurveyedPatch(
            PatchPlace(row, col, *grid.corner_px0(row, col), 1.0), {}, None if row < used_rows else "blur", 0.1
        )
        for row, col in cells
    ]
    laid = Survey(grid.patch_px, grid.patch_mpp, (SIDE_PX * MPP / 1000) ** 2, None, 0.1, tuple(patches), measured=True)
    with lab.db.begin() as session:
        slide = slide_row(facts, project_id=project)
        session.add(slide)
        session.flush()
        write_survey(session, slide, laid)
        return project, slide.id


@contextmanager
def scored_lab(scored_rows: int) -> Iterator[tuple[RunningLab, int, int]]:
    """The running lab over that slide, its project and score."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        path = write_mosaic(home / "slide.tiff", SIDE_PX, MPP, tissue_field()[0])
        lab = open_lab(load_settings(home=home))
        project, score = lay_slide(lab, path, scored_rows)
        running = RunningLab(home)
        try:
            running.start_app()
            yield running, project, score
        finally:
            running.stop()


class Viewer:
    """The deep zoom on the screen, and a hand over it."""

    def __init__(self, page, chance: random.Random) -> None:  # type: ignore[no-untyped-def]
        self.page, self.chance = page, chance
        self.stage = page.locator(".stage").first
        page.locator(".stage[data-whole]:not([data-whole=''])").first.wait_for(timeout=WAIT_MS)
        self.stage.scroll_into_view_if_needed()
        page.wait_for_timeout(2000)
        self.tiles: list[int] = []
        page.on("response", lambda answer: "/api/zoom/slide/" in answer.url and self.tiles.append(answer.status))

    def act(self, kind: str) -> float | None:
        """One gesture; seconds until everything in view was painted, None where it brought no new tile into view."""
        stage, before = self.stage.bounding_box(), len(self.tiles)
        small = self.stage.locator(".navigator").bounding_box()
        x, y = self._within(stage, 0.3, 0.7)
        begun = self._now()
        if kind == "home":
            self.stage.get_by_role("button", name="Whole slide").click()
        elif kind == "jump":  # on the small slide in the corner
            self.page.mouse.click(*self._within(small, 0.15, 0.85))
        elif kind == "drag":
            angle, far = self.chance.uniform(0, 2 * math.pi), 0.6 * min(stage["width"], stage["height"])
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            self.page.mouse.move(x + 0.9 * far * math.cos(angle), y + 0.9 * far * math.sin(angle), steps=3)
            begun = self._now()
            self.page.mouse.move(x + far * math.cos(angle), y + far * math.sin(angle))
            self.page.mouse.up()
        else:
            self.page.mouse.move(x, y)
            self.page.keyboard.down("Control")  # without it, or a press into the slide, the wheel scrolls the page
            for _ in range(self.chance.randint(2, 6)):
                begun = self._now()
                self.page.mouse.wheel(0, -240 if kind == "in" else 240)
            self.page.keyboard.up("Control")
        took = self._whole_after(begun)
        return took if len(self.tiles) > before else None

    def _now(self) -> float:
        return float(self.page.evaluate("performance.now()"))

    def _within(self, box: dict[str, float], low: float, high: float) -> tuple[float, float]:
        """A place at random in the middle of a box."""
        across, down = self.chance.uniform(low, high), self.chance.uniform(low, high)
        return box["x"] + box["width"] * across, box["y"] + box["height"] * down

    def _whole_after(self, begun: float) -> float:
        """Wait until it is whole and stays so: a gesture's last glide may begin after an earlier one was painted."""
        before = 0.0
        while self.page.evaluate("performance.now()") - begun < WAIT_MS:
            self.page.wait_for_timeout(400)
            whole = float(self.stage.get_attribute("data-whole") or 0)
            if whole > begun and whole == before:
                return (whole - begun) / 1000
            before = whole
        return WAIT_MS / 1000


def run(quick: bool) -> Result:
    gestures = 28 if quick else 168
    chance = random.Random(0)
    with scored_lab(8 if quick else 50) as (running, project, score), browser() as opened:
        page = opened.new_context(viewport={"width": 1440, "height": 900}).new_page()  # type: ignore[attr-defined]
        page.goto(f"{running.url}/report?project={project}&score={score}")
        viewer = Viewer(page, chance)
        opened_s = float(viewer.stage.get_attribute("data-whole")) / 1000
        acted = [viewer.act(kind) for _ in range(-(-gestures // len(WALK))) for kind in WALK]
        took = [seconds for seconds in acted if seconds is not None]
        tiles, failed = len(viewer.tiles), sum(status != 200 for status in viewer.tiles)
    beside = {
        "reach": REACH_S,
        "reach_is": "most",
        "p50_s": round(share(took, 50), 3),
        "largest_s": round(max(took), 3),
        "page_opened_to_all_painted_s": round(opened_s, 2),
        "tiles_fetched": tiles,
        "tiles_failed": failed,
        "gestures": len(acted),
        "slide_px": SIDE_PX,
    }
    return Result("zoom", share(took, 95), "s, p95 from a gesture to all tiles in view painted", beside, len(took))
