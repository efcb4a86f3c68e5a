"""label-loss: labels lost or on the wrong patch, a key every 60 ms, with restarts of the lab and reloads in between.

The app is killed as by a power cut, labelling goes on, and the app comes back; between stretches the page is reloaded.
Then every patch's label in the database is compared with the keys that were pressed for it.
"""

from __future__ import annotations

import random
import threading
import time

from benchmarks._label_home import READY, browser, label_lab, open_canvas
from benchmarks.result import Result
from mmdnet.errors import LabError

PRESS_MS = 60
BACK_AFTER_S = 1.0


def run(quick: bool = False) -> Result:
    """Labels lost or misplaced; how many were given, and how often the lab was killed and the page reloaded."""
    stretches, each = (2, 40) if quick else (12, 278)
    rng = random.Random(1)
    given = [(rng.randint(0, 2), rng.randint(0, 3), rng.randint(0, 3)) for _ in range(stretches * each)]
    with label_lab(len(given) + 200) as bench:
        session_id = bench.session("Ada", len(given) + 200)
        bench.running.start_app()
        with browser() as opened:
            page = open_canvas(opened, bench, "Ada")
            page.wait_for_timeout(3000)
            for stretch in range(stretches):
                if stretch:
                    page.reload()
                    page.locator(READY).wait_for(timeout=60_000)
                    page.wait_for_timeout(3000)
                _stretch(page, bench, given[stretch * each : (stretch + 1) * each])
        labels = bench.lab.labels
        order = [item.patch_id for item in labels.queue(session_id, 0, len(given))]
        found = {one.patch_id: tuple(one.grades.values()) for one in labels.current(bench.project)}
        wrong = sum(found.get(patch) != three for patch, three in zip(order, given, strict=True))
        extra = len(set(found) - set(order))
        beside = {
            "presses": 3 * len(given),
            "labels": len(given),
            "on_patches_not_pressed_for": extra,
            "kills": stretches,
            "reloads": stretches - 1,
            "log_intact": labels.verify().intact,
            "native_buttons_wrong_share": "5-9 %",
        }
    return Result("label-loss", wrong + extra, "labels lost or misplaced", beside, runs=len(given))


def _stretch(page, bench, given: list[tuple[int, int, int]]) -> None:  # type: ignore[no-untyped-def]
    """Press these grades; a third of the way the lab is killed, and it comes back by itself."""

    def back() -> None:
        bench.running.start_app()

    waiting: threading.Timer | None = None
    before = int(page.locator(".canvas").get_attribute("data-done"))
    for number, three in enumerate(given):
        if number == len(given) // 3:
            bench.running.kill_app()
            waiting = threading.Timer(BACK_AFTER_S, back)
            waiting.start()
        page.locator(READY).wait_for(timeout=120_000)  # nobody grades a blank screen
        for digit in three:
            page.keyboard.press(str(digit))
            page.wait_for_timeout(PRESS_MS)
        if waiting and number == len(given) // 3 + 30:
            waiting.join()  # no more than the pictures that were fetched ahead can be labelled without the lab
    if waiting:
        waiting.join()
    state, wanted = {}, {"done": str(before + len(given)), "unsaved": "0"}
    deadline = time.monotonic() + 120
    while state != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
        canvas = page.locator(".canvas")
        state = {name: canvas.get_attribute(f"data-{name}") for name in wanted}
    if state != wanted:
        words = page.locator("[data-part=notice]").inner_text()
        raise LabError(f"After {len(given)} patches the canvas says {state} where {wanted} is due; it says: {words}")
