"""label-loss: labels lost or on the wrong patch, a key every 60 ms, with restarts of the lab and reloads in between.

Five parts, each in a lab of its own. In each the app is killed three times as by a power cut while keys go on, comes
back by itself, and the page is reloaded. Then each label in the database is compared with the keys pressed for it.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from benchmarks._label_home import LabelLab, browser, label_lab, open_canvas
from benchmarks.result import Result
from mmdnet.errors import LabError
from tests.browser.steps import READY

PRESS_MS = 60
BACK_AFTER_S = 1.0
AHEAD = 30  # patches graded after a kill before the lab is waited for: no more pictures than that are sure to be there
Grades = tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """What one part came to: labels given, lost or misplaced ones, and labels on patches nothing was pressed for."""

    given: int
    wrong: int
    extra: int
    kills: int
    intact: bool


def run(quick: bool = False) -> Result:
    """Labels lost or misplaced; how many were given, and how often the lab was killed and the page reloaded."""
    parts = [part(0, 2, 40)] if quick else [part(number, 3, 223) for number in range(5)]
    given = sum(lab.given for lab in parts)
    beside = {
        "presses": 3 * given,
        "labels": given,
        "on_patches_not_pressed_for": sum(lab.extra for lab in parts),
        "kills": sum(lab.kills for lab in parts),
        "reloads": sum(lab.kills for lab in parts),
        "log_intact": all(lab.intact for lab in parts),
        "native_buttons_wrong_share": "5-9 %",
    }
    lost = sum(lab.wrong + lab.extra for lab in parts)
    return Result("label-loss", lost, "labels lost or misplaced", beside, runs=given)


def part(seed: int, stretches: int, each: int) -> Part:
    """So many stretches of patches graded by keys, a kill in each and a reload after it, in a lab of its own."""
    rng = random.Random(seed)
    given = [(rng.randint(0, 2), rng.randint(0, 3), rng.randint(0, 3)) for _ in range(stretches * each)]
    with label_lab(len(given) + 200) as bench:
        session_id = bench.session("Ada", len(given) + 200, seed=seed)
        bench.running.start_app()
        with browser() as opened:
            page = open_canvas(opened, bench, "Ada")
            for stretch in range(stretches):
                page.wait_for_timeout(3000)
                _stretch(page, bench, given[stretch * each : (stretch + 1) * each])
                page.reload()
                page.locator(READY).wait_for(timeout=60_000)
        labels = bench.lab.labels
        order = [item.patch_id for item in labels.sessions.queue(session_id, 0, len(given))]
        kept = {label.patch_id: tuple(label.grades.values()) for label in labels.current(bench.project)}
        wrong = sum(kept.get(patch) != values for patch, values in zip(order, given, strict=True))
        return Part(len(given), wrong, len(set(kept) - set(order)), stretches, labels.record.verify().intact)


def _stretch(page, bench: LabelLab, given: list[Grades]) -> None:  # type: ignore[no-untyped-def]
    """Press these grades; a third of the way the lab is killed, and it comes back by itself."""
    waiting: threading.Timer | None = None
    before = int(page.locator(".canvas").get_attribute("data-done"))
    for number, values in enumerate(given):
        if number == len(given) // 3:
            bench.running.kill_app()
            waiting = threading.Timer(BACK_AFTER_S, bench.running.start_app)
            waiting.start()
        page.locator(READY).wait_for(timeout=120_000)  # nobody grades a blank screen
        for digit in reversed(values):
            page.keyboard.press(str(digit))
            page.wait_for_timeout(PRESS_MS)
        if waiting and number == len(given) // 3 + AHEAD:
            waiting.join()
    if waiting:
        waiting.join()
    _settled(page, before + len(given))


def _settled(page, done: int) -> None:  # type: ignore[no-untyped-def]
    """Wait until the canvas says that all is done and saved.

    Raises:
        LabError: it does not within two minutes; what it says instead.
    """
    state, wanted = {}, {"done": str(done), "unsaved": "0"}
    deadline = time.monotonic() + 120
    while state != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
        state = {name: page.locator(".canvas").get_attribute(f"data-{name}") for name in wanted}
    if state != wanted:
        words = page.locator("[data-part=notice]").inner_text()
        raise LabError(f"The canvas says {state} where {wanted} is due; it says: {words}")
